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
