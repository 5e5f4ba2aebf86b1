// Long work in pieces, on thousands of partitions or records: whoever does it asks between two of them whether it is
// time to let others have the event loop. No piece takes long; a thousand together do.

import type { Clock } from './clock.ts'

/** The event loop is held for 10 ms at most: one more piece may come after this. */
const LONGEST_MS = 5

export class Breathing {
  private readonly clock: Clock
  private readonly nextTurn: () => Promise<void>
  private sinceMs: number

  constructor(clock: Clock, nextTurn: () => Promise<void>) {
    this.clock = clock
    this.nextTurn = nextTurn
    this.sinceMs = clock.monotonicMs()
  }

  /** pause() would wait. */
  get isDue(): boolean {
    return this.clock.monotonicMs() - this.sinceMs >= LONGEST_MS
  }

  /** Resolves at once, or in a later turn of the event loop. */
  async pause(): Promise<void> {
    if (!this.isDue) return
    await this.nextTurn()
    this.sinceMs = this.clock.monotonicMs()
  }

  /** As Promise.all(items.map(act)); `act` is called for one after the other, with pauses in between. */
  async all<T, R>(items: readonly T[], act: (item: T, index: number) => Promise<R>): Promise<R[]> {
    const underWay: Promise<R>[] = []
    for (const [i, item] of items.entries()) {
      const one = act(item, i)
      // Whoever awaits all of them hears of a failure, later.
      one.catch(() => {})
      underWay.push(one)
      await this.pause()
    }
    return Promise.all(underWay)
  }
}
