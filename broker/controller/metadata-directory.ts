// The folder of a metadata log as it is found at start, and the small files beside it: who led it, up to where it was
// synced, which snapshot it goes on from. single-node-quorum.ts draws the folder.

import { type EpochCheckpointEntry, encodeEpochCheckpoint } from '../log/epoch-checkpoint.ts'
import type { Log } from '../log/log.ts'
import {
  LEADER_EPOCH_FILE,
  PARTITION_METADATA_FILE,
  partitionDirectoryName,
  RECOVERY_POINT_FILE,
} from '../log/names.ts'
import { decodeOffsetCheckpoint, encodeOffsetCheckpoint } from '../log/offset-checkpoints.ts'
import { encodePartitionMetadata } from '../log/partition-metadata.ts'
import { decode } from '../protocol/codec.ts'
import { controlTypes } from '../protocol/record-batch/control.ts'
import { batchSizeInBytes } from '../protocol/record-batch/header.ts'
import { votersRecord } from '../protocol/records/raft.ts'
import { CorruptLogError, type Storage } from '../storage/storage.ts'
import { decodeQuorumState, encodeQuorumState, QUORUM_STATE_FILE } from './quorum-state.ts'
import { controlRecords, type QuorumControls, type SnapshotId } from './snapshot-file.ts'
import type { SnapshotStore } from './snapshot-store.ts'
import { METADATA_TOPIC } from './topic-name.ts'

export const DIRECTORY = partitionDirectoryName(METADATA_TOPIC, 0)
/** Kafka's Uuid.METADATA_TOPIC_ID. */
const METADATA_TOPIC_ID = '00000000000000000000000000000001'

interface ReadLogOptions {
  nodeId: number
  onDamagedSnapshot?: (error: CorruptLogError) => void
}

export interface FoundLog {
  store: SnapshotStore
  /** Where the metadata begins; undefined: with the log. */
  snapshot: SnapshotId | undefined
  epochs: EpochCheckpointEntry[]
  controls: QuorumControls
  uncoveredBytes: number
}

/** What the disk has: the snapshot to begin with, and, of the log behind it, its epochs and control records. */
export function readLog(log: Log, store: SnapshotStore, options: ReadLogOptions): FoundLog {
  const snapshot = store.choose(log.logStartOffset, (error) => options.onDamagedSnapshot?.(error))
  const from = snapshot?.endOffset ?? 0n
  // A snapshot that came from another voter stands for a log that was never here.
  if (from > log.endOffset) log.truncateFullyAndStartAt(from)
  const epochs: EpochCheckpointEntry[] = []
  const controls: QuorumControls = { ...snapshot?.controls }
  let uncoveredBytes = 0
  log.replay(log.logStartOffset, (head, buffer, at) => {
    const epoch = head.partitionLeaderEpoch
    if (epochs.length === 0 || epoch > (epochs.at(-1) as EpochCheckpointEntry).epoch) {
      epochs.push({ epoch, startOffset: head.baseOffset })
    }
    if (head.baseOffset < from) return
    uncoveredBytes += batchSizeInBytes(buffer, at)
    if (!head.isControl) return
    const refuse = (why: string): never => {
      throw new CorruptLogError(DIRECTORY, at, `${why}, in the batch at ${head.baseOffset}`)
    }
    for (const { type, value } of controlRecords(buffer, at, refuse)) {
      if (type === controlTypes.kraftVersion) controls.kraftVersion = Buffer.from(value)
      else if (type === controlTypes.kraftVoters) controls.voters = Buffer.from(value)
    }
  })
  checkVoters(controls, options.nodeId)
  return { store, snapshot, epochs, controls, uncoveredBytes }
}

/** Voters that the log itself names (KIP-853) must be this node alone. */
function checkVoters({ voters }: QuorumControls, nodeId: number): void {
  if (voters === undefined) return
  const ids = decode(votersRecord, 0, voters, 0, voters.length).voters.map(({ voterId }) => voterId)
  if (ids.length !== 1 || ids[0] !== nodeId) {
    throw new Error(`${DIRECTORY}: the quorum is [${ids.join(', ')}], this is node ${nodeId} alone`)
  }
}

/** The epoch that the file knows, 0 without one. */
export function readQuorumState(storage: Storage, nodeId: number): number {
  const path = `${DIRECTORY}/${QUORUM_STATE_FILE}`
  const bytes = storage.readFile(path)
  if (bytes === undefined) return 0
  const state = decodeQuorumState(bytes)
  if (typeof state === 'string') throw new CorruptLogError(path, 0, state)
  if (state.voters !== null && (state.voters.length !== 1 || state.voters[0] !== nodeId)) {
    throw new Error(`${path}: the quorum is [${state.voters.join(', ')}], this is node ${nodeId} alone`)
  }
  return Math.max(state.leaderEpoch, 0)
}

export function readRecoveryPoint(storage: Storage): bigint {
  const bytes = storage.readFile(`${DIRECTORY}/${RECOVERY_POINT_FILE}`)
  const entries = bytes === undefined ? undefined : decodeOffsetCheckpoint(bytes)
  return entries?.find(({ topic }) => topic === METADATA_TOPIC)?.offset ?? 0n
}

export async function writeRecoveryPoint(storage: Storage, offset: bigint): Promise<void> {
  const content = encodeOffsetCheckpoint([{ topic: METADATA_TOPIC, partition: 0, offset }])
  await storage.replaceFile(`${DIRECTORY}/${RECOVERY_POINT_FILE}`, content)
}

export async function writeSideFiles(
  storage: Storage,
  nodeId: number,
  epoch: number,
  epochs: readonly EpochCheckpointEntry[],
): Promise<void> {
  const metadataFile = `${DIRECTORY}/${PARTITION_METADATA_FILE}`
  if (!storage.exists(metadataFile)) {
    await storage.replaceFile(metadataFile, encodePartitionMetadata(METADATA_TOPIC_ID))
  }
  await storage.replaceFile(`${DIRECTORY}/${LEADER_EPOCH_FILE}`, encodeEpochCheckpoint(epochs))
  const state = encodeQuorumState({ leaderId: nodeId, leaderEpoch: epoch, voters: [nodeId] })
  await storage.replaceFile(`${DIRECTORY}/${QUORUM_STATE_FILE}`, state)
}
