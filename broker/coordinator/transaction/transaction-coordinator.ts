// The transaction coordinator as handlers see it: the protocol's own bodies in and out, errors as codes.
// It asks the shard of a transactional id (transaction-shards.ts), turns what that says into what the request's version
// can say, and does the checks that need no state. Everything else is in the machine.

import type { RequestOf, ResponseOf } from '../../protocol/message.ts'
import type { addOffsetsToTxn } from '../../protocol/apis/add-offsets-to-txn.ts'
import type { describeTransactions } from '../../protocol/apis/describe-transactions.ts'
import type { endTxn } from '../../protocol/apis/end-txn.ts'
import type { initProducerId } from '../../protocol/apis/init-producer-id.ts'
import type { listTransactions } from '../../protocol/apis/list-transactions.ts'
import { errorCodes } from '../../protocol/errors.ts'
import { partitionForHash } from '../java-hash.ts'
import { linearRegex } from '../linear-regex.ts'
import { CoordinatorError, type ShardLog } from '../shard-log.ts'
import { appendErrorCode, errorCodeOf, forVersion, type TransactionSupport } from './answers.ts'
import type { ProducerIdAndEpoch } from './commands.ts'
import { type AddPartitionsRequest, type AddPartitionsResponse, PartitionAdding } from './partition-adding.ts'
import { partitionSet, type TopicPartition } from './partition-set.ts'
import { type TransactionListing, toDescription, toFilter, toListing } from './read-side.ts'
import { endResponse, initResponse, type InitProducerIdResponse } from './responses.ts'
import { EPOCH_PER_TRANSACTION, NO_PRODUCER_EPOCH, NO_PRODUCER_ID } from './transaction.ts'
import { type TransactionCoordinatorOptions, TransactionShards } from './transaction-shards.ts'

/** EndTxn of clients that speak transaction.version 2. */
const EPOCH_PER_TRANSACTION_FROM = 5

export class TransactionCoordinator {
  private readonly options: TransactionCoordinatorOptions
  private readonly shards: TransactionShards
  private readonly adding: PartitionAdding

  constructor(options: TransactionCoordinatorOptions) {
    this.options = options
    this.shards = new TransactionShards(options)
    this.adding = new PartitionAdding(this.shards, options)
  }

  /** The partition of __transaction_state that holds this id. */
  partitionFor(transactionalId: string): number {
    return this.shards.partitionFor(transactionalId)
  }

  /** See TransactionShards.load. */
  load(partition: number, log: ShardLog): Promise<void> {
    return this.shards.load(partition, log)
  }

  /** See TransactionShards.unload. */
  unload(partition: number): void {
    this.shards.unload(partition)
  }

  close(): void {
    this.shards.close()
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

  /** See PartitionAdding.answer. */
  addPartitionsToTxn(request: AddPartitionsRequest, version: number): Promise<AddPartitionsResponse> {
    return this.adding.answer(request, version)
  }

  /** See PartitionAdding.implicitly. */
  addImplicitly(
    transactionalId: string,
    producer: ProducerIdAndEpoch,
    partitions: readonly TopicPartition[],
  ): Promise<number> {
    return this.adding.implicitly(transactionalId, producer, partitions)
  }

  async addOffsetsToTxn(
    request: RequestOf<typeof addOffsetsToTxn>,
    version: number,
  ): Promise<ResponseOf<typeof addOffsetsToTxn>> {
    const { groupId, transactionalId, producerId, producerEpoch } = request
    const partition = partitionForHash(groupId, this.options.config.offsetsTopicNumPartitions)
    const partitions = partitionSet([{ topic: '__consumer_offsets', partitionIds: [partition] }])
    const errorCode = await this.shards.outcomeOf({
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

  /** NONE: the decision is durable and will be carried out, not: every marker is written. */
  async endTxn(request: RequestOf<typeof endTxn>, version: number): Promise<ResponseOf<typeof endTxn>> {
    const { transactionalId, producerId, producerEpoch, committed } = request
    // Whoever speaks version 5 is told what to go on with, whatever level is finalized (KIP-890).
    const clientTransactionVersion = version >= EPOCH_PER_TRANSACTION_FROM ? EPOCH_PER_TRANSACTION : 0
    const producer = { producerId, producerEpoch }
    const end = { type: 'end', transactionalId, ...producer, committed, clientTransactionVersion } as const
    try {
      let reply = await this.shards.ask({ ...end, freshProducerId: undefined })
      if (reply.type === 'needsProducerId') {
        reply = await this.shards.ask({ ...end, freshProducerId: await this.options.producerIds.next() })
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
    const shard = this.shards.of(transactionalId)
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
          const reply = await this.shards.ask({ type: 'describe', transactionalId })
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
        this.shards.all.map((shard) => shard.submit({ type: 'list', filter })),
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
    let reply = await this.shards.ask({ ...init, freshProducerId: undefined })
    if (reply.type === 'needsProducerId') {
      reply = await this.shards.ask({ ...init, freshProducerId: await producerIds.next() })
    }
    if (reply.type === 'producer') return reply
    if (reply.type !== 'done') throw new Error(`init was answered with ${reply.type}`)
    throw new CoordinatorError(reply.errorCode, 'InitProducerId was refused')
  }
}
