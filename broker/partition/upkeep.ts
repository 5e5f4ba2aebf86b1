// What is done to a partition from time to time, and at its end: retention, a clean close, its release
// before its folder goes away.

import { retentionBound } from '../log/retention.ts'
import { errorCodes } from '../protocol/errors.ts'
import { CorruptLogError, isTemporary, StorageError } from '../storage/storage.ts'
import { deleteSegments } from './delete-segments.ts'
import type { Partition } from './partition.ts'

/**
 * retention.ms and retention.bytes: removes whole segments below the high watermark that no pin holds. It is
 * `earliestMs` at least; where that is not known nothing goes for its age. Returns how many. Where the snapshot
 * that has to outlive them is still being written, they go after it.
 */
export function applyRetention(partition: Partition, earliestMs: number | undefined): number {
  const { parts, config, highWatermark } = partition
  if (parts === undefined || partition.hasEnded) return 0
  const { log, files } = parts
  const nowMs = earliestMs ?? 0
  const limits =
    config.cleanupPolicy === 'compact'
      ? { retentionMs: -1, retentionBytes: -1 }
      : {
          retentionMs: earliestMs === undefined ? -1 : config.retentionMs,
          retentionBytes: config.retentionBytes,
        }
  try {
    const segments = log.describeSegments()
    const { logStartOffset, endOffset } = log
    // Behind the newest segment an empty one, so that the newest can be chosen too: then it is rolled first.
    const next = { baseOffset: endOffset, endOffset, sizeInBytes: 0, maxTimestamp: -1n }
    const bound = retentionBound([...segments, next], limits, { nowMs, logStartOffset, highWatermark })
    if (bound === endOffset) log.roll()
    const removed = deleteSegments(parts, bound, config.durability === 'memory')
    if (log.logStartOffset > logStartOffset) parts.progress.afterStartMoved()
    const isHeldBack =
      (files.recoverableFrom(bound, log.describeSegments()) ?? bound) < bound && files.isSnapshotUnderWay
    if (isHeldBack) void files.settled().then(() => applyRetention(partition, earliestMs))
    return removed
  } catch (error) {
    if (!isStorageFailure(error)) throw error
    // There was no room to roll: the next time will do.
    if (isTemporary(error)) return 0
    partition.fail(error)
    return 0
  }
}

/** Forgets producers that were idle for producer.id.expiration.ms. */
export function expireProducers(partition: Partition, nowMs: number, expirationMs: number): number {
  return partition.parts?.producers.expire(nowMs, expirationMs) ?? 0
}

/**
 * Makes all of the partition durable, answers who still waits, writes the snapshot that spares the next
 * start a replay, closes the files. Returns whether all of it succeeded: only then the stop was a clean one.
 */
export async function closePartition(partition: Partition): Promise<boolean> {
  const { parts } = partition
  if (parts === undefined) return false
  const { log, progress, files, producers } = parts
  const isVolatile = partition.config.durability === 'memory'
  if (!partition.hasEnded && log.endOffset > 0n) await partition.whenDurable(log.endOffset - 1n)
  partition.end(errorCodes.NOT_LEADER_OR_FOLLOWER)
  await progress.stopSyncing()
  let isSafe = true
  try {
    if (!partition.isOffline) {
      const newest = files.snapshotOffsets.at(-1) ?? 0n
      if (!isVolatile && log.endOffset > newest) files.writeSnapshot(log.endOffset, producers)
      isSafe = await files.settled()
      // A clean stop promises it of every log, whatever its topic promises.
      await log.sync()
    }
  } catch (error) {
    if (!isStorageFailure(error)) throw error
    partition.fail(error)
  }
  closeLog(partition)
  return isSafe && !partition.isOffline
}

/** Indexes that find no room are made again from the log when they are needed. */
function closeLog(partition: Partition): void {
  try {
    partition.parts?.log.close()
  } catch (error) {
    if (!isStorageFailure(error)) throw error
    if (!isTemporary(error)) partition.fail(error)
  }
}

/** Lets go of all files, so that the folder can be renamed and removed. Nothing is made durable. */
export async function releasePartition(partition: Partition): Promise<void> {
  const { parts } = partition
  partition.end(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  if (parts === undefined) return
  await parts.progress.stopSyncing()
  await parts.files.settled()
  parts.log.release()
}

function isStorageFailure(error: unknown): error is StorageError | CorruptLogError {
  return error instanceof StorageError || error instanceof CorruptLogError
}
