// Blocks of a receiver in memory, for jobs without a broker: gone with the process. A block counts as taken when the
// batches have not fallen far behind; until then the receiver is told that it is full.

import type { BlockSink } from './receiver-supervisor.ts'

const LIMIT_ROWS = 1_000_000

export class MemoryBlocks<T> implements BlockSink<T> {
  /** In rows. */
  readonly limit = LIMIT_ROWS
  private rows: T[] = []
  private blocks: T[][] = []
  private waitingRows = 0
  private takesAll = false
  private roomy: (() => void) | undefined
  private readonly callbacks = new Set<() => void>()

  add(rows: Iterable<T>): number {
    const all = [...rows]
    for (const row of all) this.rows.push(row)
    return all.length
  }

  addBytes(): number {
    throw new TypeError('rows as bytes need a broker, whose log they are written to')
  }

  cut(): () => Promise<void> {
    const block = this.rows
    this.rows = []
    return () => this.put(block)
  }

  onBlock(callback: () => void): () => void {
    this.callbacks.add(callback)
    return () => void this.callbacks.delete(callback)
  }

  /** Blocks of about so many rows, at least one where there is one. */
  next(maxRows = Number.POSITIVE_INFINITY): T[][] {
    const taken: T[][] = []
    let rows = 0
    for (let block = this.blocks[0]; block !== undefined; block = this.blocks[0]) {
      if (rows > 0 && rows + block.length > maxRows) break
      taken.push(block)
      rows += block.length
      this.blocks.shift()
    }
    this.waitingRows -= rows
    this.wake()
    return taken
  }

  get waiting(): boolean {
    return this.blocks.length > 0
  }

  /** The receiver ends: what it still has is not held up any more. */
  takeAll(): void {
    this.takesAll = true
    this.wake()
  }

  private async put(block: T[]): Promise<void> {
    this.blocks.push(block)
    this.waitingRows += block.length
    for (const callback of this.callbacks) callback()
    while (this.waitingRows > this.limit && !this.takesAll) {
      await new Promise<void>((resolve) => (this.roomy = resolve))
    }
  }

  private wake(): void {
    this.roomy?.()
    this.roomy = undefined
  }
}
