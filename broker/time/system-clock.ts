// The real clock: Date.now, performance.now and setTimeout, nothing else. The only file of the broker that may call them.

import type { Clock, Timer } from './clock.ts'

/** setTimeout silently fires at once beyond this delay, so longer waits are made of several. */
const LONGEST_TIMEOUT_MS = 0x7fffffff

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs: number, callback: () => void): Timer {
    let handle: NodeJS.Timeout
    const arm = (remainingMs: number): void => {
      const stepMs = Math.min(Math.max(0, remainingMs), LONGEST_TIMEOUT_MS)
      handle = setTimeout(() => {
        if (remainingMs > stepMs) arm(remainingMs - stepMs)
        else callback()
      }, stepMs)
    }
    arm(delayMs)
    return { cancel: () => clearTimeout(handle) }
  },
}
