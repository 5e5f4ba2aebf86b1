// The transactions of one partition that keep its last stable offset back: those without a marker yet,
// and those whose marker is not yet below the high watermark (a reader must not pass a decision that
// could still be lost). Source: ProducerStateManager's ongoingTxns and unreplicatedTxns.

export interface CompletedTransaction {
  producerId: bigint
  firstOffset: bigint
  /** The marker's own offset. */
  markerOffset: bigint
  aborted: boolean
}

export class OpenTransactions {
  /** First offset -> producer. Transactions begin in offset order, so insertion order is offset order. */
  private readonly ongoing = new Map<bigint, bigint>()
  private lastBegun = -1n
  private decided: CompletedTransaction[] = []

  get ongoingCount(): number {
    return this.ongoing.size
  }

  /** Smallest first offset of a transaction without a marker. */
  get firstUndecidedOffset(): bigint | undefined {
    for (const firstOffset of this.ongoing.keys()) return firstOffset
    return undefined
  }

  /** Smallest first offset of a transaction that is undecided, or decided above the high watermark. */
  get firstUnstableOffset(): bigint | undefined {
    let first = this.firstUndecidedOffset
    for (const { firstOffset } of this.decided) {
      if (first === undefined || firstOffset < first) first = firstOffset
    }
    return first
  }

  begin(producerId: bigint, firstOffset: bigint): void {
    if (firstOffset <= this.lastBegun) {
      throw new Error(
        `transaction of producer ${producerId} begins at ${firstOffset}, not after ${this.lastBegun}`,
      )
    }
    this.lastBegun = firstOffset
    this.ongoing.set(firstOffset, producerId)
  }

  /** What the last stable offset will be once this transaction's marker counts: the abort index's field. */
  stableOffsetAfter(completed: CompletedTransaction): bigint {
    for (const [firstOffset, producerId] of this.ongoing) {
      if (producerId !== completed.producerId) return firstOffset
    }
    return completed.markerOffset + 1n
  }

  /** The marker was appended. */
  complete(completed: CompletedTransaction): void {
    if (this.ongoing.get(completed.firstOffset) !== completed.producerId) {
      throw new Error(
        `marker at ${completed.markerOffset} ends a transaction of producer ${completed.producerId} ` +
          `from ${completed.firstOffset} that is not open`,
      )
    }
    this.ongoing.delete(completed.firstOffset)
    this.decided.push(completed)
  }

  /** Decisions below the high watermark no longer keep the last stable offset back. */
  onHighWatermark(highWatermark: bigint): void {
    if (this.decided.length === 0) return
    this.decided = this.decided.filter(({ markerOffset }) => markerOffset >= highWatermark)
  }
}
