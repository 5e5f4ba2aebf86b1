// How many rows a receiver may store per second (Spark's spark.streaming.receiver.maxRate): a second's worth may come at
// once, and who stores more goes into debt. It decides and waits for nothing; the time is handed in.

/** Seconds of debt beyond which storing is refused. */
const PATIENCE_SECONDS = 8

export class IntakeRate {
  private readonly maxRate: number
  private allowed: number
  private atMs: number

  /** `maxRate`: rows per second. */
  constructor(maxRate: number, nowMs: number) {
    if (!(maxRate > 0)) throw new TypeError(`maxRate must be above 0: got ${maxRate}`)
    this.maxRate = maxRate
    this.allowed = Math.max(1, maxRate)
    this.atMs = nowMs
  }

  /** Milliseconds until a row may be stored; 0: now. */
  waitMs(nowMs: number): number {
    this.moveTo(nowMs)
    return this.allowed >= 1 ? 0 : Math.ceil(((1 - this.allowed) * 1000) / this.maxRate)
  }

  /** The receiver has not heeded the rate for long. */
  isRefused(nowMs: number): boolean {
    this.moveTo(nowMs)
    return this.allowed < -PATIENCE_SECONDS * Math.max(1, this.maxRate)
  }

  stored(rows: number): void {
    this.allowed -= rows
  }

  private moveTo(nowMs: number): void {
    const passedMs = Math.max(0, nowMs - this.atMs)
    this.allowed = Math.min(Math.max(1, this.maxRate), this.allowed + (passedMs * this.maxRate) / 1000)
    this.atMs = nowMs
  }
}
