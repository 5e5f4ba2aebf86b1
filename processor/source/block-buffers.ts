// The blocks that readers read into: taken by a reader for its whole life, then used by the next one. A
// source reads its partitions one after the other, so one or two serve all batches of a job.

/** Large enough that a read's fixed cost vanishes, small enough to stay in the processor's cache. */
const BLOCK_BYTES = 512 * 1024
const SPARES = 2

export class BlockBuffers {
  private readonly spare: Buffer[] = []
  private readonly blockBytes: number

  constructor(blockBytes: number = BLOCK_BYTES) {
    this.blockBytes = blockBytes
  }

  take(atLeastBytes = 0): Buffer {
    if (atLeastBytes > this.blockBytes) return Buffer.allocUnsafeSlow(atLeastBytes)
    return this.spare.pop() ?? Buffer.allocUnsafeSlow(this.blockBytes)
  }

  giveBack(buffer: Buffer): void {
    if (buffer.length === this.blockBytes && this.spare.length < SPARES) this.spare.push(buffer)
  }
}
