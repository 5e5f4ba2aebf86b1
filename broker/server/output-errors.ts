// What the output port makes of the coordinators' error codes: ask again, the session was fenced, or the step was
// refused. Whoever stops the broker is not kept waiting.

import { type ErrorCode, errorCodes, errorName } from '../protocol/errors.ts'
import { isFencing } from '../protocol/producer-transaction.ts'
import type { Clock } from '../time/clock.ts'
import { FencedError } from '../../processor/ports.ts'

/** Between attempts while the coordinator finishes what was there before (Kafka: retry.backoff.ms). */
const RETRY_BACKOFF_MS = 5
/** Kafka's max.block.ms. */
const LONGEST_WAIT_MS = 60_000
const retriable: ReadonlySet<ErrorCode> = new Set([
  errorCodes.CONCURRENT_TRANSACTIONS,
  errorCodes.COORDINATOR_LOAD_IN_PROGRESS,
  errorCodes.COORDINATOR_NOT_AVAILABLE,
  errorCodes.UNSTABLE_OFFSET_COMMIT,
])

/** A step of the transaction was refused; carries Kafka's code. */
export class OutputError extends Error {
  readonly errorCode: ErrorCode
  constructor(errorCode: ErrorCode, detail: string | null) {
    super(detail === null ? errorName(errorCode) : `${errorName(errorCode)}: ${detail}`)
    this.name = 'OutputError'
    this.errorCode = errorCode
  }
}

export function failureOf(
  transactionalId: string,
  errorCode: ErrorCode,
  detail: string | null = null,
): Error {
  return isFencing(errorCode) ? new FencedError(transactionalId) : new OutputError(errorCode, detail)
}

/** Asks again while the coordinator is busy with what was before; any other error is thrown. */
export async function untilDone<T>(
  { clock, stopping }: { clock: Clock; stopping: AbortSignal },
  failure: (errorCode: ErrorCode) => Error,
  ask: () => Promise<{ errorCode: ErrorCode; value: T }>,
): Promise<T> {
  const giveUpMs = clock.now() + LONGEST_WAIT_MS
  for (;;) {
    const { errorCode, value } = await ask()
    if (errorCode === errorCodes.NONE) return value
    const mayPass = retriable.has(errorCode) && !stopping.aborted && clock.now() < giveUpMs
    if (!mayPass) throw failure(errorCode)
    await new Promise<void>((resolve) => clock.setTimer(RETRY_BACKOFF_MS, resolve))
  }
}
