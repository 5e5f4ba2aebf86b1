// The processor's output port, in-process side: Kafka's ordinary transactions against the real transaction
// coordinator, group coordinator and partitions, without a socket. Nothing here is a short cut: every step is
// the request that a producer would send, so the same job holds against any Kafka through the wire twin.
//
// Rule kept: output, offsets and decision are durable when commit() resolves, whatever the topics' durability.

import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts'
import type { TransactionCoordinator } from '../coordinator/transaction/transaction-coordinator.ts'
import type { Partition } from '../partition/partition.ts'
import { type ErrorCode, errorCodes, errorName } from '../protocol/errors.ts'
import {
  BATCH_OVERHEAD,
  readBatchHeader,
  recomputeCrc,
  stampProducer,
} from '../protocol/record-batch/header.ts'
import type { Clock } from '../time/clock.ts'
import {
  type CommittedOffset,
  FencedError,
  type OutputPort,
  type OutputSession,
} from '../../processor/ports.ts'

export interface InProcessOutputServices {
  transactions: TransactionCoordinator
  groups: GroupCoordinator
  clock: Clock
  /** Aborted when the broker stops: nobody will be less busy then. */
  stopping: AbortSignal
  partition(topic: string, index: number): Partition | undefined
  /** Partitions of a topic, creating it by the rules of auto-creation; throws with Kafka's error name. */
  ensureTopic(topic: string): Promise<number>
  /** Resolves when both coordinators have their internal topics and have loaded them. */
  coordinatorsReady(): Promise<void>
}

/** Between attempts while the coordinator finishes what was there before (Kafka: retry.backoff.ms). */
const RETRY_BACKOFF_MS = 5
/** Kafka's max.block.ms. */
const LONGEST_WAIT_MS = 60_000
/** The newest version below transaction.version 2: fenced producers are told so by name. */
const TXN_VERSION = 4
const COMMITTED_OFFSETS_VERSION = 8

const retriable: ReadonlySet<ErrorCode> = new Set([
  errorCodes.CONCURRENT_TRANSACTIONS,
  errorCodes.COORDINATOR_LOAD_IN_PROGRESS,
  errorCodes.COORDINATOR_NOT_AVAILABLE,
  errorCodes.UNSTABLE_OFFSET_COMMIT,
])

const fenced: ReadonlySet<ErrorCode> = new Set([
  errorCodes.PRODUCER_FENCED,
  errorCodes.INVALID_PRODUCER_EPOCH,
  errorCodes.INVALID_PRODUCER_ID_MAPPING,
])

export class InProcessOutput implements OutputPort {
  private readonly services: InProcessOutputServices

  constructor(services: InProcessOutputServices) {
    this.services = services
  }

  async open(transactionalId: string, transactionTimeoutMs: number): Promise<OutputSession> {
    await this.services.coordinatorsReady()
    const { transactions } = this.services
    const request = {
      transactionalId,
      transactionTimeoutMs,
      producerId: -1n,
      producerEpoch: -1,
      enable2Pc: false,
      keepPreparedTxn: false,
    }
    const producer = await untilDone(this.services, transactionalId, async () => {
      const answer = await transactions.initProducerId(request, TXN_VERSION)
      return { errorCode: answer.errorCode, value: answer }
    })
    return new InProcessSession(this.services, transactionalId, producer.producerId, producer.producerEpoch)
  }

  ensureTopic(topic: string): Promise<number> {
    return this.services.ensureTopic(topic)
  }
}

class InProcessSession implements OutputSession {
  readonly producerId: bigint
  readonly producerEpoch: number
  private readonly services: InProcessOutputServices
  private readonly transactionalId: string
  /** Next sequence by partition name; wraps as Kafka's does. */
  private readonly sequences = new Map<string, number>()
  /** Partitions of the open transaction: the promise that the coordinator knows of them. */
  private readonly added = new Map<string, Promise<void>>()
  /** Offsets of a group are, or may be, part of the open transaction. */
  private hasOffsets = false
  private state: 'idle' | 'open' | 'failed' | 'closed' = 'idle'

  constructor(
    services: InProcessOutputServices,
    transactionalId: string,
    producerId: bigint,
    producerEpoch: number,
  ) {
    this.services = services
    this.transactionalId = transactionalId
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
    return await untilDone(this.services, this.transactionalId, async () => {
      const { groups: answers } = await groups.offsetFetch(request, context)
      const [answer] = answers
      if (answer === undefined) throw new Error(`no answer for group ${groupId}`)
      const partitions = answer.topics.flatMap(({ name, partitions: ofTopic }) =>
        ofTopic.map((partition) => ({ topic: name, ...partition })),
      )
      const errorCode =
        answer.errorCode !== errorCodes.NONE
          ? answer.errorCode
          : (partitions.find((partition) => partition.errorCode !== errorCodes.NONE)?.errorCode ??
            errorCodes.NONE)
      const value = partitions
        .filter(({ committedOffset }) => committedOffset >= 0n)
        .map(({ topic, partitionIndex, committedOffset, metadata }) => ({
          topic,
          partition: partitionIndex,
          offset: committedOffset,
          metadata: metadata ?? '',
        }))
      return { errorCode, value }
    })
  }

  begin(): void {
    if (this.state !== 'idle') throw new Error(`begin while the session is ${this.state}`)
    this.added.clear()
    this.hasOffsets = false
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
      const nowMs = this.services.clock.now()
      const result = target.append(batch, { nowMs, fromClient: true, forceDurable: true })
      if (result.errorCode !== errorCodes.NONE) throw this.failure(result.errorCode, result.errorMessage)
      this.sequences.set(target.name, next)
      const errorCode = await target.whenDurable(result.lastOffset)
      if (errorCode !== errorCodes.NONE) throw this.failure(errorCode)
    })
  }

  async commitOffsets(groupId: string, offsets: readonly CommittedOffset[]): Promise<void> {
    this.mustBeOpen()
    const { transactions, groups } = this.services
    const { transactionalId, producerId, producerEpoch } = this
    this.hasOffsets = true
    await this.guarded(async () => {
      const producer = { transactionalId, producerId, producerEpoch, groupId }
      await untilDone(this.services, transactionalId, async () => {
        const { errorCode } = await transactions.addOffsetsToTxn(producer, TXN_VERSION)
        return { errorCode, value: undefined }
      })
      const topics = [...new Set(offsets.map(({ topic }) => topic))].map((name) => ({
        name,
        partitions: offsets
          .filter(({ topic }) => topic === name)
          .map(({ partition, offset, metadata }) => ({
            partitionIndex: partition,
            committedOffset: offset,
            committedLeaderEpoch: -1,
            committedMetadata: metadata,
          })),
      }))
      const request = { ...producer, generationId: -1, memberId: '', groupInstanceId: null, topics }
      await untilDone(this.services, transactionalId, async () => {
        const answer = await groups.txnOffsetCommit(request, { apiVersion: 4 })
        const codes = answer.topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))
        const errorCode = codes.find((code) => code !== errorCodes.NONE) ?? errorCodes.NONE
        return { errorCode, value: undefined }
      })
    })
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
    await untilDone(this.services, transactionalId, async () => {
      const request = { transactionalId, producerId, producerEpoch, committed }
      const { errorCode } = await transactions.endTxn(request, TXN_VERSION)
      return { errorCode, value: undefined }
    })
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

  private askToAdd(topic: string, partition: number): Promise<void> {
    const { transactions } = this.services
    const request = {
      transactions: [],
      v3AndBelowTransactionalId: this.transactionalId,
      v3AndBelowProducerId: this.producerId,
      v3AndBelowProducerEpoch: this.producerEpoch,
      v3AndBelowTopics: [{ name: topic, partitions: [partition] }],
    }
    return untilDone(this.services, this.transactionalId, async () => {
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
    return failureOf(this.transactionalId, errorCode, errorMessage)
  }
}

/** A step of the transaction was refused; carries Kafka's code. */
export class OutputError extends Error {
  readonly errorCode: ErrorCode
  constructor(errorCode: ErrorCode, detail: string | null) {
    super(detail === null ? errorName(errorCode) : `${errorName(errorCode)}: ${detail}`)
    this.name = 'OutputError'
    this.errorCode = errorCode
  }
}

function failureOf(transactionalId: string, errorCode: ErrorCode, detail: string | null = null): Error {
  return fenced.has(errorCode) ? new FencedError(transactionalId) : new OutputError(errorCode, detail)
}

/** Asks again while the coordinator is busy with what was before; any other error is thrown. */
async function untilDone<T>(
  { clock, stopping }: Pick<InProcessOutputServices, 'clock' | 'stopping'>,
  transactionalId: string,
  ask: () => Promise<{ errorCode: ErrorCode; value: T }>,
): Promise<T> {
  const giveUpMs = clock.now() + LONGEST_WAIT_MS
  for (;;) {
    const { errorCode, value } = await ask()
    if (errorCode === errorCodes.NONE) return value
    const mayPass = retriable.has(errorCode) && !stopping.aborted && clock.now() < giveUpMs
    if (!mayPass) throw failureOf(transactionalId, errorCode)
    await new Promise<void>((resolve) => clock.setTimer(RETRY_BACKOFF_MS, resolve))
  }
}
