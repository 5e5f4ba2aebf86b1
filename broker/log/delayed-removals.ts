// Files that are to go after a while (file.delete.delay.ms): segments that nobody reads any more under their new
// names. What is still waiting at a stop goes then; what a crash leaves is removed at the next start.

import { isTemporary, StorageError } from '../storage/storage.ts'
import type { Clock, Timer } from '../time/clock.ts'

export class DelayedRemovals {
  private readonly clock: Clock
  private readonly onFailed: (error: StorageError) => void
  private readonly waiting = new Map<() => void, Timer>()

  constructor(clock: Clock, onFailed: (error: StorageError) => void) {
    this.clock = clock
    this.onFailed = onFailed
  }

  add(delayMs: number, remove: () => void): void {
    if (delayMs <= 0) {
      remove()
      return
    }
    const timer = this.clock.setTimer(delayMs, () => {
      this.waiting.delete(remove)
      try {
        remove()
      } catch (error) {
        if (!(error instanceof StorageError)) throw error
        // A left-over goes at the next start.
        if (!isTemporary(error)) this.onFailed(error)
      }
    })
    this.waiting.set(remove, timer)
  }

  /** All of it now. Throws StorageError. */
  finish(): void {
    const removals = [...this.waiting.keys()]
    this.drop()
    for (const remove of removals) remove()
  }

  /** Somebody else removes them. */
  drop(): void {
    for (const timer of this.waiting.values()) timer.cancel()
    this.waiting.clear()
  }
}
