// How many bytes of requests may be in work at once, over all connections. A connection that finds the
// budget spent stops reading its socket and is called back when bytes come free.

export class MemoryBudget {
  readonly limitInBytes: number
  private takenBytes = 0
  private readonly waiters = new Set<() => void>()

  constructor(limitInBytes: number) {
    this.limitInBytes = limitInBytes
  }

  get isExhausted(): boolean {
    return this.takenBytes >= this.limitInBytes
  }

  get inUseBytes(): number {
    return this.takenBytes
  }

  take(bytes: number): void {
    this.takenBytes += bytes
  }

  give(bytes: number): void {
    this.takenBytes -= bytes
    if (this.takenBytes < 0) throw new Error(`memory budget below zero: ${this.takenBytes}`)
    if (this.isExhausted || this.waiters.size === 0) return
    const freed = [...this.waiters]
    this.waiters.clear()
    // After the giver's own call: a waiter may start a request at once.
    queueMicrotask(() => {
      for (const waiter of freed) waiter()
    })
  }

  /** Calls back once, when there is room again. */
  whenFreed(callback: () => void): void {
    this.waiters.add(callback)
  }

  forget(callback: () => void): void {
    this.waiters.delete(callback)
  }
}
