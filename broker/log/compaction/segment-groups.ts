// Which neighbouring segments are cleaned into one, so that a log of which little is left does not consist of
// many tiny files. Pure. Source: Kafka's Cleaner.groupSegmentsBySize.

export interface GroupableSegment {
  readonly baseOffset: bigint
  /** The next segment's base. */
  readonly endOffset: bigint
  readonly sizeInBytes: number
  readonly offsetIndexBytes: number
  readonly timeIndexBytes: number
}

const MAX_RELATIVE_OFFSET = 0x7fffffffn

/** In order; each group would fit into one segment even if nothing of it went. */
export function groupSegments<T extends GroupableSegment>(
  segments: readonly T[],
  limits: { segmentBytes: number; segmentIndexBytes: number },
): T[][] {
  const groups: T[][] = []
  let group: T[] = []
  let sum = { sizeInBytes: 0, offsetIndexBytes: 0, timeIndexBytes: 0 }
  for (const segment of segments) {
    const with_ = {
      sizeInBytes: sum.sizeInBytes + segment.sizeInBytes,
      offsetIndexBytes: sum.offsetIndexBytes + segment.offsetIndexBytes,
      timeIndexBytes: sum.timeIndexBytes + segment.timeIndexBytes,
    }
    const first = group[0]
    const fits =
      first === undefined ||
      (with_.sizeInBytes <= limits.segmentBytes &&
        with_.offsetIndexBytes <= limits.segmentIndexBytes &&
        with_.timeIndexBytes <= limits.segmentIndexBytes &&
        // An empty segment has no offset that could be too far away.
        (segment.sizeInBytes === 0 || segment.endOffset - 1n - first.baseOffset <= MAX_RELATIVE_OFFSET))
    if (!fits) {
      groups.push(group)
      group = []
    }
    sum = fits
      ? with_
      : {
          sizeInBytes: segment.sizeInBytes,
          offsetIndexBytes: segment.offsetIndexBytes,
          timeIndexBytes: segment.timeIndexBytes,
        }
    group.push(segment)
  }
  if (group.length > 0) groups.push(group)
  return groups
}
