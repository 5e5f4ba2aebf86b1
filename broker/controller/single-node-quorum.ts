// A quorum of one: this node votes for itself, and what its disk has synced is committed. The files are
// KRaft's, so that Kafka's tools read them and raft can take over:
//
//   __cluster_metadata-0/
//     00000000000000000000.log     a LeaderChange control batch at the start of every epoch, then records
//     leader-epoch-checkpoint      at which offset each epoch began
//     quorum-state                 leader and epoch; synced before the epoch's first batch
//     partition.metadata           the reserved topic id ...0001
//     recovery-point-offset-checkpoint   ours: everything below it was synced, so damage there is no torn tail
//
// Every start is a new epoch. Rule kept: committedEnd never passes what a sync has covered.

import { type EpochCheckpointEntry, encodeEpochCheckpoint } from '../log/epoch-checkpoint.ts'
import { Log } from '../log/log.ts'
import { defaultLogConfig, type TailCut } from '../log/log-config.ts'
import {
  LEADER_EPOCH_FILE,
  PARTITION_METADATA_FILE,
  partitionDirectoryName,
  RECOVERY_POINT_FILE,
} from '../log/names.ts'
import { decodeOffsetCheckpoint, encodeOffsetCheckpoint } from '../log/offset-checkpoints.ts'
import { encodePartitionMetadata } from '../log/partition-metadata.ts'
import { encodeMessage } from '../protocol/codec.ts'
import { errorCodes } from '../protocol/errors.ts'
import { RecordBatchBuilder } from '../protocol/record-batch/builder.ts'
import { controlTypes } from '../protocol/record-batch/control.ts'
import { RecordCursor } from '../protocol/record-batch/cursor.ts'
import { readBatchHeader, stampBatch } from '../protocol/record-batch/header.ts'
import { leaderChangeMessage } from '../protocol/records/raft.ts'
import { CorruptLogError, isTemporary, type Storage, StorageError } from '../storage/storage.ts'
import type { Clock, Timer } from '../time/clock.ts'
import { type Quorum, type QuorumAppend, QuorumError } from './quorum.ts'
import { decodeQuorumState, encodeQuorumState, QUORUM_STATE_FILE } from './quorum-state.ts'
import { METADATA_TOPIC } from './topic-name.ts'

/** Kafka's Uuid.METADATA_TOPIC_ID. */
const METADATA_TOPIC_ID = '00000000000000000000000000000001'
const DIRECTORY = partitionDirectoryName(METADATA_TOPIC, 0)
const RETRY_MS = 100
/** Kafka's internal.metadata.max.batch.size.in.bytes. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024

export interface SingleNodeQuorumOptions {
  storage: Storage
  clock: Clock
  nodeId: number
  /** Nothing survives the process, so nothing is synced. */
  isVolatile?: boolean
  onTailCut?: (cut: TailCut) => void
}

export class SingleNodeQuorum implements Quorum {
  readonly nodeId: number
  readonly leaderId: number
  readonly epoch: number
  private readonly storage: Storage
  private readonly clock: Clock
  private readonly log: Log
  private readonly isVolatile: boolean
  private committed = 0n
  private syncing = false
  private closedBy: QuorumError | undefined
  /** A sync that could not begin is tried again. */
  private retry: Timer | undefined
  private readonly committedCallbacks = new Set<() => void>()
  private readonly closedCallbacks = new Set<(error: QuorumError) => void>()

  /**
   * Opens the metadata log and begins an epoch. Throws CorruptLogError, StorageError, and Error where the
   * log belongs to other voters or begins with a snapshot.
   */
  static async open(options: SingleNodeQuorumOptions): Promise<SingleNodeQuorum> {
    const { storage, nodeId } = options
    const previousEpoch = readQuorumState(storage, nodeId)
    const log = Log.open(storage, DIRECTORY, defaultLogConfig, {
      clock: options.clock,
      recoveryPoint: readRecoveryPoint(storage),
      logStartOffset: 0n,
      cleanShutdown: false,
      ...(options.onTailCut === undefined ? {} : { onTailCut: options.onTailCut }),
    })
    if (log.logStartOffset > 0n) {
      log.close()
      throw new Error(`${DIRECTORY} begins at offset ${log.logStartOffset}: snapshots cannot be read yet`)
    }
    const epochs: EpochCheckpointEntry[] = []
    log.replay(0n, (head) => {
      const epoch = head.partitionLeaderEpoch
      if (epochs.length === 0 || epoch > (epochs.at(-1) as EpochCheckpointEntry).epoch) {
        epochs.push({ epoch, startOffset: head.baseOffset })
      }
    })
    const epoch = Math.max(previousEpoch, epochs.at(-1)?.epoch ?? 0) + 1
    epochs.push({ epoch, startOffset: log.endOffset })
    await writeSideFiles(storage, nodeId, epoch, epochs)
    const quorum = new SingleNodeQuorum(options, log, epoch)
    quorum.appendLeaderChange()
    await quorum.settle()
    return quorum
  }

  private constructor(options: SingleNodeQuorumOptions, log: Log, epoch: number) {
    this.storage = options.storage
    this.clock = options.clock
    this.nodeId = options.nodeId
    this.leaderId = options.nodeId
    this.isVolatile = options.isVolatile ?? false
    this.log = log
    this.epoch = epoch
  }

  get endOffset(): bigint {
    return this.log.endOffset
  }

  get committedEnd(): bigint {
    return this.committed
  }

  replay(visit: (records: readonly Buffer[], baseOffset: bigint) => void): void {
    const cursor = new RecordCursor()
    this.log.replay(0n, (head, buffer, at) => {
      if (head.isControl) return
      cursor.reset(buffer, at)
      const records: Buffer[] = []
      while (cursor.next()) {
        if (cursor.valueStart < 0) {
          throw new CorruptLogError(
            DIRECTORY,
            at,
            `a metadata record without a value in the batch at ${head.baseOffset}`,
          )
        }
        records.push(cursor.buffer.subarray(cursor.valueStart, cursor.valueEnd))
      }
      visit(records, head.baseOffset)
    })
  }

  append(values: readonly Uint8Array[]): QuorumAppend {
    if (this.closedBy !== undefined) throw this.closedBy
    const nowMs = this.clock.now()
    const builder = new RecordBatchBuilder()
    for (const value of values) builder.append(nowMs, null, value)
    if (builder.sizeInBytes > MAX_BATCH_BYTES) {
      throw new QuorumError(
        errorCodes.POLICY_VIOLATION,
        `the change takes ${builder.sizeInBytes} bytes of metadata, one batch holds ${MAX_BATCH_BYTES}`,
      )
    }
    return this.appendBatch(builder.build())
  }

  onCommitted(callback: () => void): () => void {
    this.committedCallbacks.add(callback)
    return () => void this.committedCallbacks.delete(callback)
  }

  onClosed(callback: (error: QuorumError) => void): () => void {
    this.closedCallbacks.add(callback)
    return () => void this.closedCallbacks.delete(callback)
  }

  /** Syncs what there is, remembers it as the recovery point, and lets go of the files. Idempotent. */
  async close(): Promise<void> {
    const failed = this.closedBy !== undefined
    this.end(new QuorumError(errorCodes.NOT_CONTROLLER, 'the quorum has closed'))
    if (failed) return
    if (!this.isVolatile) {
      await this.log.sync()
      await writeRecoveryPoint(this.storage, this.log.recoveryPoint)
    }
    this.log.close()
  }

  private appendLeaderChange(): void {
    const voters = [{ voterId: this.nodeId }]
    const key = Buffer.alloc(4)
    key.writeInt16BE(controlTypes.leaderChange, 2)
    const value = encodeMessage(leaderChangeMessage, 0, {
      version: 0,
      leaderId: this.nodeId,
      voters,
      grantingVoters: voters,
    })
    const builder = new RecordBatchBuilder()
    builder.append(this.clock.now(), key, value)
    this.appendBatch(builder.build({ isControl: true }))
  }

  private appendBatch(batch: Buffer): QuorumAppend {
    const baseOffset = this.log.endOffset
    stampBatch(batch, 0, baseOffset, this.epoch)
    try {
      this.log.append(batch, readBatchHeader(batch, 0))
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      const refusal = new QuorumError(errorCodes.KAFKA_STORAGE_ERROR, error.message, { cause: error })
      // For want of room this change alone is refused: all is as it was before it.
      if (!error.isTemporary) this.end(refusal)
      throw refusal
    }
    if (this.isVolatile) this.commit(this.log.endOffset)
    else void this.syncOn()
    return { baseOffset, lastOffset: this.log.endOffset - 1n }
  }

  /** One sync at a time; what is appended meanwhile is covered by the next. A failed sync is final. */
  private async syncOn(): Promise<void> {
    if (this.syncing) return
    this.syncing = true
    try {
      while (this.closedBy === undefined && this.committed < this.log.endOffset) {
        const covered = this.log.endOffset
        await this.log.sync()
        this.commit(covered)
      }
    } catch (error) {
      if (isTemporary(error)) {
        this.retry = this.clock.setTimer(RETRY_MS, () => void this.syncOn())
        return
      }
      const message = error instanceof Error ? error.message : String(error)
      this.end(new QuorumError(errorCodes.KAFKA_STORAGE_ERROR, message, { cause: error }))
    } finally {
      this.syncing = false
    }
  }

  private commit(upTo: bigint): void {
    if (this.closedBy !== undefined) return
    this.committed = upTo
    for (const callback of this.committedCallbacks) callback()
  }

  /** Resolves when everything appended so far is committed. */
  private settle(): Promise<void> {
    const target = this.log.endOffset
    return new Promise((resolve, reject) => {
      if (this.committed >= target) return resolve()
      const stop = [
        this.onCommitted(() => {
          if (this.committed < target) return
          for (const each of stop) each()
          resolve()
        }),
        this.onClosed((error) => {
          for (const each of stop) each()
          reject(error)
        }),
      ]
      if (this.closedBy !== undefined) reject(this.closedBy)
    })
  }

  private end(error: QuorumError): void {
    if (this.closedBy !== undefined) return
    this.closedBy = error
    this.retry?.cancel()
    for (const callback of this.closedCallbacks) callback(error)
  }
}

/** The epoch that the file knows, 0 without one. */
function readQuorumState(storage: Storage, nodeId: number): number {
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

function readRecoveryPoint(storage: Storage): bigint {
  const bytes = storage.readFile(`${DIRECTORY}/${RECOVERY_POINT_FILE}`)
  const entries = bytes === undefined ? undefined : decodeOffsetCheckpoint(bytes)
  return entries?.find(({ topic }) => topic === METADATA_TOPIC)?.offset ?? 0n
}

async function writeRecoveryPoint(storage: Storage, offset: bigint): Promise<void> {
  const content = encodeOffsetCheckpoint([{ topic: METADATA_TOPIC, partition: 0, offset }])
  await storage.replaceFile(`${DIRECTORY}/${RECOVERY_POINT_FILE}`, content)
}

async function writeSideFiles(
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
