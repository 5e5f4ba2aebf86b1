// How many rows a receiver may store per second (Spark's spark.streaming.receiver.maxRate, and what backpressure says):
// a second's worth may come at once, and who stores more goes into debt. It decides and waits for nothing; the time is
// handed in.

/** Seconds of debt beyond which storing is refused. */
const PATIENCE_SECONDS = 8

export class IntakeRate {
  private readonly maxRate: number
  private rate: number
  private allowed: number
  private atMs: number

  /** `maxRate`: rows per second; undefined: there is no limit until one is set. */
  constructor(maxRate: number | undefined, nowMs: number) {
    if (maxRate !== undefined && !(maxRate > 0))
      throw new TypeError(`maxRate must be above 0: got ${maxRate}`)
    this.maxRate = maxRate ?? Number.POSITIVE_INFINITY
    this.rate = this.maxRate
    this.allowed = this.mostAtOnce
    this.atMs = nowMs
  }

  /** Rows per second from now on; never more than `maxRate`. */
  limitTo(rate: number, nowMs: number): void {
    this.moveTo(nowMs)
    this.rate = Math.min(rate, this.maxRate)
    this.allowed = Math.min(this.allowed, this.mostAtOnce)
  }

  /** Milliseconds until a row may be stored; 0: now. */
  waitMs(nowMs: number): number {
    this.moveTo(nowMs)
    return this.allowed >= 1 ? 0 : Math.ceil(((1 - this.allowed) * 1000) / this.rate)
  }

  /** The receiver has not heeded the rate for long. */
  isRefused(nowMs: number): boolean {
    this.moveTo(nowMs)
    return this.allowed < -PATIENCE_SECONDS * this.mostAtOnce
  }

  stored(rows: number): void {
    this.allowed -= rows
  }

  private get mostAtOnce(): number {
    return Math.max(1, this.rate)
  }

  private moveTo(nowMs: number): void {
    const passedMs = Math.max(0, nowMs - this.atMs)
    // Without a limit there is no debt: what is infinite stays so.
    if (passedMs > 0) this.allowed = Math.min(this.mostAtOnce, this.allowed + (passedMs * this.rate) / 1000)
    this.atMs = nowMs
  }
}
