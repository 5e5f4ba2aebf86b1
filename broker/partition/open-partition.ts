// Recovery of one partition: the log first, then the state beside it, from the newest snapshot that can be
// trusted and the batches after it.
//
//   stop     snapshot that may be used                          replayed
//   clean    any up to the log's end (one was written there)    what lies above it: normally nothing
//   unclean  up to the base of the first segment that recovery  everything above it, abort index included
//            read again; later ones may be of a history that
//            was cut, and are removed
//
// What recovery kept of the tail is synced before the partition exists, so all of it may be read (I5).

import { Log } from '../log/log.ts'
import type { TailCut } from '../log/log-config.ts'
import { CorruptRecordError } from '../protocol/record-batch/failures.ts'
import { CorruptLogError, type Storage, StorageError } from '../storage/storage.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import { Partition } from './partition.ts'
import type { PartitionAssignment } from './partition-api.ts'
import { logConfigOf } from './partition-config.ts'
import type { PartitionContext, PartitionParts } from './partition-parts.ts'
import { ProducerState } from './producer-state.ts'
import { recallFrom, replayEpochs, replayLog } from './replay.ts'
import { SideFiles } from './side-files.ts'

export interface OpenPartitionOptions {
  storage: Storage
  /** The partition's folder, below the data directory. */
  directory: string
  /** Both from the data directory's checkpoints; 0 when unknown. */
  recoveryPoint: bigint
  logStartOffset: bigint
  cleanShutdown: boolean
  /** The cleaner has been here. */
  wasCompacted: boolean
  /** It is this late at least; undefined: the clock cannot vouch for any time, and nobody is forgotten. */
  earliestMs: number | undefined
  /** producer.id.expiration.ms */
  producerIdExpirationMs: number
  onTailCut?: (cut: TailCut) => void
}

/** Log and side files are there before the partition they report to. */
interface Opened {
  partition?: Partition
}

/** Never rejects for a damaged log or a failing disk: the partition is then offline, and knows why. */
export async function openPartition(
  assignment: PartitionAssignment,
  context: PartitionContext,
  options: OpenPartitionOptions,
): Promise<Partition> {
  const opened: Opened = {}
  let parts: PartitionParts | Error
  try {
    parts = await recover(assignment, context, options, opened)
  } catch (error) {
    if (!isDamage(error)) throw error
    parts = error
  }
  opened.partition = new Partition(assignment, context, parts)
  return opened.partition
}

async function recover(
  assignment: PartitionAssignment,
  context: PartitionContext,
  options: OpenPartitionOptions,
  opened: Opened,
): Promise<PartitionParts> {
  const { storage, directory, recoveryPoint, cleanShutdown } = options
  const { config } = assignment
  const producers = new ProducerState()
  const files = new SideFiles(storage, directory, recoveryPoint, (error) => opened.partition?.fail(error))
  const log = Log.open(storage, directory, logConfigOf(config), {
    clock: context.clock,
    recoveryPoint,
    logStartOffset: options.logStartOffset,
    cleanShutdown,
    mayHaveGaps: options.wasCompacted,
    ...(options.onTailCut === undefined ? {} : { onTailCut: options.onTailCut }),
    random: context.random ?? (() => 0),
    onDeleteFailed: (error) => opened.partition?.fail(error),
    onRoll: (baseOffset) => {
      // The topic may be another kind of topic by now.
      if ((opened.partition?.config ?? config).durability === 'memory') return
      files.writeSnapshot(baseOffset, producers)
      // Else the recovery point of a log that nobody else syncs would never leave its first segment.
      opened.partition?.requestSync()
    },
  })
  try {
    return await recoverState(log, producers, files, assignment, context, options)
  } catch (error) {
    // A partition that cannot be opened holds no files: it may be tried again.
    log.release()
    throw error
  }
}

async function recoverState(
  log: Log,
  producers: ProducerState,
  files: SideFiles,
  assignment: PartitionAssignment,
  context: PartitionContext,
  options: OpenPartitionOptions,
): Promise<PartitionParts> {
  const { storage, directory, recoveryPoint, cleanShutdown } = options
  const { config, leaderEpoch } = assignment
  const nowMs = context.clock.now()
  const segments = log.describeSegments().map(({ baseOffset }) => baseOffset)
  const synced = recoveryPoint > options.logStartOffset ? recoveryPoint : options.logStartOffset
  const recoveredFrom = segments.findLast((base) => base <= synced) ?? log.logStartOffset
  const trusted = cleanShutdown ? log.endOffset : recoveredFrom
  const snapshot = files.loadSnapshot(trusted)
  const oldest = segments[0] ?? log.logStartOffset
  const removed = files.pruneSnapshots(
    (offset) => offset === snapshot?.offset || (offset <= trusted && segments.includes(offset)),
  )
  producers.restore(snapshot?.entries ?? [])
  if (options.earliestMs !== undefined) producers.expire(options.earliestMs, options.producerIdExpirationMs)
  const replayFrom = snapshot === undefined || snapshot.offset < oldest ? oldest : snapshot.offset
  const savedEpochs = files.loadEpochs()
  const epochs = new LeaderEpochs(savedEpochs)
  if (epochs.truncateFromEnd(log.endOffset)) files.writeEpochs(epochs)
  if (savedEpochs === undefined && oldest < replayFrom) replayEpochs(log, epochs, oldest)
  const recalledFrom = producers.isEmpty ? replayFrom : recallFrom(log.describeSegments(), replayFrom)
  if (recalledFrom < log.endOffset) replayLog(log, producers, epochs, replayFrom, nowMs, recalledFrom)
  const latestEpoch = epochs.latestEpoch ?? leaderEpoch
  if (latestEpoch > leaderEpoch) {
    throw new CorruptLogError(directory, 0, `written in leader epoch ${latestEpoch}, led in ${leaderEpoch}`)
  }
  if (!cleanShutdown && config.durability !== 'memory') {
    if (removed > 0) await storage.syncDirectory(directory)
    await log.sync()
  }
  return { log, producers, epochs, files }
}

function isDamage(error: unknown): error is StorageError | CorruptLogError | CorruptRecordError {
  return (
    error instanceof StorageError || error instanceof CorruptLogError || error instanceof CorruptRecordError
  )
}
