// What the coordinator knows of one transactional id, and the moves it can make (Kafka's
// TransactionMetadata). A value: every move gives a new one, checked against the table of states, and
// that value is the fact that goes to the log. What Kafka's log does not keep is not here (see
// `RememberedInit` in commands.ts).

import { containsAll, noPartitions, type PartitionSet, union } from './partition-set.ts'
import { mayBecome, type TransactionState } from './transaction-state.ts'

export interface Transaction {
  readonly transactionalId: string
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly transactionTimeoutMs: number
  readonly state: TransactionState
  /** Of the current or, once decided, the ending transaction. */
  readonly partitions: PartitionSet
  /** When the transaction's first partition was added; -1 when none ever was. */
  readonly startTimestampMs: number
  readonly lastUpdateTimestampMs: number
}

export const NO_PRODUCER_ID = -1n
export const NO_PRODUCER_EPOCH = -1
export const NO_TIMESTAMP = -1

/** int16; only a fence may reach it, so that a producer can always be fenced once more. */
const MAX_EPOCH = 32767

/** No client is handed an epoch beyond this one: the next InitProducerId gives a new producer id. */
export function isEpochExhausted(producerEpoch: number): boolean {
  return producerEpoch >= MAX_EPOCH - 1
}

/** A transactional id that the coordinator has not met before, at epoch 0. */
export function newTransaction(
  transactionalId: string,
  producerId: bigint,
  transactionTimeoutMs: number,
  nowMs: number,
): Transaction {
  return {
    transactionalId,
    producerId,
    producerEpoch: 0,
    transactionTimeoutMs,
    state: 'Empty',
    partitions: noPartitions,
    startTimestampMs: NO_TIMESTAMP,
    lastUpdateTimestampMs: nowMs,
  }
}

/** InitProducerId: ready for new transactions under the given id and epoch. */
export function initialized(
  from: Transaction,
  producerId: bigint,
  producerEpoch: number,
  transactionTimeoutMs: number,
  nowMs: number,
): Transaction {
  const sameOrNext = producerEpoch === from.producerEpoch || producerEpoch === from.producerEpoch + 1
  const valid = producerId === from.producerId ? sameOrNext : producerEpoch === 0
  if (!valid || producerEpoch >= MAX_EPOCH) {
    throw new Error(
      `${from.transactionalId}: producer ${from.producerId} epoch ${from.producerEpoch} cannot become ` +
        `${producerId} epoch ${producerEpoch}`,
    )
  }
  return move(from, 'Empty', nowMs, {
    producerId,
    producerEpoch,
    transactionTimeoutMs,
    partitions: noPartitions,
    startTimestampMs: NO_TIMESTAMP,
  })
}

export function withPartitions(from: Transaction, added: PartitionSet, nowMs: number): Transaction {
  const begun = from.state === 'Ongoing'
  const partitions = begun ? union(from.partitions, added) : added
  return move(from, 'Ongoing', nowMs, {
    partitions,
    startTimestampMs: begun ? from.startTimestampMs : nowMs,
  })
}

/** The decision. From here on the outcome never changes. */
export function decided(from: Transaction, committed: boolean, nowMs: number): Transaction {
  return move(from, committed ? 'PrepareCommit' : 'PrepareAbort', nowMs, {})
}

/**
 * Shuts out the producer of an open transaction and decides to abort it. The raised epoch is handed to
 * nobody: the next InitProducerId raises it again.
 */
export function fencedAndAborted(from: Transaction, nowMs: number): Transaction {
  const fenced =
    from.state === 'PrepareEpochFence'
      ? from
      : move(from, 'PrepareEpochFence', nowMs, { producerEpoch: Math.min(from.producerEpoch + 1, MAX_EPOCH) })
  return decided(fenced, false, nowMs)
}

/** Every partition has its marker, or is gone. */
export function completed(from: Transaction, nowMs: number): Transaction {
  return move(from, from.state === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort', nowMs, {
    partitions: noPartitions,
  })
}

/** A decision must not lose partitions, and time in the log does not run backwards. */
function move(
  from: Transaction,
  state: TransactionState,
  nowMs: number,
  changes: Partial<Transaction>,
): Transaction {
  const to: Transaction = {
    ...from,
    ...changes,
    state,
    lastUpdateTimestampMs: Math.max(from.lastUpdateTimestampMs, nowMs),
  }
  const keeps = state === 'Empty' || state.startsWith('Complete') || from.state !== 'Ongoing'
  if (!mayBecome(from.state, state) || !(keeps || containsAll(to.partitions, from.partitions))) {
    throw new Error(
      `${from.transactionalId} (producer ${from.producerId} epoch ${from.producerEpoch}) cannot go from ` +
        `${from.state} with ${from.partitions.size} topics to ${state} with ${to.partitions.size}`,
    )
  }
  return to
}
