// Appends of one batch that are under way in its transaction. They are started in order and not awaited one
// by one; the first that fails fails the batch.

import type { OutputSession } from '../ports.ts'

/** Bytes under way beyond which writers ask to wait. */
const LIMIT_BYTES = 8 * 1024 * 1024

export class AppendQueue {
  private readonly session: Pick<OutputSession, 'append'>
  private readonly limitBytes: number
  private readonly pending = new Set<Promise<void>>()
  private bytesUnderWay = 0
  private failure: { error: unknown } | undefined
  private waiters: (() => void)[] = []
  appended = 0

  constructor(session: Pick<OutputSession, 'append'>, limitBytes: number = LIMIT_BYTES) {
    this.session = session
    this.limitBytes = limitBytes
  }

  get isFull(): boolean {
    return this.bytesUnderWay >= this.limitBytes || this.failure !== undefined
  }

  /** Throws what made an earlier append fail. */
  append(topic: string, partition: number, batch: Buffer): void {
    this.check()
    this.appended++
    this.bytesUnderWay += batch.length
    const sizeInBytes = batch.length
    const appending: Promise<void> = this.session
      .append(topic, partition, batch)
      .catch((error: unknown) => {
        this.failure ??= { error }
      })
      .then(() => {
        this.bytesUnderWay -= sizeInBytes
        this.pending.delete(appending)
        if (this.isRoomy) for (const resolve of this.waiters.splice(0)) resolve()
      })
    this.pending.add(appending)
  }

  /** Resolves when half of what may be under way is free again; rejects when an append has failed. */
  async drained(): Promise<void> {
    if (!this.isRoomy) await new Promise<void>((resolve) => this.waiters.push(resolve))
    this.check()
  }

  /** Resolves when all is durable. */
  async settled(): Promise<void> {
    await this.quiet()
    this.check()
  }

  /** Resolves when no append is under way. */
  async quiet(): Promise<void> {
    while (this.pending.size > 0) await Promise.all(this.pending)
  }

  private get isRoomy(): boolean {
    return this.bytesUnderWay <= this.limitBytes / 2 || this.failure !== undefined
  }

  private check(): void {
    if (this.failure !== undefined) throw this.failure.error
  }
}
