// How fast the cleaner goes: a few milliseconds at a time, no more bytes a second than it was told, and no further
// once whoever it works for is gone.

import { type CleaningPace, CleaningStopped } from '../log/compaction/walk-segment.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { Breathing } from '../time/breathing.ts'

export interface PaceOptions {
  clock: Clock
  breathing: Breathing
  blockBytes: number
  /** Read and written; Infinity = no bound. */
  maxBytesPerSecond: number
  /** Why the run must end; undefined while it may go on. */
  stopReason: () => string | undefined
}

export class Pace implements CleaningPace {
  readonly blockBytes: number
  private readonly options: PaceOptions
  private readonly startedMs: number
  private bytesDone = 0
  private waiting: { timer: Timer; resolve: () => void } | undefined

  constructor(options: PaceOptions) {
    this.options = options
    this.blockBytes = options.blockBytes
    this.startedMs = options.clock.monotonicMs()
  }

  isDue(): boolean {
    return this.options.breathing.isDue
  }

  async next(bytes: number): Promise<void> {
    this.assertWanted()
    this.bytesDone += bytes
    await this.options.breathing.pause()
    const { clock, maxBytesPerSecond } = this.options
    const waitMs = (this.bytesDone * 1000) / maxBytesPerSecond - (clock.monotonicMs() - this.startedMs)
    if (waitMs >= 1) await this.wait(waitMs)
    this.assertWanted()
  }

  /** Whoever waits looks again at once whether it is still wanted. */
  wake(): void {
    this.waiting?.timer.cancel()
    this.waiting?.resolve()
  }

  private wait(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.waiting = { resolve, timer: this.options.clock.setTimer(waitMs, resolve) }
    })
  }

  private assertWanted(): void {
    const reason = this.options.stopReason()
    if (reason !== undefined) throw new CleaningStopped(reason)
  }
}
