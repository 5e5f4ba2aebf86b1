// What a transactional producer asks coordinators: asked again, of whoever is the coordinator then, until there is an
// answer that stays.

import { endTxn } from '../broker/protocol/apis/end-txn.ts'
import { initProducerId } from '../broker/protocol/apis/init-producer-id.ts'
import type { offsetFetch } from '../broker/protocol/apis/offset-fetch.ts'
import { produce } from '../broker/protocol/apis/produce.ts'
import { txnOffsetCommit } from '../broker/protocol/apis/txn-offset-commit.ts'
import { type ErrorCode, errorCodes } from '../broker/protocol/errors.ts'
import type { ResponseOf } from '../broker/protocol/message.ts'
import { isFencing, type ProducerEpoch } from '../broker/protocol/producer-transaction.ts'
import { FencedError } from '../processor/ports.ts'
import type { BrokerConnection } from './connection.ts'
import type { Cluster, CoordinatorKind } from './cluster.ts'
import { KafkaError, mayPass } from './errors.ts'

/** transaction.version from which on partitions are added implicitly, and a decision raises the epoch (KIP-890). */
const EPOCH_PER_TRANSACTION = 2
/** From these versions on the requests say that the client knows of it. */
export const IMPLICIT = { produce: 12, txnOffsetCommit: 5, endTxn: 5 } as const
export interface SessionTerms {
  readonly transactionalId: string
  readonly transactionTimeoutMs: number
  /** Of transaction.version 2. */
  readonly byEpoch: boolean
}

type Failure = (errorCode: ErrorCode, what: string) => Error

/** Asks the coordinator, wherever it is, until it has an answer that stays. */
export function ask<T>(
  cluster: Cluster,
  { kind, key }: { kind: CoordinatorKind; key: string },
  failure: Failure,
  request: (connection: BrokerConnection) => Promise<{ errorCode: ErrorCode; value: T }>,
): Promise<T> {
  return cluster.untilDone(async () => {
    try {
      const { errorCode, value } = await request(await cluster.coordinator(kind, key))
      if (errorCode !== errorCodes.NONE) throw failure(errorCode, `the coordinator of ${kind} '${key}'`)
      return value
    } catch (error) {
      const isBusy = error instanceof KafkaError && error.errorCode === errorCodes.CONCURRENT_TRANSACTIONS
      if (mayPass(error) && !isBusy) cluster.forgetCoordinator(kind, key)
      throw error
    }
  })
}

/** Fences whoever had the transactional id, and aborts what it left open. */
export function newEpoch(
  cluster: Cluster,
  { transactionalId, transactionTimeoutMs }: SessionTerms,
): Promise<ProducerEpoch> {
  const failure: Failure = (errorCode, what) => failureOf(transactionalId, errorCode, what)
  return ask(cluster, { kind: 'transaction', key: transactionalId }, failure, async (connection) => {
    const request = { transactionalId, transactionTimeoutMs }
    const answer = await connection.request(initProducerId, connection.versionOf(initProducerId, 5), request)
    return { errorCode: answer.errorCode, value: answer }
  })
}

/** Both the cluster's level and the requests that go with it. */
export async function speaksEpochs(cluster: Cluster, transactionalId: string): Promise<boolean> {
  const coordinator = await cluster.untilDone(() => cluster.coordinator('transaction', transactionalId))
  return (
    coordinator.feature('transaction.version') >= EPOCH_PER_TRANSACTION &&
    coordinator.versionOf(produce) >= IMPLICIT.produce &&
    coordinator.versionOf(endTxn) >= IMPLICIT.endTxn &&
    coordinator.versionOf(txnOffsetCommit) >= IMPLICIT.txnOffsetCommit
  )
}

export function offsetsIn(answer: ResponseOf<typeof offsetFetch>, version: number) {
  const of = version >= 8 ? answer.groups[0] : answer
  if (of === undefined) throw new Error('OffsetFetch: no answer for the group')
  const partitions = of.topics.flatMap(({ name, partitions: ofTopic }) =>
    ofTopic.map((partition) => ({ topic: name, ...partition })),
  )
  const value = partitions
    .filter(({ committedOffset }) => committedOffset >= 0n)
    .map(({ topic, partitionIndex, committedOffset, metadata: text }) => ({
      topic,
      partition: partitionIndex,
      offset: committedOffset,
      metadata: text ?? '',
    }))
  return { errorCode: firstOf([of.errorCode, ...partitions.map(({ errorCode }) => errorCode)]), value }
}

/** The first that is an error, or none. */
export function firstOf(codes: readonly ErrorCode[]): ErrorCode {
  return codes.find((code) => code !== errorCodes.NONE) ?? errorCodes.NONE
}

export function failureOf(
  transactionalId: string,
  errorCode: ErrorCode,
  what: string,
  detail?: string | null,
): Error {
  return isFencing(errorCode) ? new FencedError(transactionalId) : new KafkaError(errorCode, what, detail)
}
