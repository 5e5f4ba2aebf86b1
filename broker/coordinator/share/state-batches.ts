// States of records as ranges in the order of their offsets, none over another, neighbours never the same. New ones are
// laid over them: of two states of one record the one of more deliveries counts, of as many the later one
// (acknowledged and archived come after available). Kafka: PersisterStateBatchCombiner.

export interface StateBatch {
  readonly firstOffset: bigint
  /** Inclusive. */
  readonly lastOffset: bigint
  /** 0 available, 2 acknowledged, 4 archived. */
  readonly deliveryState: number
  readonly deliveryCount: number
}

/** `kept` is in order; `added` need not be. What lies below `startOffset` is dropped; -1 drops nothing. */
export function combine(
  kept: readonly StateBatch[],
  added: readonly StateBatch[],
  startOffset: bigint,
): StateBatch[] {
  const batches = startOffset < 0n ? [...kept] : cutBelow(kept, startOffset)
  for (const batch of startOffset < 0n ? added : cutBelow(added, startOffset)) layOver(batches, batch)
  return batches
}

function cutBelow(batches: readonly StateBatch[], startOffset: bigint): StateBatch[] {
  return batches
    .filter(({ lastOffset }) => lastOffset >= startOffset)
    .map((batch) => (batch.firstOffset < startOffset ? { ...batch, firstOffset: startOffset } : batch))
}

function layOver(batches: StateBatch[], added: StateBatch): void {
  const from = indexReaching(batches, added.firstOffset)
  let to = from
  let cursor = added.firstOffset
  const pieces: StateBatch[] = []
  for (; to < batches.length; to++) {
    const old = batches[to] as StateBatch
    if (old.firstOffset > added.lastOffset) break
    if (old.firstOffset < added.firstOffset) pieces.push({ ...old, lastOffset: added.firstOffset - 1n })
    if (cursor < old.firstOffset)
      pieces.push({ ...added, firstOffset: cursor, lastOffset: old.firstOffset - 1n })
    const firstOffset = old.firstOffset > added.firstOffset ? old.firstOffset : added.firstOffset
    const lastOffset = old.lastOffset < added.lastOffset ? old.lastOffset : added.lastOffset
    pieces.push({ ...(isLater(old, added) ? old : added), firstOffset, lastOffset })
    if (old.lastOffset > added.lastOffset) pieces.push({ ...old, firstOffset: added.lastOffset + 1n })
    cursor = lastOffset + 1n
  }
  if (cursor <= added.lastOffset) pieces.push({ ...added, firstOffset: cursor })
  // The neighbours on both sides may have become the same.
  const before = from > 0 ? 1 : 0
  const after = to < batches.length ? 1 : 0
  const around = [...batches.slice(from - before, from), ...pieces, ...batches.slice(to, to + after)]
  batches.splice(from - before, to - from + before + after, ...joined(around))
}

/** Index of the first batch that ends at or after `offset`. */
function indexReaching(batches: readonly StateBatch[], offset: bigint): number {
  let low = 0
  let high = batches.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((batches[middle] as StateBatch).lastOffset < offset) low = middle + 1
    else high = middle
  }
  return low
}

function isLater(a: StateBatch, b: StateBatch): boolean {
  return a.deliveryCount === b.deliveryCount
    ? a.deliveryState > b.deliveryState
    : a.deliveryCount > b.deliveryCount
}

function joined(batches: readonly StateBatch[]): StateBatch[] {
  const result: StateBatch[] = []
  for (const batch of batches) {
    const last = result.at(-1)
    const isSame =
      last !== undefined &&
      last.lastOffset + 1n === batch.firstOffset &&
      last.deliveryState === batch.deliveryState &&
      last.deliveryCount === batch.deliveryCount
    if (isSame) result[result.length - 1] = { ...last, lastOffset: batch.lastOffset }
    else result.push(batch)
  }
  return result
}
