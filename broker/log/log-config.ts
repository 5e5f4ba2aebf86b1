// What a log is told by its topic's configuration and by whoever opens it. Kafka's names and defaults.

import type { BatchHeader } from '../protocol/record-batch/header.ts'
import type { StorageError } from '../storage/storage.ts'
import type { Clock } from '../time/clock.ts'

export interface LogConfig {
  /** segment.bytes: a segment rolls before it would grow beyond this. At most 2^31 - 1: index positions are int32. */
  segmentBytes: number
  /** segment.ms: a segment rolls when a batch is newer than its first one by more than this. */
  segmentMs: number
  /** segment.jitter.ms: the most that is subtracted from segmentMs. Each segment draws how much. */
  segmentJitterMs: number
  /** segment.index.bytes: a segment rolls when its offset or time index would grow beyond this. */
  segmentIndexBytes: number
  /** index.interval.bytes: an index entry is added after more than this many bytes of log. */
  indexIntervalBytes: number
  /** file.delete.delay.ms: how long the files of a segment that went stay under another name. */
  fileDeleteDelayMs: number
  /** True for compacted topics: offsets may then have gaps. Elsewhere a gap is damage. */
  gapsAllowed: boolean
}

export const defaultLogConfig: LogConfig = {
  segmentBytes: 1024 * 1024 * 1024,
  segmentMs: 7 * 24 * 60 * 60 * 1000,
  segmentJitterMs: 0,
  segmentIndexBytes: 10 * 1024 * 1024,
  indexIntervalBytes: 4096,
  fileDeleteDelayMs: 0,
  gapsAllowed: false,
}

/** What recovery cut off and why: for one log line. Nothing acknowledged can be among it. */
export interface TailCut {
  file: string
  position: number
  bytesCut: number
  reason: string
}

export interface LogOpenOptions {
  clock: Clock
  /** From recovery-point-offset-checkpoint, 0n when unknown: everything below was once synced. */
  recoveryPoint: bigint
  /** From log-start-offset-checkpoint, 0n when unknown. */
  logStartOffset: bigint
  /** The cleaner has been here: offsets may have gaps, whatever the topic's policy is now. */
  mayHaveGaps?: boolean
  /** The clean-shutdown marker was there: only the newest segment's tail is looked at. */
  cleanShutdown: boolean
  /** Called in offset order for each batch that recovery checked and kept; `buffer` is reused afterwards. */
  onRecoveredBatch?: (head: BatchHeader, buffer: Buffer, at: number) => void
  onTailCut?: (cut: TailCut) => void
  /** In [0, 1): for segment.jitter.ms. Left out, there is no jitter. */
  random?: () => number
  /** Files that were to go later could not be removed. */
  onDeleteFailed?: (error: StorageError) => void
  /** After a roll, before the first append to the new segment: the moment for a producer snapshot. */
  onRoll?: (baseOffset: bigint) => void
}
