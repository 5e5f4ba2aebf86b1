// How a batch's failure reaches awaitTermination: with its id, its time, and the operator it happened in.

import { OperatorError } from '../graph/errors.ts'

export class BatchError extends Error {
  readonly batchId: number
  readonly batchTime: Date
  /** Name of the operator whose function failed; undefined where the engine or the log did. */
  readonly operator: string | undefined

  constructor(batchId: number, timeMs: number, cause: unknown) {
    const batchTime = new Date(timeMs)
    const reason = cause instanceof Error ? cause.message : String(cause)
    super(`batch ${batchId} of ${batchTime.toISOString()}: ${reason}`, { cause })
    this.name = 'BatchError'
    this.batchId = batchId
    this.batchTime = batchTime
    this.operator = cause instanceof OperatorError ? cause.operator : undefined
  }
}
