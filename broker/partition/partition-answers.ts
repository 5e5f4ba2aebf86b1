// The answers of a partition that carry nothing but what every answer of their kind has.

import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import type { AppendResult, PartitionRead } from './partition-api.ts'

export function appended(
  logStartOffset: bigint,
  baseOffset: bigint,
  lastOffset: bigint,
  logAppendTimeMs: bigint,
  isDuplicate = false,
): AppendResult {
  return {
    errorCode: errorCodes.NONE,
    errorMessage: null,
    baseOffset,
    lastOffset,
    logAppendTimeMs,
    logStartOffset,
    recordErrors: [],
    isDuplicate,
  }
}

/** What a client knows to do about without knowing the log (ReplicaManager.appendToLocalLog). */
const TOLD_WITHOUT_LOG_START: readonly ErrorCode[] = [
  errorCodes.CORRUPT_MESSAGE,
  errorCodes.MESSAGE_TOO_LARGE,
  errorCodes.RECORD_LIST_TOO_LARGE,
]

/** A batch that the log has refused: most refusals tell where the log starts. */
export function refuseByLog(
  logStartOffset: bigint,
  { errorCode, errorMessage, recordErrors = [], isMisshapen = false }: RefusalByLog,
): AppendResult {
  const refused = refuseAppend(errorCode, errorMessage, recordErrors)
  const isTold = !isMisshapen && !TOLD_WITHOUT_LOG_START.includes(errorCode)
  return isTold ? { ...refused, logStartOffset } : refused
}

interface RefusalByLog {
  errorCode: ErrorCode
  errorMessage: string | null
  recordErrors?: AppendResult['recordErrors']
  /** It was refused before the log was asked. */
  isMisshapen?: boolean
}

export function refuseAppend(
  errorCode: ErrorCode,
  errorMessage: string | null = null,
  recordErrors: AppendResult['recordErrors'] = [],
): AppendResult {
  return {
    errorCode,
    errorMessage,
    baseOffset: -1n,
    lastOffset: -1n,
    logAppendTimeMs: -1n,
    logStartOffset: -1n,
    recordErrors,
    isDuplicate: false,
  }
}

export function refuseRead(errorCode: ErrorCode): PartitionRead {
  return {
    errorCode,
    records: Buffer.alloc(0),
    nextOffset: -1n,
    highWatermark: -1n,
    lastStableOffset: -1n,
    logStartOffset: -1n,
    abortedTransactions: null,
  }
}

/** A client that believes in another leader epoch is told so; one that names none is believed. */
export function epochRefusal(claimed: number | undefined, leaderEpoch: number): ErrorCode {
  if (claimed === undefined || claimed < 0 || claimed === leaderEpoch) return errorCodes.NONE
  return claimed < leaderEpoch ? errorCodes.FENCED_LEADER_EPOCH : errorCodes.UNKNOWN_LEADER_EPOCH
}
