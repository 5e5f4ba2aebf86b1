// A rate over the last few windows of time, and how long one must be silent for it to fall to a bound. Kafka's
// Rate over a WindowedSum (kafka-clients, common/metrics/stats) and QuotaUtils, number for number: clients are
// tuned to what it answers.
//
//   samples   |--1 s--|--1 s--| … |--now     kept: `samples` + 1 windows; older ones are forgotten
//   rate      sum ÷ time since the oldest, counted as `samples` - 1 windows at least

export interface WindowConfig {
  /** quota.window.num */
  samples: number
  /** quota.window.size.seconds, in ms */
  windowMs: number
}

interface Sample {
  startMs: number
  lastEventMs: number
  value: number
}

export class WindowedRate {
  private readonly config: WindowConfig
  private readonly samples: Sample[] = []
  private current = 0

  constructor(config: WindowConfig) {
    this.config = config
  }

  /** A negative value takes back what was recorded. */
  record(value: number, nowMs: number): void {
    let sample = this.sampleAt(nowMs)
    if (nowMs - sample.startMs >= this.config.windowMs) sample = this.advance(nowMs)
    sample.value += value
    sample.lastEventMs = nowMs
  }

  /** Per second. */
  rate(nowMs: number): number {
    this.forgetOld(nowMs)
    const sum = this.samples.reduce((total, { value }) => total + value, 0)
    return sum / (this.elapsedMs(nowMs) / 1000)
  }

  /** How long to be silent until the rate is at the bound; 0 while it is not above. */
  throttleTimeMs(bound: number, nowMs: number): number {
    const rate = this.rate(nowMs)
    return rate <= bound ? 0 : Math.round(((rate - bound) / bound) * this.elapsedMs(nowMs))
  }

  private sampleAt(nowMs: number): Sample {
    const sample = this.samples[this.current]
    if (sample !== undefined) return sample
    const first = { startMs: nowMs, lastEventMs: nowMs, value: 0 }
    this.samples.push(first)
    return first
  }

  private advance(nowMs: number): Sample {
    this.current = (this.current + 1) % (this.config.samples + 1)
    const sample = this.samples[this.current]
    if (sample === undefined) return this.sampleAt(nowMs)
    reset(sample, nowMs)
    return sample
  }

  private forgetOld(nowMs: number): void {
    const { samples, windowMs } = this.config
    for (const sample of this.samples) {
      if (nowMs - sample.lastEventMs >= samples * windowMs) reset(sample, nowMs)
    }
  }

  private elapsedMs(nowMs: number): number {
    const { samples, windowMs } = this.config
    this.sampleAt(nowMs)
    const oldestMs = Math.min(...this.samples.map(({ startMs }) => startMs))
    const elapsedMs = nowMs - oldestMs
    // A client that has just begun is not judged by its first millisecond.
    const missing = Math.max(0, samples - 1 - Math.floor(elapsedMs / windowMs))
    return Math.max(1, elapsedMs + missing * windowMs)
  }
}

function reset(sample: Sample, nowMs: number): void {
  sample.startMs = nowMs
  sample.lastEventMs = nowMs
  sample.value = 0
}
