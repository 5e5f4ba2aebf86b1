// What is done again and again by the clock, each chore in its own interval, until all of them are stopped.

import type { Clock, Timer } from '../time/clock.ts'

export class Chores {
  private readonly clock: Clock
  private readonly timers = new Set<Timer>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  every(intervalMs: number, act: () => void): void {
    const timer = this.clock.setTimer(intervalMs, () => {
      this.timers.delete(timer)
      this.every(intervalMs, act)
      act()
    })
    this.timers.add(timer)
  }

  stop(): void {
    for (const timer of this.timers) timer.cancel()
    this.timers.clear()
  }
}
