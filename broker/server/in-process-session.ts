// One transaction after the other of a job's output: partitions and offsets join it, batches are stamped and appended, and
// one EndTxn decides. Partitions are added one by one, or by being written to (transaction.version 2).
//
// Rule kept: output, offsets and decision are durable when commit() resolves, whatever the topics' durability.

import { OFFSETS_TOPIC } from '../controller/topic-name.ts'
import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import {
  BATCH_OVERHEAD,
  readBatchHeader,
  recomputeCrc,
  stampProducer,
} from '../protocol/record-batch/header.ts'
import type { InProcessOutputServices } from './in-process-output.ts'
import { failureOf, fenced, OutputError, untilDone } from './output-errors.ts'
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
  producerId: bigint
  producerEpoch: number
  private readonly services: InProcessOutputServices
  private readonly terms: SessionTerms
  private readonly transactionalId: string
  /** Next sequence of this epoch by partition name; wraps as Kafka's does. */
  private readonly sequences = new Map<string, number>()
  /** Partitions of the open transaction: the promise that the coordinator knows of them. */
  private readonly added = new Map<string, Promise<void>>()
  /** Offsets of a group are, or may be, part of the open transaction. */
  private hasOffsets = false
  /** Where the last transaction's group keeps its offsets: the next one's will be there, too. */
  private offsetsPartition: number | undefined
  private begunAtMs = 0
  private state: 'idle' | 'open' | 'failed' | 'closed' = 'idle'

  constructor(
    services: InProcessOutputServices,
    terms: SessionTerms,
    { producerId, producerEpoch }: { producerId: bigint; producerEpoch: number },
  ) {
    this.services = services
    this.terms = terms
    this.transactionalId = terms.transactionalId
    this.producerId = producerId
    this.producerEpoch = producerEpoch
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
    if (this.state !== 'idle') throw new Error(`begin while the session is ${this.state}`)
    this.added.clear()
    this.hasOffsets = false
    this.begunAtMs = this.services.clock.now()
    this.state = 'open'
  }

  async append(topic: string, partition: number, batch: Buffer): Promise<void> {
    this.mustBeOpen()
    await this.guarded(async () => {
      await this.addPartition(topic, partition)
      // From here to the append nothing waits: sequences meet the log in their order.
      const target = this.services.partition(topic, partition)
      if (target === undefined) throw this.failure(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
      const { baseSequence, next } = this.sequenceFor(target.name, batch)
      const { producerId, producerEpoch } = this
      stampProducer(batch, 0, { producerId, producerEpoch, baseSequence, isTransactional: true })
      recomputeCrc(batch, 0)
      const options = { nowMs: this.services.clock.now(), fromClient: true, forceDurable: true }
      const result = target.append(batch, { ...options, startsAtZero: this.terms.byEpoch })
      if (result.errorCode !== errorCodes.NONE) throw this.failure(result.errorCode, result.errorMessage)
      this.sequences.set(target.name, next)
      const errorCode = await target.whenDurable(result.lastOffset)
      if (errorCode !== errorCodes.NONE) throw this.failure(errorCode)
    })
  }

  async commitOffsets(groupId: string, offsets: readonly CommittedOffset[]): Promise<void> {
    this.mustBeOpen()
    const { groups } = this.services
    const { transactionalId, producerId, producerEpoch } = this
    this.hasOffsets = true
    await this.guarded(async () => {
      const producer = { transactionalId, producerId, producerEpoch, groupId }
      await this.addOffsets(groupId)
      this.mustBeOpen()
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
    this.mustBeOpen()
    // As a producer does: a transaction that nothing was added to was never begun.
    if (this.isBegun) await this.guarded(() => this.end(true))
    this.state = 'idle'
  }

  async abort(): Promise<void> {
    if (this.state === 'idle' || this.state === 'closed') return
    await Promise.allSettled(this.added.values())
    if (this.isBegun) {
      try {
        await this.end(false)
      } catch (error) {
        // Nothing had been added: there is no transaction to abort.
        if (!(error instanceof OutputError) || error.errorCode !== errorCodes.INVALID_TXN_STATE) throw error
      }
    }
    this.state = 'idle'
  }

  async close(): Promise<void> {
    try {
      await this.abort()
    } catch (error) {
      // Whoever took the transactional id has aborted what was open.
      if (!(error instanceof FencedError)) throw error
    } finally {
      this.state = 'closed'
    }
  }

  private get isBegun(): boolean {
    return this.added.size > 0 || this.hasOffsets
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
    if (!byEpoch) return
    this.producerId = next.producerId
    this.producerEpoch = next.producerEpoch
    this.sequences.clear()
  }

  private addPartition(topic: string, partition: number): Promise<void> {
    const name = `${topic}-${partition}`
    let adding = this.added.get(name)
    if (adding === undefined) {
      adding = this.askToAdd(topic, partition)
      this.added.set(name, adding)
    }
    return adding
  }

  /** The group's partition of __consumer_offsets joins, unless it came along with the first output. */
  private addOffsets(groupId: string): Promise<void> {
    const { transactions, groups } = this.services
    const { transactionalId, producerId, producerEpoch } = this
    if (this.terms.byEpoch) {
      this.offsetsPartition = groups.partitionFor(groupId)
      return this.addPartition(OFFSETS_TOPIC, this.offsetsPartition)
    }
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
    const takesOffsets = this.added.size === 0 && offsetsPartition !== undefined && topic !== OFFSETS_TOPIC
    if (takesOffsets) partitions.push({ topic: OFFSETS_TOPIC, partition: offsetsPartition })
    const adding = this.untilDone(async () => {
      const errorCode = await transactions.addImplicitly(transactionalId, this, partitions)
      return { errorCode, value: undefined }
    })
    if (takesOffsets) this.added.set(`${OFFSETS_TOPIC}-${offsetsPartition}`, adding)
    return adding
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

  private sequenceFor(name: string, batch: Buffer): { baseSequence: number; next: number } {
    if (batch.length < BATCH_OVERHEAD) throw new Error(`a batch of ${batch.length} bytes`)
    const baseSequence = this.sequences.get(name) ?? 0
    const next = (baseSequence + readBatchHeader(batch, 0).recordCount) % 0x80000000
    return { baseSequence, next }
  }

  private mustBeOpen(): void {
    if (this.state !== 'open') throw new Error(`the output session is ${this.state}, not open`)
  }

  /** After a failure the transaction can only be aborted: a hole in it must not be committed. */
  private async guarded(act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (error) {
      if (this.state === 'open') this.state = 'failed'
      throw error
    }
  }

  private failure(errorCode: ErrorCode, errorMessage: string | null = null): Error {
    const { transactionalId, transactionTimeoutMs: timeoutMs } = this.terms
    const openMs = this.services.clock.now() - this.begunAtMs
    const isOverdue = this.isBegun && openMs >= timeoutMs
    // The broker has aborted it: from version 2 on EndTxn says that a commit does not fit.
    const aborted = fenced.has(errorCode) || errorCode === errorCodes.INVALID_TXN_STATE
    if (isOverdue && aborted) return new FencedError(transactionalId, { overdue: { openMs, timeoutMs } })
    return failureOf(transactionalId, errorCode, errorMessage)
  }

  private untilDone<T>(ask: () => Promise<{ errorCode: ErrorCode; value: T }>): Promise<T> {
    return untilDone(this.services, (errorCode) => this.failure(errorCode), ask)
  }
}
