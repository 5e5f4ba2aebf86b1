// How many rows each input may give to the next batch, so that batches last about as long as their interval:
// a rate per input, estimated anew after every batch. Knows nothing of partitions: the source shares a
// batch's rows out by lag.

import type { BatchInfo } from './listener.ts'
import { PidRateEstimator, type PidOptions } from './pid-rate-estimator.ts'

/** Spark's `spark.streaming.backpressure.*`. Rates are rows per second and input. */
export interface BackpressureOptions extends Partial<Omit<PidOptions, 'intervalMs'>> {
  /** Until the first estimate, the very first batch included; default: the source's own limits alone. */
  readonly initialRate?: number
}

interface InputRate {
  readonly estimator: PidRateEstimator
  rate: number | undefined
}

export class Backpressure {
  private readonly intervalMs: number
  private readonly initialRate: number | undefined
  private readonly pid: PidOptions
  private readonly inputs = new Map<string, InputRate>()

  constructor(options: BackpressureOptions, intervalMs: number) {
    const { initialRate, proportional = 1, integral = 0.2, derived = 0, minRate = 100 } = options
    for (const [what, value] of Object.entries({ proportional, integral, derived })) {
      if (!(value >= 0)) throw new TypeError(`backpressure: ${what} must be 0 or above: got ${value}`)
    }
    for (const [what, value] of Object.entries({ minRate, initialRate: initialRate ?? 1 })) {
      if (!(value > 0)) throw new TypeError(`backpressure: ${what} must be above 0: got ${value}`)
    }
    this.intervalMs = intervalMs
    this.initialRate = initialRate
    this.pid = { intervalMs, proportional, integral, derived, minRate }
  }

  /** Rows per second that the input may give, or take in; undefined: as many as it likes. */
  rate(inputId: string): number | undefined {
    return this.inputs.get(inputId)?.rate ?? this.initialRate
  }

  /** Rows that the input may give to its next batch; undefined: as many as it likes. */
  maxRows(inputId: string): number | undefined {
    const rate = this.rate(inputId)
    return rate === undefined ? undefined : Math.max(1, Math.floor((rate * this.intervalMs) / 1000))
  }

  /** A batch is committed. */
  completed(batch: BatchInfo): void {
    const { processingEndTimeMs, processingTimeMs, schedulingDelayMs } = batch
    if (processingEndTimeMs === undefined || processingTimeMs === undefined) return
    for (const [inputId, { records }] of Object.entries(batch.inputs)) {
      let input = this.inputs.get(inputId)
      if (input === undefined) {
        this.inputs.set(inputId, (input = { estimator: new PidRateEstimator(this.pid), rate: undefined }))
      }
      const rate = input.estimator.next({
        processingEndMs: processingEndTimeMs,
        records,
        processingTimeMs,
        schedulingDelayMs: schedulingDelayMs ?? 0,
      })
      // As Spark: a batch that says nothing leaves the rate as it was.
      if (rate !== undefined) input.rate = rate
    }
  }
}
