// What DescribeTransactions and ListTransactions show, and how a request's filters are understood.

import type { describeTransactions } from '../../protocol/apis/describe-transactions.ts'
import type { listTransactions } from '../../protocol/apis/list-transactions.ts'
import { errorCodes } from '../../protocol/errors.ts'
import type { RequestOf, ResponseOf } from '../../protocol/message.ts'
import type { TransactionFilter, TransactionReply } from './commands.ts'
import { sortedTopics } from './partition-set.ts'
import type { Transaction } from './transaction.ts'
import { isPrepared, type TransactionState, transactionStates } from './transaction-state.ts'

export type TransactionDescription = ResponseOf<typeof describeTransactions>['transactionStates'][number]
export type TransactionListing = ResponseOf<typeof listTransactions>

/** `reply` is what the machine said of this id, undefined if it could not be asked. */
export function toDescription(
  transactionalId: string,
  errorCode: number,
  reply: TransactionReply | undefined,
): TransactionDescription {
  const known = reply?.type === 'described' ? reply : undefined
  if (known?.transaction === undefined) {
    return {
      errorCode: errorCode === errorCodes.NONE ? errorCodes.TRANSACTIONAL_ID_NOT_FOUND : errorCode,
      transactionalId,
      transactionState: '',
      transactionTimeoutMs: 0,
      // Zeros, not "none": what Kafka's coordinator leaves unset.
      transactionStartTimeMs: 0n,
      producerId: 0n,
      producerEpoch: 0,
      topics: [],
    }
  }
  const { transaction, unmarked } = known
  // Once decided, only the partitions that have no marker yet.
  const open = isPrepared(transaction.state) ? unmarked : transaction.partitions
  return {
    errorCode,
    transactionalId,
    transactionState: transaction.state,
    transactionTimeoutMs: transaction.transactionTimeoutMs,
    transactionStartTimeMs: BigInt(transaction.startTimestampMs),
    producerId: transaction.producerId,
    producerEpoch: transaction.producerEpoch,
    topics: sortedTopics(open).map(({ topic, partitionIds }) => ({ topic, partitions: partitionIds })),
  }
}

/** States that nobody has are told back to the client; if it named no other, nothing matches. */
export function toFilter(request: RequestOf<typeof listTransactions>): {
  filter: TransactionFilter
  unknownStateFilters: string[]
} {
  const states = request.stateFilters.filter(isState)
  const unknownStateFilters = request.stateFilters.filter((name) => !isState(name))
  const runningLongerThanMs = request.durationFilter < 0n ? undefined : Number(request.durationFilter)
  const { producerIdFilters: producerIds } = request
  return {
    filter: {
      states: request.stateFilters.length === 0 ? undefined : states,
      producerIds: producerIds.length === 0 ? undefined : producerIds,
      runningLongerThanMs,
    },
    unknownStateFilters,
  }
}

export function matches(filter: TransactionFilter, known: Transaction, nowMs: number): boolean {
  const { states, producerIds, runningLongerThanMs } = filter
  return (
    (states === undefined || states.includes(known.state)) &&
    (producerIds === undefined || producerIds.includes(known.producerId)) &&
    (runningLongerThanMs === undefined || nowMs - known.startTimestampMs > runningLongerThanMs)
  )
}

export function toListing(
  errorCode: number,
  unknownStateFilters: string[],
  replies: readonly TransactionReply[],
  idPattern?: { matches(transactionalId: string): boolean },
): TransactionListing {
  const transactions = replies
    .flatMap((reply) => (reply.type === 'listed' ? reply.transactions : []))
    .filter(({ transactionalId }) => idPattern?.matches(transactionalId) ?? true)
  return {
    throttleTimeMs: 0,
    errorCode,
    unknownStateFilters,
    transactionStates: transactions.map(({ transactionalId, producerId, state }) => ({
      transactionalId,
      producerId,
      transactionState: state,
    })),
  }
}

function isState(name: string): name is TransactionState {
  return transactionStates.some((state) => state === name)
}
