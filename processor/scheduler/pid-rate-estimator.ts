// How fast a job may read, worked out from how fast it has been (Spark's PIDRateEstimator): the last rate is
// the set point, what the batch really did is the measurement, and the time that it had to wait says how much
// has piled up before. Pure: one call per finished batch, no clock.

export interface PidOptions {
  /** Of the batch interval: over as much time what piled up shall be worked off. */
  readonly intervalMs: number
  /** How strongly the last batch counts; default 1. */
  readonly proportional: number
  /** How strongly what piled up counts; default 0.2. */
  readonly integral: number
  /** How strongly the change of the error counts; default 0, for it makes the rate unsteady. */
  readonly derived: number
  /** Rows per second that are read whatever happens, or nothing could be measured any more; default 100. */
  readonly minRate: number
}

/** A batch that has ended, as far as its rate is concerned. */
export interface MeasuredBatch {
  readonly processingEndMs: number
  readonly records: number
  readonly processingTimeMs: number
  readonly schedulingDelayMs: number
}

export class PidRateEstimator {
  private readonly options: PidOptions
  private latestEndMs = Number.NEGATIVE_INFINITY
  private latestRate: number | undefined
  private latestError = 0

  constructor(options: PidOptions) {
    this.options = options
  }

  /** Rows per second from now on; undefined: this batch says nothing, or is the first that says anything. */
  next(batch: MeasuredBatch): number | undefined {
    const { processingEndMs, records, processingTimeMs, schedulingDelayMs } = batch
    const { intervalMs, proportional, integral, derived, minRate } = this.options
    if (processingEndMs <= this.latestEndMs || records <= 0 || processingTimeMs <= 0) return undefined
    const processingRate = (records / processingTimeMs) * 1000
    const { latestRate, latestError } = this
    const sinceSeconds = (processingEndMs - this.latestEndMs) / 1000
    this.latestEndMs = processingEndMs
    if (latestRate === undefined) {
      this.latestRate = processingRate
      return undefined
    }
    const error = latestRate - processingRate
    // Rows that could have been processed while the batch waited, over one interval.
    const piledUp = (schedulingDelayMs * processingRate) / intervalMs
    const change = (error - latestError) / sinceSeconds
    const rate = Math.max(minRate, latestRate - proportional * error - integral * piledUp - derived * change)
    this.latestRate = rate
    this.latestError = error
    return rate
  }
}
