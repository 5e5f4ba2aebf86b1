// Errors on their way from one thread to another: as plain data, and made again on the other side. The classes
// that the scheduler and users tell apart keep their class, all others their name, message, stack and cause.

import { CorruptRecordError } from '../../../broker/protocol/record-batch/failures.ts'
import type { RecordPlace } from '../../graph/contracts/poison.ts'
import { CancelledError, OperatorError } from '../../graph/errors.ts'
import { DataLossError } from '../../source/errors.ts'

export interface Failure {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly operator: string | undefined
  readonly record: RecordPlace | undefined
  readonly blamesNoRecord: boolean
  readonly cause: Failure | undefined
}

/** Causes that are followed. */
const DEEPEST = 8

export function failureOf(error: unknown, depth = 0): Failure {
  if (!(error instanceof Error)) {
    return {
      name: 'Error',
      message: String(error),
      stack: undefined,
      operator: undefined,
      record: undefined,
      blamesNoRecord: false,
      cause: undefined,
    }
  }
  const { name, message, stack, cause } = error
  return {
    name,
    message,
    stack,
    operator: error instanceof OperatorError ? error.operator : undefined,
    record: error instanceof OperatorError ? error.record : undefined,
    blamesNoRecord: error instanceof OperatorError && error.blamesNoRecord,
    cause: cause === undefined || depth >= DEEPEST ? undefined : failureOf(cause, depth + 1),
  }
}

export function errorOf(failure: Failure): Error {
  const cause = failure.cause && errorOf(failure.cause)
  const error = remade(failure, cause)
  error.name = failure.name
  error.message = failure.message
  if (failure.stack !== undefined) error.stack = failure.stack
  return error
}

function remade(
  { name, message, operator, record, blamesNoRecord }: Failure,
  cause: Error | undefined,
): Error {
  if (operator !== undefined) {
    const error = new OperatorError(operator, cause, blamesNoRecord)
    error.record = record
    return error
  }
  switch (name) {
    case 'CancelledError':
      return new CancelledError()
    case 'DataLossError':
      return new DataLossError(message)
    case 'CorruptRecordError':
      return new CorruptRecordError(0, message, { cause })
    default:
      return new Error(message, { cause })
  }
}
