// One transaction after the other of a job's output: partitions and offsets join it, batches are stamped and appended, and
// one EndTxn decides. Partitions are added one by one, or by being written to (transaction.version 2). What state that is
// in, protocol/producer-transaction.ts knows; here it is carried out.
//
// Rule kept: output, offsets and decision are durable when commit() resolves, whatever the topics' durability.

import { OFFSETS_TOPIC, TRANSACTIONS_TOPIC } from '../controller/topic-name.ts'
import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import { type ProducerEpoch, ProducerTransaction } from '../protocol/producer-transaction.ts'
import { recomputeCrc, recordCountOf, stampProducer } from '../protocol/record-batch/header.ts'
import type { InProcessOutputServices } from './in-process-output.ts'
import { failureOf, OutputError, untilDone } from './output-errors.ts'
import { byTopic, committedIn } from './output-offsets.ts'
import { type CommittedOffset, FencedError, type OutputSession } from '../../processor/ports.ts'

/** Versions of AddOffsetsToTxn, TxnOffsetCommit, and of EndTxn by the protocol that the session speaks. */
const ADD_OFFSETS_VERSION = 4
const OFFSETS_VERSION = 5
const END_VERSION = { byState: 4, byEpoch: 5 } as const
const COMMITTED_OFFSETS_VERSION = 8

export interface SessionTerms {
  transactionalId: string
  transactionTimeoutMs: number
  /** Of transaction.version 2. */
  byEpoch: boolean
}

export class InProcessSession implements OutputSession {
  private readonly services: InProcessOutputServices
  private readonly terms: SessionTerms
  private readonly transactionalId: string
  private readonly transaction: ProducerTransaction
  /** Partitions of the open transaction: the promise that the coordinator knows of them. */
  private readonly joining = new Map<string, Promise<void>>()
  /** Where the last transaction's group keeps its offsets: the next one's will be there, too. */
  private offsetsPartition: number | undefined

  constructor(services: InProcessOutputServices, terms: SessionTerms, producer: ProducerEpoch) {
    this.services = services
    this.terms = terms
    this.transactionalId = terms.transactionalId
    this.transaction = new ProducerTransaction({ ...terms, seesItsWrites: true }, producer)
  }

  get producerId(): bigint {
    return this.transaction.producer.producerId
  }

  get producerEpoch(): number {
    return this.transaction.producer.producerEpoch
  }

  async committedOffsets(groupId: string): Promise<CommittedOffset[]> {
    const { groups } = this.services
    const request = {
      groupId: '',
      topics: null,
      groups: [{ groupId, memberId: null, memberEpoch: -1, topics: null }],
      requireStable: true,
    }
    const context = { apiVersion: COMMITTED_OFFSETS_VERSION, clientId: this.transactionalId, clientHost: '' }
    return await this.untilDone(async () => {
      const { groups: answers } = await groups.offsetFetch(request, context)
      const [answer] = answers
      if (answer === undefined) throw new Error(`no answer for group ${groupId}`)
      return committedIn(answer)
    })
  }

  begin(): void {
    this.transaction.decide('begin')
    this.joining.clear()
    this.transaction.apply({ type: 'begun', atMs: this.services.clock.monotonicMs() })
  }

  async append(topic: string, partition: number, batch: Buffer): Promise<void> {
    this.transaction.decide('write')
    await this.guarded(async () => {
      await this.addPartition(topic, partition)
      this.transaction.decide('write')
      // From here to the append nothing waits: sequences meet the log in their order.
      const target = this.services.partition(topic, partition)
      if (target === undefined) throw this.failure(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
      const { name } = target
      const baseSequence = this.transaction.baseSequence(name)
      const { producerId, producerEpoch } = this
      stampProducer(batch, 0, { producerId, producerEpoch, baseSequence, isTransactional: true })
      recomputeCrc(batch, 0)
      const options = { nowMs: this.services.clock.now(), fromClient: true, forceDurable: true }
      const result = target.append(batch, { ...options, startsAtZero: this.terms.byEpoch })
      if (result.errorCode !== errorCodes.NONE) throw this.failure(result.errorCode, result.errorMessage)
      this.transaction.apply({ type: 'appended', partition: name, records: recordCountOf(batch, 0) })
      const errorCode = await target.whenDurable(result.lastOffset)
      if (errorCode !== errorCodes.NONE) throw this.failure(errorCode)
    })
  }

  async commitOffsets(groupId: string, offsets: readonly CommittedOffset[]): Promise<void> {
    this.transaction.decide('write')
    const { groups } = this.services
    const { transactionalId, producerId, producerEpoch } = this
    this.transaction.apply({ type: 'offsetsJoining' })
    await this.guarded(async () => {
      const producer = { transactionalId, producerId, producerEpoch, groupId }
      await this.addOffsets(groupId)
      this.transaction.decide('write')
      const request = {
        ...producer,
        generationId: -1,
        memberId: '',
        groupInstanceId: null,
        topics: byTopic(offsets),
      }
      await this.untilDone(async () => {
        // In the turn in which they are written: offsets of a transaction that has ended would stay for ever.
        const errorCode = this.mayCommitOffsets(groupId)
        if (errorCode !== errorCodes.NONE) return { errorCode, value: undefined }
        const answer = await groups.txnOffsetCommit(request, { apiVersion: OFFSETS_VERSION })
        const codes = answer.topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))
        return {
          errorCode: codes.find((code) => code !== errorCodes.NONE) ?? errorCodes.NONE,
          value: undefined,
        }
      })
    })
  }

  private mayCommitOffsets(groupId: string): ErrorCode {
    const { transactions, groups } = this.services
    const { transactionalId, producerId, producerEpoch } = this
    return transactions.verifyTransaction(
      transactionalId,
      producerId,
      producerEpoch,
      OFFSETS_TOPIC,
      groups.partitionFor(groupId),
      this.terms.byEpoch ? 'implicit' : 'abortable',
    )
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
    await Promise.allSettled(this.joining.values())
    if (this.transaction.decide('abort') === 'end') {
      try {
        await this.end(false)
      } catch (error) {
        if (!(error instanceof OutputError) || !this.transaction.hadNothingToAbort(error.errorCode))
          throw error
        this.transaction.apply({ type: 'ended' })
      }
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

  private async end(committed: boolean): Promise<void> {
    const { transactions } = this.services
    const { transactionalId, producerId, producerEpoch } = this
    const { byEpoch } = this.terms
    const next = await this.untilDone(async () => {
      const request = { transactionalId, producerId, producerEpoch, committed }
      const answer = await transactions.endTxn(request, byEpoch ? END_VERSION.byEpoch : END_VERSION.byState)
      return { errorCode: answer.errorCode, value: answer }
    })
    this.transaction.apply({ type: 'ended', next })
  }

  private addPartition(topic: string, partition: number): Promise<void> {
    const name = `${topic}-${partition}`
    const known = this.joining.get(name)
    return known ?? this.join(name, this.askToAdd(topic, partition))
  }

  private join(name: string, adding: Promise<void>): Promise<void> {
    this.transaction.apply({ type: 'joining', partition: name })
    this.joining.set(name, adding)
    return adding
  }

  /** The group's partition of __consumer_offsets joins, unless it came along with the first output. */
  private addOffsets(groupId: string): Promise<void> {
    const { transactions, groups } = this.services
    const { transactionalId, producerId, producerEpoch } = this
    this.offsetsPartition = groups.partitionFor(groupId)
    if (this.terms.byEpoch) return this.addPartition(OFFSETS_TOPIC, this.offsetsPartition)
    return this.untilDone(async () => {
      const request = { transactionalId, producerId, producerEpoch, groupId }
      const { errorCode } = await transactions.addOffsetsToTxn(request, ADD_OFFSETS_VERSION)
      return { errorCode, value: undefined }
    })
  }

  private askToAdd(topic: string, partition: number): Promise<void> {
    return this.terms.byEpoch ? this.addImplicitly(topic, partition) : this.addExplicitly(topic, partition)
  }

  /** The first of a transaction takes the group's offsets along: the coordinator's log is synced once for both. */
  private addImplicitly(topic: string, partition: number): Promise<void> {
    const { transactions } = this.services
    const { transactionalId, offsetsPartition } = this
    const partitions = [{ topic, partition }]
    const takesOffsets = this.joining.size === 0 && offsetsPartition !== undefined && topic !== OFFSETS_TOPIC
    if (takesOffsets) partitions.push({ topic: OFFSETS_TOPIC, partition: offsetsPartition })
    const adding = this.untilDone(async () => {
      const errorCode = await transactions.addImplicitly(transactionalId, this, partitions)
      return { errorCode, value: undefined }
    })
    return takesOffsets ? this.join(`${OFFSETS_TOPIC}-${offsetsPartition}`, adding) : adding
  }

  private addExplicitly(topic: string, partition: number): Promise<void> {
    const { transactions } = this.services
    const request = {
      transactions: [],
      v3AndBelowTransactionalId: this.transactionalId,
      v3AndBelowProducerId: this.producerId,
      v3AndBelowProducerEpoch: this.producerEpoch,
      v3AndBelowTopics: [{ name: topic, partitions: [partition] }],
    }
    return this.untilDone(async () => {
      const { resultsByTopicV3AndBelow } = await transactions.addPartitionsToTxn(request, 3)
      const errorCode = resultsByTopicV3AndBelow[0]?.resultsByPartition[0]?.partitionErrorCode
      if (errorCode === undefined) throw new Error(`no answer for ${topic}-${partition}`)
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

  private failure(errorCode: ErrorCode, errorMessage: string | null = null): Error {
    const { transactionalId } = this
    const refusal = this.transaction.refusal(errorCode, this.services.clock.monotonicMs())
    if (refusal.meaning === 'overdue') return new FencedError(transactionalId, { overdue: refusal })
    return failureOf(transactionalId, errorCode, errorMessage ?? this.whyNotHere(errorCode))
  }

  /** There is one broker: a coordinator that is not here is one whose log the disk has refused (answers.ts). */
  private whyNotHere(errorCode: ErrorCode): string | null {
    if (errorCode !== errorCodes.NOT_COORDINATOR) return null
    const { transactions, partition } = this.services
    const logs = [
      partition(TRANSACTIONS_TOPIC, transactions.partitionFor(this.transactionalId)),
      this.offsetsPartition === undefined ? undefined : partition(OFFSETS_TOPIC, this.offsetsPartition),
    ]
    const reasons = logs.map((log) => log?.storageRefusal?.message)
    return reasons.find((reason) => reason !== undefined) ?? null
  }

  private untilDone<T>(ask: () => Promise<{ errorCode: ErrorCode; value: T }>): Promise<T> {
    return untilDone(this.services, (errorCode) => this.failure(errorCode), ask)
  }
}
