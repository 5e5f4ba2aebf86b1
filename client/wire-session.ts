// One session of a transactional id over the wire, one transaction at a time. What state that is in,
// protocol/producer-transaction.ts knows; here it is carried out.
//
// Rule kept: a partition's batches are appended one after the other with rising sequences, so that one that is sent
// again after a lost reply is known by its sequence and written once.

import { addOffsetsToTxn } from '../broker/protocol/apis/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from '../broker/protocol/apis/add-partitions-to-txn.ts'
import { endTxn } from '../broker/protocol/apis/end-txn.ts'
import { offsetFetch } from '../broker/protocol/apis/offset-fetch.ts'
import { produce } from '../broker/protocol/apis/produce.ts'
import { txnOffsetCommit } from '../broker/protocol/apis/txn-offset-commit.ts'
import { type ErrorCode, errorCodes } from '../broker/protocol/errors.ts'
import { type ProducerEpoch, ProducerTransaction } from '../broker/protocol/producer-transaction.ts'
import { recomputeCrc, recordCountOf, stampProducer } from '../broker/protocol/record-batch/header.ts'
import { type CommittedOffset, FencedError, type OutputSession } from '../processor/ports.ts'
import type { BrokerConnection } from './connection.ts'
import type { Cluster } from './cluster.ts'
import { KafkaError, mayPass } from './errors.ts'
import {
  ask,
  failureOf,
  firstOf,
  IMPLICIT,
  newEpoch,
  offsetsIn,
  type SessionTerms,
} from './transaction-requests.ts'

const ALL_REPLICAS = -1

export class WireSession implements OutputSession {
  private readonly cluster: Cluster
  private readonly terms: SessionTerms
  private readonly transactionalId: string
  private readonly transaction: ProducerTransaction
  /** The last append of each partition, which the next one waits for. */
  private readonly appending = new Map<string, Promise<void>>()
  /** Partitions of the open transaction: the promise that the coordinator knows of them. */
  private readonly joining = new Map<string, Promise<void>>()
  private readonly leaders = new Map<string, Map<number, number>>()
  /** Offsets that are on their way into the open transaction: they must not arrive behind its end. */
  private committing: Promise<void> = Promise.resolve()

  constructor(cluster: Cluster, terms: SessionTerms, producer: ProducerEpoch) {
    this.cluster = cluster
    this.terms = terms
    this.transactionalId = terms.transactionalId
    this.transaction = new ProducerTransaction({ ...terms, seesItsWrites: false }, producer)
  }

  get producerId(): bigint {
    return this.transaction.producer.producerId
  }

  get producerEpoch(): number {
    return this.transaction.producer.producerEpoch
  }

  committedOffsets(groupId: string): Promise<CommittedOffset[]> {
    const { cluster } = this
    return ask(cluster, { kind: 'group', key: groupId }, this.failure, async (connection) => {
      const version = connection.versionOf(offsetFetch, 9)
      const answer = await connection.request(
        offsetFetch,
        version,
        version >= 8
          ? { groups: [{ groupId, topics: null }], requireStable: true }
          : { groupId, topics: null, requireStable: true },
      )
      return offsetsIn(answer, version)
    })
  }

  begin(): void {
    this.transaction.decide('begin')
    this.joining.clear()
    this.transaction.apply({ type: 'begun', atMs: this.cluster.options.clock.monotonicMs() })
  }

  append(topic: string, partition: number, batch: Buffer): Promise<void> {
    this.transaction.decide('write')
    const name = `${topic}-${partition}`
    const before = this.appending.get(name) ?? Promise.resolve()
    const appending = before.then(() => this.guarded(() => this.appendNext(topic, partition, batch)))
    // Who comes next sees that the session has failed.
    this.appending.set(
      name,
      appending.catch(() => undefined),
    )
    return appending
  }

  async commitOffsets(groupId: string, offsets: readonly CommittedOffset[]): Promise<void> {
    this.transaction.decide('write')
    const { cluster, transactionalId, producerId, producerEpoch } = this
    const { byEpoch } = this.terms
    this.transaction.apply({ type: 'offsetsJoining' })
    const committing = this.guarded(async () => {
      const producer = { transactionalId, producerId, producerEpoch, groupId }
      if (!byEpoch) await this.addOffsets(groupId)
      const topics = [...new Set(offsets.map(({ topic }) => topic))].map((name) => ({
        name,
        partitions: offsets
          .filter(({ topic }) => topic === name)
          .map(({ partition, offset, metadata: committedMetadata }) => ({
            partitionIndex: partition,
            committedOffset: offset,
            committedMetadata,
          })),
      }))
      await ask(cluster, { kind: 'group', key: groupId }, this.failure, async (connection) => {
        const version = connection.versionOf(
          txnOffsetCommit,
          byEpoch ? undefined : IMPLICIT.txnOffsetCommit - 1,
        )
        const answer = await connection.request(txnOffsetCommit, version, { ...producer, topics })
        const codes = answer.topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))
        return { errorCode: firstOf(codes), value: undefined }
      })
    })
    this.committing = committing.catch(() => undefined)
    await committing
  }

  async commit(): Promise<void> {
    if (this.transaction.decide('commit') === 'end') {
      this.transaction.apply({ type: 'committing' })
      await this.guarded(() => this.end(true))
    } else {
      this.transaction.apply({ type: 'ended' })
    }
  }

  async abort(): Promise<void> {
    const { phase } = this.transaction
    if (phase === 'idle' || phase === 'closed') return
    this.transaction.apply({ type: 'aborting' })
    await Promise.all(this.appending.values())
    await this.committing
    await Promise.allSettled(this.joining.values())
    if (this.transaction.decide('abort') === 'end') {
      try {
        await this.end(false)
      } catch (error) {
        if (!(error instanceof KafkaError) || !this.transaction.hadNothingToAbort(error.errorCode))
          throw error
        this.transaction.apply({ type: 'ended' })
      }
    }
    if (this.transaction.decide('abort') === 'renew') {
      this.transaction.apply({ type: 'renewed', next: await newEpoch(this.cluster, this.terms) })
    }
    this.transaction.apply({ type: 'aborted' })
  }

  async close(): Promise<void> {
    try {
      await this.abort()
    } catch (error) {
      // Whoever took the transactional id has aborted what was open.
      if (!(error instanceof FencedError)) throw error
    } finally {
      this.transaction.apply({ type: 'closed' })
    }
  }

  private async appendNext(topic: string, partition: number, batch: Buffer): Promise<void> {
    const { transaction } = this
    transaction.decide('write')
    const name = `${topic}-${partition}`
    if (this.terms.byEpoch) transaction.apply({ type: 'joining', partition: name })
    else await this.addPartition(topic, partition)
    transaction.decide('write')
    const baseSequence = transaction.baseSequence(name)
    stampProducer(batch, 0, { ...transaction.producer, baseSequence, isTransactional: true })
    recomputeCrc(batch, 0)
    await this.cluster.untilDone(
      () => this.produce(topic, partition, batch),
      (error) => mayPass(error) && transaction.phase === 'open',
    )
    transaction.apply({ type: 'appended', partition: name, records: recordCountOf(batch, 0) })
  }

  private async produce(topic: string, partition: number, batch: Buffer): Promise<void> {
    const leader = await this.leaderOf(topic, partition)
    const { transactionalId } = this
    const { requestTimeoutMs: timeoutMs } = this.cluster.options
    const highest = this.terms.byEpoch ? IMPLICIT.produce : IMPLICIT.produce - 1
    try {
      const answer = await leader.request(produce, leader.versionOf(produce, highest), {
        transactionalId,
        acks: ALL_REPLICAS,
        timeoutMs,
        topicData: [{ name: topic, partitionData: [{ index: partition, records: batch }] }],
      })
      const found = answer.responses[0]?.partitionResponses[0]
      if (found === undefined) throw new Error(`Produce: no answer for ${topic}-${partition}`)
      // It was written when it was sent the first time.
      const { errorCode, errorMessage } = found
      if (errorCode === errorCodes.NONE || errorCode === errorCodes.DUPLICATE_SEQUENCE_NUMBER) return
      throw this.failure(errorCode, `Produce to ${topic}-${partition}`, errorMessage)
    } catch (error) {
      if (mayPass(error)) this.leaders.delete(topic)
      throw error
    }
  }

  private async leaderOf(topic: string, partition: number): Promise<BrokerConnection> {
    let leaders = this.leaders.get(topic)
    if (leaders === undefined) {
      const { topics } = await this.cluster.metadata([topic])
      const partitions = topics[0]?.partitions ?? []
      leaders = new Map(partitions.map(({ partitionIndex, leaderId }) => [partitionIndex, leaderId]))
      this.leaders.set(topic, leaders)
    }
    const leaderId = leaders.get(partition) ?? -1
    if (leaderId < 0) {
      this.leaders.delete(topic)
      throw new KafkaError(errorCodes.LEADER_NOT_AVAILABLE, `${topic}-${partition}`)
    }
    return this.cluster.toNode(leaderId)
  }

  private async end(committed: boolean): Promise<void> {
    const { cluster, transactionalId, producerId, producerEpoch } = this
    const { byEpoch } = this.terms
    const next = await ask(
      cluster,
      { kind: 'transaction', key: transactionalId },
      this.failure,
      async (connection) => {
        const version = connection.versionOf(endTxn, byEpoch ? undefined : IMPLICIT.endTxn - 1)
        const request = { transactionalId, producerId, producerEpoch, committed }
        const answer = await connection.request(endTxn, version, request)
        return { errorCode: answer.errorCode, value: answer }
      },
    )
    this.transaction.apply({ type: 'ended', next })
  }

  private addPartition(topic: string, partition: number): Promise<void> {
    const name = `${topic}-${partition}`
    let adding = this.joining.get(name)
    if (adding !== undefined) return adding
    const { cluster, transactionalId, producerId, producerEpoch } = this
    adding = ask(cluster, { kind: 'transaction', key: transactionalId }, this.failure, async (connection) => {
      const answer = await connection.request(
        addPartitionsToTxn,
        connection.versionOf(addPartitionsToTxn, 3),
        {
          v3AndBelowTransactionalId: transactionalId,
          v3AndBelowProducerId: producerId,
          v3AndBelowProducerEpoch: producerEpoch,
          v3AndBelowTopics: [{ name: topic, partitions: [partition] }],
        },
      )
      const found = answer.resultsByTopicV3AndBelow[0]?.resultsByPartition[0]
      if (found === undefined) throw new Error(`AddPartitionsToTxn: no answer for ${name}`)
      return { errorCode: found.partitionErrorCode, value: undefined }
    })
    this.transaction.apply({ type: 'joining', partition: name })
    this.joining.set(name, adding)
    return adding
  }

  private addOffsets(groupId: string): Promise<void> {
    const { cluster, transactionalId, producerId, producerEpoch } = this
    return ask(cluster, { kind: 'transaction', key: transactionalId }, this.failure, async (connection) => {
      const request = { transactionalId, producerId, producerEpoch, groupId }
      const { errorCode } = await connection.request(
        addOffsetsToTxn,
        connection.versionOf(addOffsetsToTxn, 3),
        request,
      )
      return { errorCode, value: undefined }
    })
  }

  /** After a failure the transaction can only be aborted: a hole in it must not be committed. */
  private async guarded(act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (error) {
      this.transaction.apply({ type: 'failed', cause: error })
      throw error
    }
  }

  private readonly failure = (errorCode: ErrorCode, what: string, detail?: string | null): Error => {
    const { transactionalId } = this
    const refusal = this.transaction.refusal(errorCode, this.cluster.options.clock.monotonicMs())
    if (refusal.meaning === 'overdue') return new FencedError(transactionalId, { overdue: refusal })
    return failureOf(transactionalId, errorCode, what, detail)
  }
}
