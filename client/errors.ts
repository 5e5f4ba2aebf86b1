// What can go wrong with a broker that is elsewhere: it cannot be reached, it is not who it should be or does not know
// us, it does not speak what is needed, or it says no.

import { type ErrorCode, errorName, isRetriable } from '../broker/protocol/errors.ts'

/** The connection could not be made, or ended before the reply: what was asked may or may not have been done. */
export class ConnectionLostError extends Error {
  constructor(broker: string, cause: unknown) {
    super(`${broker}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.name = 'ConnectionLostError'
  }
}

/** Certificates or credentials do not fit. To try again would not help, and may lock the account. */
export class AuthenticationError extends Error {
  constructor(broker: string, cause: unknown) {
    super(`${broker}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.name = 'AuthenticationError'
  }
}

export class UnsupportedError extends Error {
  constructor(broker: string, api: string, range: { minVersion: number; maxVersion: number } | undefined) {
    const spoken =
      range === undefined ? 'does not serve it' : `serves ${range.minVersion} to ${range.maxVersion}`
    super(`${broker}: no version of ${api} that both speak: the broker ${spoken}`)
    this.name = 'UnsupportedError'
  }
}

/** The broker refused; carries Kafka's code. */
export class KafkaError extends Error {
  readonly errorCode: ErrorCode

  constructor(errorCode: ErrorCode, what: string, detail?: string | null) {
    super(`${what}: ${errorName(errorCode)}${detail === null || detail === undefined ? '' : `: ${detail}`}`)
    this.name = 'KafkaError'
    this.errorCode = errorCode
  }
}

/** Asked again later, it may work. */
export function mayPass(error: unknown): boolean {
  if (error instanceof KafkaError) return isRetriable(error.errorCode)
  return error instanceof ConnectionLostError
}
