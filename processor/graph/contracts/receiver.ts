// What an input that receives rows by itself tells of its receiver, for listeners.

export type ReceiverEvent = 'onReceiverStarted' | 'onReceiverError' | 'onReceiverStopped'

export interface ReceiverStatus {
  /** What it receives from, for messages. */
  readonly description: string
  readonly active: boolean
  readonly lastErrorMessage: string | undefined
  readonly lastError: unknown
  readonly lastErrorTimeMs: number | undefined
}

export type ReceiverReport = (event: ReceiverEvent, status: ReceiverStatus) => void
