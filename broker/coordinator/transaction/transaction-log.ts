// How facts become the records of __transaction_state and come back, in Kafka's bytes (TransactionLog):
//
//   key    i16 0, then TransactionLogKey: the transactional id
//   value  i16 version, then TransactionLogValue; null is a tombstone
//
// Version 0 is written under transaction.version 0, version 1 from 1 on; both are read. What only version 1
// can say is said in it under any level: it was promised to a producer before the level went down. An unknown
// record throws: to skip it silently would make this coordinator forget what another one knew.

import { transactionLogKey, transactionLogValue } from '../../protocol/records/transaction.ts'
import { decodeVersioned, encodeVersioned } from '../../protocol/records/versioned.ts'
import type { FactCodec } from '../machine.ts'
import type { TransactionFact } from './commands.ts'
import { noPartitions, partitionSet, sortedTopics } from './partition-set.ts'
import { NO_PRODUCER_ID, type Transaction } from './transaction.ts'
import { stateId, stateOfId } from './transaction-state.ts'

/** The one type of key; Kafka calls it a version. */
const TRANSACTION_KEY = 0

/** `transactionVersion` is the finalized level, asked anew for every record. */
export function transactionLogCodec(transactionVersion: () => number): FactCodec<TransactionFact> {
  return {
    encode(fact) {
      if (fact.type === 'tombstone') return { key: encodeKey(fact.transactionalId), value: null }
      const { transaction } = fact
      const { nextProducerId, clientTransactionVersion } = transaction
      const needsTags = nextProducerId !== NO_PRODUCER_ID || clientTransactionVersion > 0
      const valueVersion = needsTags || transactionVersion() >= 1 ? 1 : 0
      return { key: encodeKey(transaction.transactionalId), value: encodeValue(transaction, valueVersion) }
    },
    decode(key, value) {
      const transactionalId = decodeKey(key)
      if (value === null) return { type: 'tombstone', transactionalId }
      return { type: 'transaction', transaction: decodeValue(transactionalId, value) }
    },
  }
}

function encodeKey(transactionalId: string): Buffer {
  return encodeVersioned(transactionLogKey, TRANSACTION_KEY, { transactionalId })
}

function encodeValue(transaction: Transaction, version: number): Buffer {
  const { state, partitions } = transaction
  if (state === 'Empty' && partitions.size > 0) {
    throw new Error(`${transaction.transactionalId} is Empty and has partitions of ${partitions.size} topics`)
  }
  return encodeVersioned(transactionLogValue, version, {
    producerId: transaction.producerId,
    previousProducerId: version >= 1 ? transaction.previousProducerId : NO_PRODUCER_ID,
    nextProducerId: transaction.nextProducerId,
    clientTransactionVersion: transaction.clientTransactionVersion,
    producerEpoch: transaction.producerEpoch,
    transactionTimeoutMs: transaction.transactionTimeoutMs,
    transactionStatus: stateId(state),
    transactionPartitions: state === 'Empty' ? null : sortedTopics(partitions),
    transactionLastUpdateTimestampMs: BigInt(transaction.lastUpdateTimestampMs),
    transactionStartTimestampMs: BigInt(transaction.startTimestampMs),
  })
}

function decodeKey(key: Uint8Array): string {
  return decodeVersioned(transactionLogKey, asBuffer(key)).value.transactionalId
}

function decodeValue(transactionalId: string, bytes: Uint8Array): Transaction {
  const { value } = decodeVersioned(transactionLogValue, asBuffer(bytes))
  const state = stateOfId(value.transactionStatus)
  if (state === undefined) {
    throw new Error(`__transaction_state: unknown state ${value.transactionStatus} of ${transactionalId}`)
  }
  return {
    transactionalId,
    producerId: value.producerId,
    previousProducerId: value.previousProducerId,
    nextProducerId: value.nextProducerId,
    producerEpoch: value.producerEpoch,
    transactionTimeoutMs: value.transactionTimeoutMs,
    state,
    partitions: state === 'Empty' ? noPartitions : partitionSet(value.transactionPartitions ?? []),
    startTimestampMs: Number(value.transactionStartTimestampMs),
    lastUpdateTimestampMs: Number(value.transactionLastUpdateTimestampMs),
    clientTransactionVersion: value.clientTransactionVersion,
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
