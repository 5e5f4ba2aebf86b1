// The words of the transaction machine: what it is asked, what it writes, what it only remembers, and
// what it answers. Timestamps and waits are milliseconds; error codes are Kafka's.

import type { PartitionSet } from './partition-set.ts'
import type { Transaction } from './transaction.ts'
import type { TransactionState } from './transaction-state.ts'

/** A producer id with its epoch, as a client states them. */
export interface ProducerIdAndEpoch {
  producerId: bigint
  producerEpoch: number
}

export type TransactionCommand =
  | {
      type: 'init'
      transactionalId: string
      transactionTimeoutMs: number
      /** Stated from InitProducerId v3 on by a producer that wants to go on (KIP-360). */
      expected: ProducerIdAndEpoch | undefined
      /** Given when a first try answered `needsProducerId`. */
      freshProducerId: bigint | undefined
    }
  | ({
      type: 'addPartitions'
      transactionalId: string
      partitions: PartitionSet
      /** The transaction.version whose words the client uses. */
      clientTransactionVersion: number
    } & ProducerIdAndEpoch)
  | ({ type: 'verifyPartitions'; transactionalId: string; partitions: PartitionSet } & ProducerIdAndEpoch)
  | ({
      type: 'end'
      transactionalId: string
      committed: boolean
      clientTransactionVersion: number
      /** Given when a first try answered `needsProducerId`. */
      freshProducerId: bigint | undefined
    } & ProducerIdAndEpoch)
  /** The open transaction's time is up. */
  | { type: 'timeOut'; transactionalId: string }
  /** These partitions of a decision need no marker any more: written, or the topic is gone. */
  | { type: 'marked'; transactionalId: string; decision: number; partitions: PartitionSet }
  /** Which decisions still want markers. The answer waits, as every answer, until all of them are durable. */
  | { type: 'undelivered' }
  | { type: 'describe'; transactionalId: string }
  | { type: 'list'; filter: TransactionFilter }
  /** Time to forget transactional ids that nobody uses. */
  | { type: 'expireIds' }

/** ListTransactions; what is undefined lets everything through. */
export interface TransactionFilter {
  states: readonly TransactionState[] | undefined
  producerIds: readonly bigint[] | undefined
  /** Only transactions that began longer ago than this. */
  runningLongerThanMs: number | undefined
}

/** What __transaction_state keeps: the whole state of one id, or its tombstone. */
export type TransactionFact =
  | { type: 'transaction'; transaction: Transaction }
  | { type: 'tombstone'; transactionalId: string }

export type TransactionNote =
  | ({ type: 'initialized'; transactionalId: string } & RememberedEpoch)
  | { type: 'marked'; transactionalId: string; decision: number; partitions: PartitionSet }

/**
 * The epoch that the producer had before its last InitProducerId or, from transaction.version 2 on, its last
 * decision, so that a retry of InitProducerId gets the same answer (KIP-360). Kafka's log does not keep it
 * either: the retry of an InitProducerId across a restart is fenced.
 */
export interface RememberedEpoch {
  lastProducerEpoch: number
}

/** A decision with the partitions that still lack its marker. */
export interface MarkerWork {
  transactionalId: string
  /** Numbered by this machine since its start: tells two transactions of the same epoch apart. */
  decision: number
  producerId: bigint
  producerEpoch: number
  committed: boolean
  partitions: PartitionSet
  /** From 2 on the markers' epoch is above that of the records that they end. */
  transactionVersion: number
}

export type TransactionReply =
  | { type: 'done'; errorCode: number }
  | { type: 'producer'; errorCode: number; producerId: bigint; producerEpoch: number }
  | { type: 'needsProducerId' }
  | { type: 'verified'; errorCode: number; missing: PartitionSet }
  | { type: 'undelivered'; work: MarkerWork[] }
  | { type: 'described'; transaction: Transaction | undefined; unmarked: PartitionSet }
  | { type: 'listed'; transactions: Transaction[] }
