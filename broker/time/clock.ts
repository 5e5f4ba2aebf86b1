// The one clock of broker and processor. Everything that waits or dates takes a Clock by constructor,
// so a test can move time and a simulation can replay it (design law 4: one clock).

/** A timer that was set; cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Milliseconds since some moment of this process: never set, never going back. */
  monotonicMs(): number
  /** Calls back once, never before `delayMs` have passed. */
  setTimer(delayMs: number, callback: () => void): Timer
}
