// Which leader epoch wrote from which offset on: answers OffsetForLeaderEpoch and dates offsets. Entries
// rise in both epoch and start offset; an epoch that wrote nothing leaves no entry.
// Source: Kafka's LeaderEpochFileCache; KIP-101, KIP-320.

export interface EpochStart {
  epoch: number
  startOffset: bigint
}

export class LeaderEpochs {
  private starts: EpochStart[]

  constructor(starts: readonly EpochStart[] = []) {
    this.starts = []
    for (const { epoch, startOffset } of starts) this.assign(epoch, startOffset)
  }

  /** Oldest first: the content of the leader-epoch-checkpoint file. */
  get entries(): readonly EpochStart[] {
    return this.starts
  }

  get latestEpoch(): number | undefined {
    return this.starts.at(-1)?.epoch
  }

  /**
   * A batch of `epoch` begins at `startOffset`. Returns whether an entry was made. Entries that it
   * contradicts (same or later epoch or offset) were of a log that has since been cut: they go.
   */
  assign(epoch: number, startOffset: bigint): boolean {
    const last = this.starts.at(-1)
    if (last !== undefined && last.epoch === epoch && last.startOffset <= startOffset) return false
    this.starts = this.starts.filter((entry) => entry.epoch < epoch && entry.startOffset < startOffset)
    this.starts.push({ epoch, startOffset })
    return true
  }

  /** The epoch that wrote `offset`, or undefined below all that is known. */
  epochOf(offset: bigint): number | undefined {
    return this.starts.findLast(({ startOffset }) => startOffset <= offset)?.epoch
  }

  /**
   * The largest epoch at or below `epoch`, and where the next one begins. undefined: `epoch` is older
   * than all that is known. `leaderEpoch` (the present one) ends at `endOffset`, entry or no entry.
   */
  endOffsetOf(epoch: number, leaderEpoch: number, endOffset: bigint): EpochEnd | undefined {
    if (epoch === leaderEpoch) return { epoch, endOffset }
    if (epoch > leaderEpoch) return undefined
    const next = this.starts.find((entry) => entry.epoch > epoch)
    const floor = this.starts.findLast((entry) => entry.epoch <= epoch)
    if (floor === undefined) {
      // Older than the first entry: Kafka answers the asked epoch with the first entry's start.
      return next === undefined ? undefined : { epoch, endOffset: next.startOffset }
    }
    return { epoch: floor.epoch, endOffset: next?.startOffset ?? endOffset }
  }

  /** Drops what begins at or beyond `endOffset`. Returns whether anything was. */
  truncateFromEnd(endOffset: bigint): boolean {
    const before = this.starts.length
    this.starts = this.starts.filter(({ startOffset }) => startOffset < endOffset)
    return this.starts.length < before
  }

  /** Moves the oldest entry that still counts up to the log's new start. Returns whether anything changed. */
  truncateFromStart(logStartOffset: bigint): boolean {
    const first = this.starts.findLastIndex(({ startOffset }) => startOffset <= logStartOffset)
    const kept = this.starts[first]
    if (kept === undefined || (first === 0 && kept.startOffset === logStartOffset)) return false
    this.starts = [{ epoch: kept.epoch, startOffset: logStartOffset }, ...this.starts.slice(first + 1)]
    return true
  }
}

export interface EpochEnd {
  epoch: number
  endOffset: bigint
}
