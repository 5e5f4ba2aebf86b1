// How partitions become part of a transaction: by AddPartitionsToTxn, or with what is written to them (KIP-890, second
// part).

import type { addPartitionsToTxn } from '../../protocol/apis/add-partitions-to-txn.ts'
import { errorCodes } from '../../protocol/errors.ts'
import type { RequestOf, ResponseOf } from '../../protocol/message.ts'
import type { Clock } from '../../time/clock.ts'
import { errorCodeOf, forVersion } from './answers.ts'
import type { ProducerIdAndEpoch, TransactionCommand } from './commands.ts'
import type { TransactionConfig } from './config.ts'
import {
  hasPartition,
  noPartitions,
  type PartitionSet,
  partitionSet,
  type TopicPartition,
} from './partition-set.ts'
import { results, type TopicResults, type TopicsOfRequest } from './responses.ts'
import { EPOCH_PER_TRANSACTION } from './transaction.ts'
import type { TransactionShards } from './transaction-shards.ts'

export type AddPartitionsRequest = RequestOf<typeof addPartitionsToTxn>
export type AddPartitionsResponse = ResponseOf<typeof addPartitionsToTxn>

export interface PartitionAddingOptions {
  clock: Clock
  config: TransactionConfig
  partitionExists: (topic: string, partition: number) => boolean
}

export class PartitionAdding {
  private readonly shards: TransactionShards
  private readonly options: PartitionAddingOptions

  constructor(shards: TransactionShards, options: PartitionAddingOptions) {
    this.shards = shards
    this.options = options
  }

  /**
   * Versions 0-3 come from clients; from 4 on brokers add or, with `verifyOnly`, ask whether partitions
   * may take a producer's records.
   */
  async answer(request: AddPartitionsRequest, version: number): Promise<AddPartitionsResponse> {
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

  /**
   * Partitions that a Produce or a TxnOffsetCommit brings along become part of the transaction (KIP-890, second
   * part); resolves with NONE, or the code for all of them, in the coordinator's words (`appendErrorCode`). While the
   * transaction before is not ended everywhere it waits a while, for that is the rule with a producer that goes on at
   * once (add.partitions.to.txn.retry.backoff.max.ms). Whoever appends asks `verifyTransaction` in the same turn.
   */
  async implicitly(
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
      const errorCode = await this.shards.outcomeOf(command)
      const leftMs = deadlineMs - clock.now()
      if (errorCode !== errorCodes.CONCURRENT_TRANSACTIONS || leftMs <= 0) {
        return errorCode
      }
      await this.ending(transactionalId, leftMs)
    }
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
      const errorCode = await this.shards.outcomeOf({
        type: 'addPartitions',
        clientTransactionVersion,
        ...producer,
      })
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
      const reply = await this.shards.ask(command)
      if (reply.type === 'verified') return reply
      if (reply.type === 'done') return { errorCode: reply.errorCode, missing: noPartitions }
      throw new Error(`verifyPartitions was answered with ${reply.type}`)
    } catch (error) {
      return { errorCode: errorCodeOf(error), missing: noPartitions }
    }
  }

  /** Resolves when the decided transaction of this id has ended, or after so long. */
  private ending(transactionalId: string, longestMs: number): Promise<void> {
    const { clock, config } = this.options
    const shard = this.shards.of(transactionalId)
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
}
