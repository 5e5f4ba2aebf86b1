// The append of one batch of a produce: what the API refuses itself, whether the batch's transaction has the partition
// (KIP-890), and the partition's own answer.

import {
  appendErrorCode,
  type TransactionSupport,
  transactionSupport,
} from '../../coordinator/transaction/answers.ts'
import type { AppendResult } from '../../partition/partition-api.ts'
import type { Partition } from '../../partition/partition.ts'
import { type ErrorCode, errorCodes, isRetriable } from '../../protocol/errors.ts'
import { BATCH_OVERHEAD, codecOf } from '../../protocol/record-batch/header.ts'
import type { Clock } from '../../time/clock.ts'
import { batchProducer } from '../batch-producer.ts'
import type { InspectedBatches } from './inspect-ahead.ts'
import type { ProduceRequest } from './produce-request.ts'

/** Older producers are not believed when they say zstd (KIP-110). */
const ZSTD_FROM = 7

export interface AppendServices {
  clock: Clock
  /** False for topics that only the broker writes. */
  mayWrite(topic: string): boolean
  /**
   * Whether the transaction is open and holds the partition. Without it a late batch of an ended
   * transaction would hold back the last stable offset for ever (KIP-890, part one).
   */
  verifyTransaction(
    transactionalId: string,
    producerId: bigint,
    producerEpoch: number,
    topic: string,
    partition: number,
    support: TransactionSupport,
  ): ErrorCode
}

/** What is known of the whole request by the time of its appends. */
export interface AppendContext {
  apiVersion: number
  /** How the adding of what its transaction lacked went. */
  refusedToAdd: ErrorCode
  inspected: InspectedBatches | undefined
}

/** Appends what one partition was sent, or says why not. Synchronous. */
export function appendBatch(
  { acks, transactionalId }: Pick<ProduceRequest, 'acks' | 'transactionalId'>,
  partition: Partition,
  records: Buffer | null,
  { apiVersion, refusedToAdd, inspected }: AppendContext,
  services: AppendServices,
): AppendResult {
  const { topic } = partition

  if (acks < -1 || acks > 1) return failed(errorCodes.INVALID_REQUIRED_ACKS)
  if (!services.mayWrite(topic)) return failed(errorCodes.INVALID_TOPIC_EXCEPTION)
  if (records === null) return failed(errorCodes.INVALID_RECORD)
  if (apiVersion < ZSTD_FROM && records.length >= BATCH_OVERHEAD && codecOf(records, 0) === 'zstd') {
    return failed(errorCodes.UNSUPPORTED_COMPRESSION_TYPE)
  }
  const { producerId, producerEpoch, baseSequence, isTransactional } = batchProducer(records)
  const support = transactionSupport('Produce', apiVersion)
  const nowMs = services.clock.now()
  if (
    isTransactional &&
    transactionalId !== null &&
    !partition.hasOpenTransaction(producerId, producerEpoch)
  ) {
    // What was added may have been decided upon since: only this turn's answer counts.
    const verdict =
      refusedToAdd !== errorCodes.NONE
        ? appendErrorCode(refusedToAdd, 'implicit')
        : services.verifyTransaction(
            transactionalId,
            producerId,
            producerEpoch,
            topic,
            partition.index,
            support,
          )
    if (verdict !== errorCodes.NONE) {
      const comesAgain = isRetriable(verdict) || verdict === errorCodes.CONCURRENT_TRANSACTIONS
      if (comesAgain) partition.noteBatchPutOff(producerId, producerEpoch, baseSequence, nowMs)
      const isForeign = verdict === errorCodes.INVALID_TXN_STATE
      return failed(verdict, isForeign ? 'the partition was not added to the transaction' : null)
    }
  }
  const startsAtZero = isTransactional && support === 'implicit'
  const inspection = inspected?.get(records, partition.config)
  const result = partition.append(records, {
    nowMs,
    fromClient: true,
    startsAtZero,
    ...(inspection === undefined ? {} : { inspected: inspection }),
  })
  // The code speaks for itself, but where single records are to blame (LogAppendResult.hasCustomErrorMessage).
  if (result.recordErrors.length === 0) result.errorMessage = null
  return result
}

export function failed(errorCode: ErrorCode, errorMessage: string | null = null): AppendResult {
  return {
    errorCode,
    errorMessage,
    baseOffset: -1n,
    lastOffset: -1n,
    logAppendTimeMs: -1n,
    logStartOffset: -1n,
    recordErrors: [],
    isDuplicate: false,
  }
}
