// Ranges of offsets, as a log gives them, as members are given them and as they acknowledge them.

export interface OffsetRange {
  firstOffset: bigint
  /** Inclusive. */
  lastOffset: bigint
}

export interface AcquiredRecords extends OffsetRange {
  deliveryCount: number
}

export interface AcknowledgementBatch extends OffsetRange {
  /** One for all of its records, or one for each. */
  acknowledgeTypes: readonly number[]
}

/** Last offset of the batch of the log that `offset` lies in; `offset` itself where none does. */
export function endOfBatchAt(batches: readonly OffsetRange[], offset: bigint): bigint {
  const batch = batches.findLast(({ firstOffset }) => firstOffset <= offset)
  return batch !== undefined && offset <= batch.lastOffset ? batch.lastOffset : offset
}

/** Ranges of about `batchSize` records, cut where batches of the log begin. */
export function cut(
  first: bigint,
  last: bigint,
  batches: readonly OffsetRange[],
  batchSize: number,
): OffsetRange[] {
  const ranges: OffsetRange[] = []
  let from = first
  for (const { firstOffset } of batches) {
    if (firstOffset > last) break
    if (firstOffset - from < BigInt(Math.max(1, batchSize))) continue
    ranges.push({ firstOffset: from, lastOffset: firstOffset - 1n })
    from = firstOffset
  }
  return [...ranges, { firstOffset: from, lastOffset: last }]
}

/** Neighbours with the same number of deliveries as one. */
export function joined(ranges: readonly AcquiredRecords[]): AcquiredRecords[] {
  const result: AcquiredRecords[] = []
  for (const range of ranges) {
    const last = result.at(-1)
    if (
      last !== undefined &&
      last.lastOffset + 1n === range.firstOffset &&
      last.deliveryCount === range.deliveryCount
    )
      last.lastOffset = range.lastOffset
    else result.push({ ...range })
  }
  return result
}

/** What is left of the ranges when others are taken out. */
export function without(
  ranges: readonly AcquiredRecords[],
  others: readonly OffsetRange[],
): AcquiredRecords[] {
  let left = [...ranges]
  for (const other of others) {
    left = left.flatMap((range) => {
      if (range.lastOffset < other.firstOffset || range.firstOffset > other.lastOffset) return [range]
      const parts: AcquiredRecords[] = []
      if (range.firstOffset < other.firstOffset) parts.push({ ...range, lastOffset: other.firstOffset - 1n })
      if (range.lastOffset > other.lastOffset) parts.push({ ...range, firstOffset: other.lastOffset + 1n })
      return parts
    })
  }
  return left
}

/** An acknowledgement as ranges of one type each. */
export function byType({
  firstOffset,
  lastOffset,
  acknowledgeTypes: types,
}: AcknowledgementBatch): (OffsetRange & { type: number })[] {
  if (types.length === 1) return [{ firstOffset, lastOffset, type: types[0] as number }]
  const ranges: (OffsetRange & { type: number })[] = []
  types.forEach((type, index) => {
    const offset = firstOffset + BigInt(index)
    const last = ranges.at(-1)
    if (last?.type === type) last.lastOffset = offset
    else ranges.push({ firstOffset: offset, lastOffset: offset, type })
  })
  return ranges
}
