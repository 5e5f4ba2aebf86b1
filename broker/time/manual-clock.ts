// A clock that stands still until it is told to move. Timers fire in order of their due time, then of
// their making, each at exactly its own time: the order never depends on how far the clock jumps.

import type { Clock, Timer } from './clock.ts'

interface Pending {
  dueMs: number
  order: number
  callback: () => void
}

export class ManualClock implements Clock {
  private nowMs: number
  private setByMs = 0
  private made = 0
  private readonly pending = new Set<Pending>()

  constructor(startMs = 1_700_000_000_000) {
    this.nowMs = startMs
  }

  now(): number {
    return this.nowMs + this.setByMs
  }

  monotonicMs(): number {
    return this.nowMs
  }

  /** As if somebody had set the machine's clock: no time passes, no timer knows. */
  set(byMs: number): void {
    this.setByMs += byMs
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const entry: Pending = { dueMs: this.nowMs + Math.max(0, delayMs), order: this.made++, callback }
    this.pending.add(entry)
    return { cancel: () => void this.pending.delete(entry) }
  }

  /** How many timers are set: a test for leaks asks for zero. */
  get timersSet(): number {
    return this.pending.size
  }

  /** When the next timer is due, or undefined when none is set. */
  get nextDueMs(): number | undefined {
    const dueMs = this.next()?.dueMs
    return dueMs === undefined ? undefined : dueMs + this.setByMs
  }

  /** Moves time forward and fires what falls due, all within this call. */
  tick(byMs: number): void {
    const targetMs = this.nowMs + byMs
    for (let entry = this.next(); entry !== undefined && entry.dueMs <= targetMs; entry = this.next()) {
      this.fire(entry)
    }
    this.nowMs = targetMs
  }

  /** As `tick`, but lets promises settle after each timer, as they would between real timers. */
  async advance(byMs: number): Promise<void> {
    const targetMs = this.nowMs + byMs
    await settle()
    for (let entry = this.next(); entry !== undefined && entry.dueMs <= targetMs; entry = this.next()) {
      this.fire(entry)
      await settle()
    }
    this.nowMs = targetMs
    await settle()
  }

  private next(): Pending | undefined {
    let first: Pending | undefined
    for (const entry of this.pending) {
      if (
        first === undefined ||
        entry.dueMs < first.dueMs ||
        (entry.dueMs === first.dueMs && entry.order < first.order)
      ) {
        first = entry
      }
    }
    return first
  }

  private fire(entry: Pending): void {
    this.pending.delete(entry)
    this.nowMs = Math.max(this.nowMs, entry.dueMs)
    entry.callback()
  }
}

/** One turn of the event loop: every promise that could settle has settled. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
