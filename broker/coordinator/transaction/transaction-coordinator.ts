// The transaction coordinator as handlers see it: the protocol's own bodies in and out, errors as codes.
// It finds the shard of a transactional id, turns what the shard says into what the request's version can
// say, and does the checks that need no state. Everything else is in the machine.

import type { RequestOf, ResponseOf } from '../../protocol/message.ts'
import type { addOffsetsToTxn } from '../../protocol/apis/add-offsets-to-txn.ts'
import type { addPartitionsToTxn } from '../../protocol/apis/add-partitions-to-txn.ts'
import type { describeTransactions } from '../../protocol/apis/describe-transactions.ts'
import type { endTxn } from '../../protocol/apis/end-txn.ts'
import type { initProducerId } from '../../protocol/apis/init-producer-id.ts'
import type { listTransactions } from '../../protocol/apis/list-transactions.ts'
import { errorCodes } from '../../protocol/errors.ts'
import type { Clock } from '../../time/clock.ts'
import { partitionForHash } from '../java-hash.ts'
import { linearRegex } from '../linear-regex.ts'
import { CoordinatorError, type ShardLog } from '../shard-log.ts'
import { appendErrorCode, errorCodeOf, forVersion, type TransactionSupport } from './answers.ts'
import type { ProducerIdAndEpoch, TransactionCommand, TransactionReply } from './commands.ts'
import type { TransactionConfig } from './config.ts'
import type { MarkerWriter } from './marker-writer.ts'
import {
  hasPartition,
  noPartitions,
  type PartitionSet,
  partitionSet,
  type TopicPartition,
} from './partition-set.ts'
import type { ProducerIds } from './producer-ids.ts'
import { type TransactionListing, toDescription, toFilter, toListing } from './read-side.ts'
import {
  endResponse,
  initResponse,
  type InitProducerIdResponse,
  results,
  type TopicResults,
  type TopicsOfRequest,
} from './responses.ts'
import { TransactionShard } from './shard.ts'
import { EPOCH_PER_TRANSACTION, NO_PRODUCER_EPOCH, NO_PRODUCER_ID } from './transaction.ts'

type AddPartitionsRequest = RequestOf<typeof addPartitionsToTxn>
type AddPartitionsResponse = ResponseOf<typeof addPartitionsToTxn>
/** EndTxn of clients that speak transaction.version 2. */
const EPOCH_PER_TRANSACTION_FROM = 5

export interface TransactionCoordinatorOptions {
  config: TransactionConfig
  clock: Clock
  markerWriter: MarkerWriter
  producerIds: ProducerIds
  /** From the metadata image, which must be loaded before the first shard: a false "no" drops a marker. */
  partitionExists: (topic: string, partition: number) => boolean
  /** See ShardOptions. */
  earliestMs?: () => number | undefined
  onWarning?: (message: string) => void
  /** A shard met a bug or a record that it cannot read, and has closed. */
  onShardFailed?: (partition: number, error: Error) => void
}

export class TransactionCoordinator {
  private readonly options: TransactionCoordinatorOptions
  private readonly shards = new Map<number, TransactionShard>()

  constructor(options: TransactionCoordinatorOptions) {
    this.options = options
  }

  /** The partition of __transaction_state that holds this id. */
  partitionFor(transactionalId: string): number {
    return partitionForHash(transactionalId, this.options.config.transactionStateLogNumPartitions)
  }

  /**
   * Takes over one partition of __transaction_state. Its log must be synced before its high watermark
   * moves, whatever the topic's durability. Until it resolves, requests get COORDINATOR_LOAD_IN_PROGRESS.
   */
  async load(partition: number, log: ShardLog): Promise<void> {
    if (this.shards.has(partition)) throw new Error(`__transaction_state-${partition} is loaded already`)
    const { config, clock, markerWriter, producerIds, partitionExists, onWarning, onShardFailed } =
      this.options
    const shard = new TransactionShard(log, {
      config,
      clock,
      markerWriter,
      spareProducerId: () => producerIds.spare(),
      earliestMs: this.options.earliestMs,
      partitionExists,
      onWarning: (message) => onWarning?.(`__transaction_state-${partition}: ${message}`),
      onFailed: (error) => onShardFailed?.(partition, error),
    })
    this.shards.set(partition, shard)
    await shard.load()
  }

  /** Gives up one partition: whoever waits gets NOT_COORDINATOR. */
  unload(partition: number): void {
    this.shards.get(partition)?.close()
    this.shards.delete(partition)
  }

  close(): void {
    for (const partition of this.shards.keys()) this.unload(partition)
  }

  async initProducerId(
    request: RequestOf<typeof initProducerId>,
    version: number,
  ): Promise<InitProducerIdResponse> {
    try {
      const { producerId, producerEpoch } = await this.ownProducer(request)
      return initResponse(errorCodes.NONE, producerId, producerEpoch)
    } catch (error) {
      return initResponse(forVersion(errorCodeOf(error), version, 4))
    }
  }

  /**
   * Versions 0-3 come from clients; from 4 on brokers add or, with `verifyOnly`, ask whether partitions
   * may take a producer's records.
   */
  async addPartitionsToTxn(request: AddPartitionsRequest, version: number): Promise<AddPartitionsResponse> {
    if (version < 4) {
      const resultsByTopicV3AndBelow = await this.addOrVerify(
        {
          transactionalId: request.v3AndBelowTransactionalId,
          producerId: request.v3AndBelowProducerId,
          producerEpoch: request.v3AndBelowProducerEpoch,
          verifyOnly: false,
          topics: request.v3AndBelowTopics,
        },
        version,
      )
      return {
        throttleTimeMs: 0,
        errorCode: errorCodes.NONE,
        resultsByTransaction: [],
        resultsByTopicV3AndBelow,
      }
    }
    const resultsByTransaction = await Promise.all(
      request.transactions.map(async (transaction) => ({
        transactionalId: transaction.transactionalId,
        topicResults: await this.addOrVerify(transaction, version),
      })),
    )
    return {
      throttleTimeMs: 0,
      errorCode: errorCodes.NONE,
      resultsByTransaction,
      resultsByTopicV3AndBelow: [],
    }
  }

  async addOffsetsToTxn(
    request: RequestOf<typeof addOffsetsToTxn>,
    version: number,
  ): Promise<ResponseOf<typeof addOffsetsToTxn>> {
    const { groupId, transactionalId, producerId, producerEpoch } = request
    const partition = partitionForHash(groupId, this.options.config.offsetsTopicNumPartitions)
    const partitions = partitionSet([{ topic: '__consumer_offsets', partitionIds: [partition] }])
    const errorCode = await this.outcomeOf({
      type: 'addPartitions',
      transactionalId,
      producerId,
      producerEpoch,
      partitions,
      // Whoever asks for it does not know of implicit adding.
      clientTransactionVersion: 0,
    })
    return { throttleTimeMs: 0, errorCode: forVersion(errorCode, version) }
  }

  /**
   * Partitions that a Produce or a TxnOffsetCommit brings along become part of the transaction (KIP-890, second
   * part); resolves with NONE, or the code for all of them, in the coordinator's words (`appendErrorCode`). While the
   * transaction before is not ended everywhere it waits a while, for that is the rule with a producer that goes on at
   * once (add.partitions.to.txn.retry.backoff.max.ms). Whoever appends asks `verifyTransaction` in the same turn.
   */
  async addImplicitly(
    transactionalId: string,
    { producerId, producerEpoch }: ProducerIdAndEpoch,
    partitions: readonly TopicPartition[],
  ): Promise<number> {
    const { clock, config } = this.options
    const command = {
      type: 'addPartitions',
      transactionalId,
      producerId,
      producerEpoch,
      clientTransactionVersion: EPOCH_PER_TRANSACTION,
      partitions: partitionSet(
        partitions.map(({ topic, partition }) => ({ topic, partitionIds: [partition] })),
      ),
    } as const
    const deadlineMs = clock.now() + config.addPartitionsRetryBackoffMaxMs
    for (;;) {
      const errorCode = await this.outcomeOf(command)
      const leftMs = deadlineMs - clock.now()
      if (errorCode !== errorCodes.CONCURRENT_TRANSACTIONS || leftMs <= 0) {
        return errorCode
      }
      await this.ending(transactionalId, leftMs)
    }
  }

  /** Resolves when the decided transaction of this id has ended, or after so long. */
  private ending(transactionalId: string, longestMs: number): Promise<void> {
    const { clock, config } = this.options
    const shard = this.shards.get(this.partitionFor(transactionalId))
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel()
        stop?.()
        resolve()
      }
      // Not every wait has an end that is told: so it looks again as Kafka does.
      const timer = clock.setTimer(Math.min(longestMs, config.addPartitionsRetryBackoffMs), done)
      const stop = shard?.onEnding(transactionalId, done)
    })
  }

  /** NONE: the decision is durable and will be carried out, not: every marker is written. */
  async endTxn(request: RequestOf<typeof endTxn>, version: number): Promise<ResponseOf<typeof endTxn>> {
    const { transactionalId, producerId, producerEpoch, committed } = request
    // Whoever speaks version 5 is told what to go on with, whatever level is finalized (KIP-890).
    const clientTransactionVersion = version >= EPOCH_PER_TRANSACTION_FROM ? EPOCH_PER_TRANSACTION : 0
    const producer = { producerId, producerEpoch }
    const end = { type: 'end', transactionalId, ...producer, committed, clientTransactionVersion } as const
    try {
      let reply = await this.ask({ ...end, freshProducerId: undefined })
      if (reply.type === 'needsProducerId') {
        reply = await this.ask({ ...end, freshProducerId: await this.options.producerIds.next() })
      }
      if (reply.type === 'producer') return endResponse(errorCodes.NONE, reply)
      if (reply.type === 'done') return endResponse(forVersion(reply.errorCode, version))
      throw new Error(`end was answered with ${reply.type}`)
    } catch (error) {
      return endResponse(errorCodeOf(error))
    }
  }

  /**
   * Before a transactional batch is appended: whether its partition is part of the producer's open
   * transaction (KIP-890, first part). Without it a zombie could open a transaction that nobody ends.
   * Synchronous, so that question and append share a turn; the error code is in Produce's words.
   */
  verifyTransaction(
    transactionalId: string,
    producerId: bigint,
    producerEpoch: number,
    topic: string,
    partition: number,
    support: TransactionSupport = 'plain',
  ): number {
    const shard = this.shards.get(this.partitionFor(transactionalId))
    const errorCode = shard?.isActive
      ? shard.mayAppend({ transactionalId, producerId, producerEpoch }, topic, partition)
      : errorCodes.NOT_COORDINATOR
    return appendErrorCode(errorCode, support)
  }

  /** One answer per id, in their order. */
  async describeTransactions(
    request: RequestOf<typeof describeTransactions>,
  ): Promise<ResponseOf<typeof describeTransactions>> {
    const transactionStates = await Promise.all(
      request.transactionalIds.map(async (transactionalId) => {
        try {
          const reply = await this.ask({ type: 'describe', transactionalId })
          return toDescription(transactionalId, errorCodes.NONE, reply)
        } catch (error) {
          return toDescription(transactionalId, errorCodeOf(error), undefined)
        }
      }),
    )
    return { throttleTimeMs: 0, transactionStates }
  }

  /** Of all shards that are loaded here; a pattern (version 2) is to match the whole id. */
  async listTransactions(request: RequestOf<typeof listTransactions>): Promise<TransactionListing> {
    const { filter, unknownStateFilters } = toFilter(request)
    const pattern = request.transactionalIdPattern ?? ''
    const expression = pattern === '' ? undefined : linearRegex(pattern)
    if (pattern !== '' && expression === undefined)
      return toListing(errorCodes.INVALID_REGULAR_EXPRESSION, [], [])
    try {
      const replies = await Promise.all(
        [...this.shards.values()].map((shard) => shard.submit({ type: 'list', filter })),
      )
      return toListing(errorCodes.NONE, unknownStateFilters, replies, expression)
    } catch (error) {
      return toListing(errorCodeOf(error), unknownStateFilters, [])
    }
  }

  private async ownProducer(request: RequestOf<typeof initProducerId>): Promise<ProducerIdAndEpoch> {
    const { transactionalId, transactionTimeoutMs, producerId, producerEpoch } = request
    const { config, producerIds } = this.options
    const states = producerId !== NO_PRODUCER_ID || producerEpoch !== NO_PRODUCER_EPOCH
    if (states && (producerId === NO_PRODUCER_ID || producerEpoch === NO_PRODUCER_EPOCH)) {
      throw new CoordinatorError(errorCodes.INVALID_REQUEST, 'a producer id without epoch, or the reverse')
    }
    if (transactionalId === null) return { producerId: await producerIds.next(), producerEpoch: 0 }
    // Two-phase commit (KIP-939) is not offered: the errors are those of a Kafka where it is switched off.
    if (request.enable2Pc) {
      throw new CoordinatorError(errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 'two-phase commit is off')
    }
    if (request.keepPreparedTxn) {
      throw new CoordinatorError(errorCodes.UNSUPPORTED_VERSION, 'prepared transactions cannot be kept')
    }
    if (transactionTimeoutMs <= 0 || transactionTimeoutMs > config.transactionMaxTimeoutMs) {
      throw new CoordinatorError(
        errorCodes.INVALID_TRANSACTION_TIMEOUT,
        `a timeout of ${transactionTimeoutMs} ms, allowed are 1 to ${config.transactionMaxTimeoutMs}`,
      )
    }
    const expected = states ? { producerId, producerEpoch } : undefined
    const init = { type: 'init', transactionalId, transactionTimeoutMs, expected } as const
    let reply = await this.ask({ ...init, freshProducerId: undefined })
    if (reply.type === 'needsProducerId') {
      reply = await this.ask({ ...init, freshProducerId: await producerIds.next() })
    }
    if (reply.type === 'producer') return reply
    if (reply.type !== 'done') throw new Error(`init was answered with ${reply.type}`)
    throw new CoordinatorError(reply.errorCode, 'InitProducerId was refused')
  }

  private async addOrVerify(
    transaction: {
      transactionalId: string
      verifyOnly: boolean
      topics: TopicsOfRequest
    } & ProducerIdAndEpoch,
    version: number,
  ): Promise<TopicResults> {
    const { transactionalId, producerId, producerEpoch, verifyOnly, topics } = transaction
    const { partitionExists } = this.options
    const known = (topic: string, partition: number): boolean =>
      partition >= 0 && partitionExists(topic, partition)
    // All or none: one partition that does not exist, and the others are not attempted.
    if (!topics.every(({ name, partitions }) => partitions.every((partition) => known(name, partition)))) {
      return results(topics, (topic, partition) =>
        known(topic, partition) ? errorCodes.OPERATION_NOT_ATTEMPTED : errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
      )
    }
    const partitions = partitionSet(
      topics.map(({ name, partitions: partitionIds }) => ({ topic: name, partitionIds })),
    )
    const producer = { transactionalId, producerId, producerEpoch, partitions }
    if (!verifyOnly) {
      // Brokers ask from version 4 on, for clients that add implicitly.
      const clientTransactionVersion = version >= 4 ? EPOCH_PER_TRANSACTION : 0
      const errorCode = await this.outcomeOf({ type: 'addPartitions', clientTransactionVersion, ...producer })
      return results(topics, () => forVersion(errorCode, version))
    }
    const { errorCode, missing } = await this.verify({ type: 'verifyPartitions', ...producer })
    return results(topics, (topic, partition) =>
      hasPartition(missing, topic, partition)
        ? errorCodes.TRANSACTION_ABORTABLE
        : forVersion(errorCode, version),
    )
  }

  private async verify(
    command: Extract<TransactionCommand, { type: 'verifyPartitions' }>,
  ): Promise<{ errorCode: number; missing: PartitionSet }> {
    try {
      const reply = await this.ask(command)
      if (reply.type === 'verified') return reply
      if (reply.type === 'done') return { errorCode: reply.errorCode, missing: noPartitions }
      throw new Error(`verifyPartitions was answered with ${reply.type}`)
    } catch (error) {
      return { errorCode: errorCodeOf(error), missing: noPartitions }
    }
  }

  /** The error code of a command that is answered with nothing else. */
  private async outcomeOf(command: TransactionCommand & { transactionalId: string }): Promise<number> {
    try {
      const reply = await this.ask(command)
      if (reply.type === 'done') return reply.errorCode
      throw new Error(`${command.type} was answered with ${reply.type}`)
    } catch (error) {
      return errorCodeOf(error)
    }
  }

  private async ask(command: TransactionCommand & { transactionalId: string }): Promise<TransactionReply> {
    if (command.transactionalId === '') {
      throw new CoordinatorError(errorCodes.INVALID_REQUEST, 'an empty transactional id')
    }
    const shard = this.shards.get(this.partitionFor(command.transactionalId))
    if (shard === undefined) throw new CoordinatorError(errorCodes.NOT_COORDINATOR, 'not loaded here')
    return shard.submit(command)
  }
}
