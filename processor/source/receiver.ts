// A receiver as its author writes it (Spark's Receiver): rows that nobody can be asked for again, from a socket, a
// queue, a device. What is stored belongs to the stream, and to the log of the context's broker where there is one,
// before it is part of a batch.

/** What a receiver stores into, and who looks after it. */
export interface ReceiverHost<T> {
  readonly isStarted: boolean
  readonly isFull: boolean
  store(row: T): Promise<void>
  storeAll(rows: Iterable<T>): Promise<void>
  storeBytes(rows: Iterable<Uint8Array>): Promise<void>
  ready(): Promise<void>
  reportError(message: string, error: unknown): void
  restart(message: string, error: unknown, delayMs: number | undefined): void
  stop(message: string, error: unknown): void
}

export abstract class Receiver<T> {
  private host: ReceiverHost<T> | undefined

  /** Begins to receive; called again after a restart. It must return soon. What it throws restarts the receiver. */
  abstract onStart(): void | Promise<void>

  /** Lets go of what onStart took. */
  abstract onStop(): void | Promise<void>

  /**
   * Takes a row into the block of this interval. Resolves when the block is durable (without a broker: taken), which
   * is when whoever sent it may be told so; need not be awaited. Throws ReceiverFullError where `isFull` was not
   * heeded for long, and RangeError where the row is larger than a record may be.
   */
  store(row: T): Promise<void> {
    return this.attached.store(row)
  }

  /** As `store`, for several rows: they become durable together. Where it throws, none of them is taken. */
  storeAll(rows: Iterable<T>): Promise<void> {
    return this.attached.storeAll(rows)
  }

  /** As `storeAll`, for rows that are bytes already, as the stream's codec reads them. */
  storeBytes(rows: Iterable<Uint8Array>): Promise<void> {
    return this.attached.storeBytes(rows)
  }

  /** More is stored than the log has taken, or than `maxRate` allows: await `ready()` before storing much more. */
  get isFull(): boolean {
    return this.attached.isFull
  }

  ready(): Promise<void> {
    return this.attached.ready()
  }

  /** Listeners are told; the receiver goes on. */
  reportError(message: string, error?: unknown): void {
    this.attached.reportError(message, error)
  }

  /** Stops it and, after the delay (default 2 s), starts it again. */
  restart(message: string, error?: unknown, delayMs?: number): void {
    this.attached.restart(message, error, delayMs)
  }

  /** Stops it for good. The job goes on with what is stored. */
  stop(message: string, error?: unknown): void {
    this.attached.stop(message, error)
  }

  get isStarted(): boolean {
    return this.host?.isStarted === true
  }

  get isStopped(): boolean {
    return !this.isStarted
  }

  /** Who looks after it; the stream does this. */
  attach(host: ReceiverHost<T>): void {
    if (this.host !== undefined) throw new TypeError('a receiver serves one stream')
    this.host = host
  }

  private get attached(): ReceiverHost<T> {
    if (this.host === undefined) throw new Error('the receiver belongs to no stream yet')
    return this.host
  }
}

export class ReceiverFullError extends Error {
  constructor(reason: string) {
    super(`${reason}: await what store returns, or ready()`)
    this.name = 'ReceiverFullError'
  }
}
