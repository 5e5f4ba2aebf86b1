// Which part of a compacted log may be cleaned, and which log is the dirtiest. Pure.
//
//   [ .... clean .... ][ ......... dirty ......... ][ ..... uncleanable ..... ][ newest segment ]
//   ^ log start        ^ firstDirtyOffset           ^ firstUncleanableOffset
//
// Uncleanable is what lies above the last stable offset, what is not durable (with the producers' state at its
// end), what a co-located reader has planned to read again, and segments younger than min.compaction.lag.ms.
// Source: Kafka's LogCleanerManager.cleanableOffsets, maxCompactionDelay, LogToClean.

import type { TimeBounds } from '../../time/clock-guard.ts'
import type { SegmentDescription } from '../retention.ts'

export interface CompactionLimits {
  /** min.cleanable.dirty.ratio */
  minCleanableDirtyRatio: number
  /** min.compaction.lag.ms, max.compaction.lag.ms */
  minCompactionLagMs: number
  maxCompactionLagMs: number
}

export interface CleanableSegment extends SegmentDescription {
  /** Largest timestamp of the first batch; undefined or negative where there is none. May be looked up on disk. */
  readonly firstTimestamp: bigint | undefined
  /** When this process opened or made it. */
  readonly createdMs: number
}

export interface CompactedLog {
  /** All, the newest last. */
  segments: readonly CleanableSegment[]
  logStartOffset: bigint
  /** Nothing at or above it may be cleaned: last stable offset, durable end, pins. */
  stableBound: bigint
  /** From cleaner-offset-checkpoint; undefined where it was never cleaned. */
  cleanOffset: bigint | undefined
}

export interface CleanableRange {
  firstDirtyOffset: bigint
  /** The base of a segment; firstDirtyOffset or below where nothing may be cleaned. */
  firstUncleanableOffset: bigint
  cleanableBytes: number
  /** Cleanable bytes of those that are clean or cleanable. */
  dirtyRatio: number
  /** Its dirty part waits for longer than max.compaction.lag.ms. */
  isOverdue: boolean
}

export function cleanableRange(
  log: CompactedLog,
  limits: CompactionLimits,
  nowMs: number,
  time: TimeBounds,
): CleanableRange {
  const { segments, logStartOffset } = log
  const newest = segments[segments.length - 1] as CleanableSegment
  const known = log.cleanOffset ?? logStartOffset
  // Beyond the end: the log was cut. Below the start: deleted meanwhile. Then all of it counts as dirty.
  const firstDirtyOffset = known < logStartOffset || known > newest.endOffset ? logStartOffset : known
  const dirty = segments.slice(0, -1).filter(({ endOffset }) => endOffset > firstDirtyOffset)
  let bound = log.stableBound < newest.baseOffset ? log.stableBound : newest.baseOffset
  const tooYoung = dirty.find((segment) => isYounger(segment, limits.minCompactionLagMs, time))
  if (tooYoung !== undefined && tooYoung.baseOffset < bound) bound = tooYoung.baseOffset
  // The segment that holds the bound stays as a whole.
  const firstUncleanableOffset = segments.findLast(({ baseOffset }) => baseOffset <= bound)?.baseOffset ?? 0n
  let cleanBytes = 0
  let cleanableBytes = 0
  for (const { baseOffset, endOffset, sizeInBytes } of segments) {
    if (endOffset <= firstDirtyOffset) cleanBytes += sizeInBytes
    else if (baseOffset < firstUncleanableOffset) cleanableBytes += sizeInBytes
  }
  const bytes = cleanBytes + cleanableBytes
  return {
    firstDirtyOffset,
    firstUncleanableOffset,
    cleanableBytes,
    dirtyRatio: bytes === 0 ? 0 : cleanableBytes / bytes,
    isOverdue: isOverdue(dirty, limits.maxCompactionLagMs, nowMs),
  }
}

export function isCleanable(range: CleanableRange, limits: CompactionLimits): boolean {
  if (range.cleanableBytes === 0) return false
  return range.isOverdue || range.dirtyRatio > limits.minCleanableDirtyRatio
}

/** The dirtiest of those that are cleanable. */
export function filthiest<T extends { range: CleanableRange; limits: CompactionLimits }>(
  logs: readonly T[],
): T | undefined {
  let dirtiest: T | undefined
  for (const log of logs) {
    if (!isCleanable(log.range, log.limits)) continue
    if (dirtiest === undefined || log.range.dirtyRatio > dirtiest.range.dirtyRatio) dirtiest = log
  }
  return dirtiest
}

/** Whether a segment may hold records younger than the lag, as far as the clock can vouch for it. */
function isYounger(segment: CleanableSegment, lagMs: number, { earliestMs }: TimeBounds): boolean {
  if (lagMs <= 0) return false
  const newestMs = segment.maxTimestamp >= 0n ? segment.maxTimestamp : BigInt(segment.createdMs)
  return earliestMs === undefined || newestMs > BigInt(earliestMs - lagMs)
}

function isOverdue(dirty: readonly CleanableSegment[], lagMs: number, nowMs: number): boolean {
  return dirty.some(({ firstTimestamp }) => {
    return firstTimestamp !== undefined && firstTimestamp > 0n && firstTimestamp < BigInt(nowMs - lagMs)
  })
}
