// Which old segments may go: by age and by size. Pure; the choice is applied by Log.deleteSegmentsBelow.
// Source: Kafka's UnifiedLog.deleteRetentionMsBreachedSegments, deleteRetentionSizeBreachedSegments,
// deleteLogStartOffsetBreachedSegments.

export interface SegmentDescription {
  readonly baseOffset: bigint
  /** Offset after the last one: the next segment's base, or the log's end. */
  readonly endOffset: bigint
  readonly sizeInBytes: number
  /** Largest record timestamp, -1n where there is none. May have to be looked up on disk. */
  readonly maxTimestamp: bigint
}

export interface RetentionLimits {
  /** retention.ms; -1 for ever. */
  retentionMs: number
  /** retention.bytes of the partition; -1 without limit. */
  retentionBytes: number
}

/**
 * The offset below which whole segments may be deleted: the end of the longest run of oldest segments that
 * each breach a limit or lie below `logStartOffset`. The newest segment stays in any case. Nothing at or
 * above `highWatermark` is chosen.
 */
export function retentionBound(
  segments: readonly SegmentDescription[],
  limits: RetentionLimits,
  position: { nowMs: number; logStartOffset: bigint; highWatermark: bigint },
): bigint {
  let sizeLeft = 0
  for (const segment of segments) sizeLeft += segment.sizeInBytes
  let bound = segments[0]?.baseOffset ?? 0n
  for (let i = 0; i < segments.length - 1; i++) {
    const segment = segments[i] as SegmentDescription
    if (segment.endOffset > position.highWatermark) break
    // Kafka deletes by size only while the whole segment is in excess.
    const bySize = limits.retentionBytes >= 0 && sizeLeft - segment.sizeInBytes >= limits.retentionBytes
    const byStart = segment.endOffset <= position.logStartOffset
    if (!bySize && !byStart && !isTooOld(segment, limits.retentionMs, position.nowMs)) break
    sizeLeft -= segment.sizeInBytes
    bound = segment.endOffset
  }
  return bound
}

function isTooOld(segment: SegmentDescription, retentionMs: number, nowMs: number): boolean {
  if (retentionMs < 0) return false
  // Compaction has left nothing of it.
  if (segment.sizeInBytes === 0) return true
  const newest = segment.maxTimestamp
  // Without a timestamp there is no age to speak of: size alone decides.
  return newest >= 0n && BigInt(nowMs) - newest > BigInt(retentionMs)
}
