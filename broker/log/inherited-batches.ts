// Batches that were in the log when it was opened: this process has not seen them, and a clean start does not
// read them. Their checksums are verified by the first read that answers with them, so that bytes which have
// changed on the disk take the partition offline instead of going to a client.

export class InheritedBatches {
  private readonly end: bigint
  /** Verified in this process: [from, until). */
  private from: bigint
  private until: bigint

  /** `end`: the log's end at its opening. */
  constructor(end: bigint) {
    this.end = end
    this.from = end
    this.until = end
  }

  /** Whether a read that starts here may meet batches that nobody has verified. */
  needCheck(fromOffset: bigint): boolean {
    return fromOffset < this.end && !(this.from <= fromOffset && this.until >= this.end)
  }

  /** Batches of [from, until) were verified. Ranges that do not touch the known one replace it: readers go forward. */
  verified(from: bigint, until: bigint): void {
    if (from <= this.until && until >= this.from) {
      if (from < this.from) this.from = from
      if (until > this.until) this.until = until
    } else {
      this.from = from
      this.until = until
    }
  }
}
