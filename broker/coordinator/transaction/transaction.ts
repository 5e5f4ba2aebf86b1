// What the coordinator knows of one transactional id, and the moves it can make (Kafka's
// TransactionMetadata). A value: every move gives a new one, checked against the table of states, and
// that value is the fact that goes to the log. What Kafka's log does not keep is not here (see
// `RememberedEpoch` in commands.ts).

import { containsAll, noPartitions, type PartitionSet, union } from './partition-set.ts'
import { isIdle, mayBecome, type TransactionState } from './transaction-state.ts'

export interface Transaction {
  readonly transactionalId: string
  readonly producerId: bigint
  /** The one before the last move: tells the retry of a request that changed it. */
  readonly previousProducerId: bigint
  /** What a decision that used up the epochs goes on with once it is carried out; -1: with its own. */
  readonly nextProducerId: bigint
  readonly producerEpoch: number
  readonly transactionTimeoutMs: number
  readonly state: TransactionState
  /** Of the current or, once decided, the ending transaction. */
  readonly partitions: PartitionSet
  /** When the transaction's first partition was added; -1 when none ever was. */
  readonly startTimestampMs: number
  readonly lastUpdateTimestampMs: number
  /** Of the protocol in which the transaction was last moved: from 2 on a decision raises the epoch (KIP-890). */
  readonly clientTransactionVersion: number
}

/** From this transaction.version on a decision raises the epoch, and partitions are added implicitly. */
export const EPOCH_PER_TRANSACTION = 2

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
    previousProducerId: producerId,
    nextProducerId: NO_PRODUCER_ID,
    producerEpoch: 0,
    transactionTimeoutMs,
    state: 'Empty',
    partitions: noPartitions,
    startTimestampMs: NO_TIMESTAMP,
    lastUpdateTimestampMs: nowMs,
    clientTransactionVersion: 0,
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

export function withPartitions(
  from: Transaction,
  added: PartitionSet,
  clientTransactionVersion: number,
  nowMs: number,
): Transaction {
  const begun = from.state === 'Ongoing'
  const partitions = begun ? union(from.partitions, added) : added
  return move(from, 'Ongoing', nowMs, {
    partitions,
    startTimestampMs: begun ? from.startTimestampMs : nowMs,
    clientTransactionVersion,
  })
}

/** In whose words a decision is made, and what it goes on with where it uses up the epochs. */
export interface DecisionTerms {
  clientTransactionVersion: number
  /** A fresh one where `needsNextProducerId`, else -1. */
  nextProducerId: bigint
}

/** Whether a decision in this protocol uses up the epochs of the producer id. */
export function needsNextProducerId(from: Transaction, clientTransactionVersion: number): boolean {
  return clientTransactionVersion >= EPOCH_PER_TRANSACTION && isEpochExhausted(from.producerEpoch)
}

/**
 * The decision. From here on the outcome never changes. From transaction.version 2 on it raises the epoch, and
 * the markers carry the raised one: what comes late of the transaction meets a later epoch everywhere. An abort
 * may then end a transaction that has nothing in it.
 */
export function decided(
  from: Transaction,
  committed: boolean,
  { clientTransactionVersion, nextProducerId }: DecisionTerms,
  nowMs: number,
): Transaction {
  const raises = clientTransactionVersion >= EPOCH_PER_TRANSACTION
  if (isIdle(from.state) && (committed || !raises)) {
    throw new Error(`${from.transactionalId} is ${from.state}: there is nothing to decide`)
  }
  return move(from, committed ? 'PrepareCommit' : 'PrepareAbort', nowMs, {
    producerEpoch: raises ? Math.min(from.producerEpoch + 1, MAX_EPOCH) : from.producerEpoch,
    partitions: isIdle(from.state) ? noPartitions : from.partitions,
    startTimestampMs: isIdle(from.state) ? nowMs : from.startTimestampMs,
    nextProducerId,
    clientTransactionVersion,
  })
}

/**
 * Shuts out the producer of an open transaction and decides to abort it. The raised epoch is handed to
 * nobody, but to a producer that asks again for the end of this very transaction: the next InitProducerId
 * raises it again.
 */
export function fencedAndAborted(from: Transaction, terms: DecisionTerms, nowMs: number): Transaction {
  // The decision raises the epoch itself from version 2 on.
  const raises = terms.clientTransactionVersion >= EPOCH_PER_TRANSACTION
  const producerEpoch = raises ? from.producerEpoch : Math.min(from.producerEpoch + 1, MAX_EPOCH)
  const fenced =
    from.state === 'PrepareEpochFence' ? from : move(from, 'PrepareEpochFence', nowMs, { producerEpoch })
  return decided(fenced, false, terms, nowMs)
}

/** A fence speaks for the broker, in the words of the finalized level; below 2 they are all the same. */
export function fenceVersion(transactionVersion: number): number {
  return transactionVersion >= EPOCH_PER_TRANSACTION ? EPOCH_PER_TRANSACTION : 0
}

/** What a producer goes on with after a decision. */
export function successor(decision: Transaction): { producerId: bigint; producerEpoch: number } {
  const { producerId, nextProducerId, producerEpoch } = decision
  return nextProducerId === NO_PRODUCER_ID
    ? { producerId, producerEpoch }
    : { producerId: nextProducerId, producerEpoch: 0 }
}

/** Every partition has its marker, or is gone. */
export function completed(from: Transaction, nowMs: number): Transaction {
  return move(from, from.state === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort', nowMs, {
    ...successor(from),
    nextProducerId: NO_PRODUCER_ID,
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
    previousProducerId: from.producerId,
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
