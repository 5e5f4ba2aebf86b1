// Failures inside a user's function, with the operator they happened in. The innermost operator's name is
// kept: what passes through further operators on its way up is not wrapped again.

import type { RecordPlace } from './contracts/poison.ts'

export class OperatorError extends Error {
  readonly operator: string
  /** The record whose row the function failed at. Set by who was reading it; undefined behind a shuffle. */
  record: RecordPlace | undefined
  /** Many rows were at stake, or none: no record is to blame, and no run without one would fare better. */
  readonly blamesNoRecord: boolean

  constructor(operator: string, cause: unknown, blamesNoRecord = false) {
    super(`${operator}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.name = 'OperatorError'
    this.operator = operator
    this.blamesNoRecord = blamesNoRecord
  }
}

/**
 * A partitioner that fails. No record is to blame, for in one thread a key is placed as its row comes, in another when
 * all have been combined.
 */
export class PartitionerError extends OperatorError {
  constructor(operator: string, cause: unknown) {
    super(operator, cause, true)
  }
}

/** Thrown into the batch that was running when the job was stopped without waiting for it. */
export class CancelledError extends Error {
  constructor() {
    super('the batch was cancelled')
    this.name = 'CancelledError'
  }
}

export function operatorFailed(operator: string, cause: unknown): Error {
  if (cause instanceof OperatorError || cause instanceof CancelledError) return cause
  return new OperatorError(operator, cause)
}

/** What failed is a block of rows, or where it is kept, and no function. */
export function failedAtNoRecord(operator: string, cause: unknown): Error {
  return cause instanceof OperatorError ? cause : new OperatorError(operator, cause, true)
}

/** The job's graph cannot run; `problems` has one line per mistake, each naming its operator. */
export class GraphError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.length === 1 ? problems[0] : `the job cannot start:\n  ${problems.join('\n  ')}`)
    this.name = 'GraphError'
    this.problems = problems
  }
}
