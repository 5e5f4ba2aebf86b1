// From what went wrong inside to the error code that a client of the coordinator understands.

import { errorCodes } from '../../protocol/errors.ts'
import { CoordinatorError } from '../shard-log.ts'

/**
 * What an appending log says, in a coordinator's words: whether to look for another coordinator or to try
 * this one again (Kafka's TransactionStateManager.appendTransactionToLog). A bug goes on as an exception.
 */
export function errorCodeOf(error: unknown): number {
  if (!(error instanceof CoordinatorError)) throw error
  switch (error.errorCode) {
    case errorCodes.UNKNOWN_TOPIC_OR_PARTITION:
    case errorCodes.NOT_ENOUGH_REPLICAS:
    case errorCodes.NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case errorCodes.REQUEST_TIMED_OUT:
      return errorCodes.COORDINATOR_NOT_AVAILABLE
    case errorCodes.NOT_LEADER_OR_FOLLOWER:
    case errorCodes.KAFKA_STORAGE_ERROR:
      return errorCodes.NOT_COORDINATOR
    case errorCodes.MESSAGE_TOO_LARGE:
    case errorCodes.RECORD_LIST_TOO_LARGE:
      return errorCodes.UNKNOWN_SERVER_ERROR
    default:
      return error.errorCode
  }
}

/** PRODUCER_FENCED is known from the API's version `since` on; before, INVALID_PRODUCER_EPOCH says it. */
export function forVersion(errorCode: number, version: number, since = 2): number {
  return errorCode === errorCodes.PRODUCER_FENCED && version < since
    ? errorCodes.INVALID_PRODUCER_EPOCH
    : errorCode
}

/** What a client that appends to a transaction is ready to hear (Kafka's TransactionSupportedOperation). */
export type TransactionSupport =
  | 'plain'
  /** TRANSACTION_ABORTABLE: "abort and begin again" (KIP-890). */
  | 'abortable'
  /** Writing adds partitions (KIP-890, part two); CONCURRENT_TRANSACTIONS is common then. */
  | 'implicit'

/** The versions from which on a request's client has each. */
const SUPPORT_FROM = {
  Produce: { abortable: 11, implicit: 12 },
  TxnOffsetCommit: { abortable: 4, implicit: 5 },
}

export function transactionSupport(api: keyof typeof SUPPORT_FROM, apiVersion: number): TransactionSupport {
  const { abortable, implicit } = SUPPORT_FROM[api]
  if (apiVersion >= implicit) return 'implicit'
  return apiVersion >= abortable ? 'abortable' : 'plain'
}

/**
 * A refused verification as Produce and TxnOffsetCommit say it. What passes by itself becomes
 * NOT_ENOUGH_REPLICAS: clients retry it without looking for another leader (Kafka's ReplicaManager).
 */
export function appendErrorCode(errorCode: number, support: TransactionSupport): number {
  switch (errorCode) {
    case errorCodes.PRODUCER_FENCED:
      return errorCodes.INVALID_PRODUCER_EPOCH
    case errorCodes.TRANSACTION_ABORTABLE:
      return support !== 'plain' ? errorCode : errorCodes.INVALID_TXN_STATE
    case errorCodes.CONCURRENT_TRANSACTIONS:
      return support === 'implicit' ? errorCode : errorCodes.NOT_ENOUGH_REPLICAS
    case errorCodes.COORDINATOR_LOAD_IN_PROGRESS:
    case errorCodes.COORDINATOR_NOT_AVAILABLE:
    case errorCodes.NOT_COORDINATOR:
      return errorCodes.NOT_ENOUGH_REPLICAS
    default:
      return errorCode
  }
}
