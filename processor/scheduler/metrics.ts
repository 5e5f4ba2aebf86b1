// A listener that keeps the figures of a job: totals since its start, and how long its last batches took (Spark's
// StatsReportListener and the streaming page's numbers). It prints nothing.

import type { BatchInfo, OutputOperationInfo, StreamingListener } from './listener.ts'

/** Milliseconds; undefined before there is a batch. */
export interface Delays {
  readonly p50: number
  readonly p95: number
  readonly max: number
}

export interface StreamingFigures {
  readonly completedBatches: number
  readonly records: number
  readonly poisonRecords: number
  readonly failedOutputOperations: number
  /** Submitted and not completed: waiting, or running. */
  readonly pendingBatches: number
  readonly lastBatch: BatchInfo | undefined
  /** Of the last batches, over the time that they were processed. */
  readonly recordsPerSecond: number | undefined
  readonly schedulingDelayMs: Delays | undefined
  readonly processingTimeMs: Delays | undefined
  readonly totalDelayMs: Delays | undefined
}

export class StreamingMetrics implements StreamingListener {
  private readonly keep: number
  private readonly last: BatchInfo[] = []
  private submitted = 0
  private completed = 0
  private records = 0
  private poisonRecords = 0
  private failedOutputOperations = 0

  /** `batches`: how many the delays are taken of; default 100. */
  constructor(options: { readonly batches?: number } = {}) {
    this.keep = options.batches ?? 100
    if (!(Number.isSafeInteger(this.keep) && this.keep > 0)) {
      throw new TypeError(`batches must be a whole number above 0: got ${this.keep}`)
    }
  }

  onBatchSubmitted(): void {
    this.submitted++
  }

  onBatchCompleted(batch: BatchInfo): void {
    this.completed++
    this.records += batch.records
    this.poisonRecords += batch.poisonRecords.length
    this.last.push(batch)
    if (this.last.length > this.keep) this.last.shift()
  }

  onOutputOperationCompleted({ failureReason }: OutputOperationInfo): void {
    if (failureReason !== undefined) this.failedOutputOperations++
  }

  get figures(): StreamingFigures {
    const { last, completed, records, poisonRecords, failedOutputOperations } = this
    const processedMs = last.reduce((sum, { processingTimeMs = 0 }) => sum + processingTimeMs, 0)
    const processed = last.reduce((sum, batch) => sum + batch.records, 0)
    return {
      completedBatches: completed,
      records,
      poisonRecords,
      failedOutputOperations,
      pendingBatches: this.submitted - completed,
      lastBatch: last.at(-1),
      recordsPerSecond: processedMs > 0 ? (processed * 1000) / processedMs : undefined,
      schedulingDelayMs: delaysOf(last.map(({ schedulingDelayMs }) => schedulingDelayMs)),
      processingTimeMs: delaysOf(last.map(({ processingTimeMs }) => processingTimeMs)),
      totalDelayMs: delaysOf(last.map(({ totalDelayMs }) => totalDelayMs)),
    }
  }
}

function delaysOf(values: readonly (number | undefined)[]): Delays | undefined {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b)
  if (sorted.length === 0) return undefined
  // The nearest rank: a delay that there really was.
  const quantile = (q: number) => sorted[Math.ceil(q * sorted.length) - 1] as number
  return { p50: quantile(0.5), p95: quantile(0.95), max: quantile(1) }
}
