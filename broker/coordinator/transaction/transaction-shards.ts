// The partitions of __transaction_state that this broker leads, each a shard with the transactional ids that it keeps.

import { errorCodes } from '../../protocol/errors.ts'
import type { Clock } from '../../time/clock.ts'
import { partitionForHash } from '../java-hash.ts'
import { CoordinatorError, type ShardLog } from '../shard-log.ts'
import { errorCodeOf } from './answers.ts'
import type { TransactionCommand, TransactionReply } from './commands.ts'
import type { TransactionConfig } from './config.ts'
import type { MarkerWriter } from './marker-writer.ts'
import type { ProducerIds } from './producer-ids.ts'
import { TransactionShard } from './shard.ts'

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

export class TransactionShards {
  private readonly options: TransactionCoordinatorOptions
  private readonly shards = new Map<number, TransactionShard>()

  constructor(options: TransactionCoordinatorOptions) {
    this.options = options
  }

  get all(): TransactionShard[] {
    return [...this.shards.values()]
  }

  /** The one of this id, where it is led here. */
  of(transactionalId: string): TransactionShard | undefined {
    return this.shards.get(this.partitionFor(transactionalId))
  }

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

  /** The error code of a command that is answered with nothing else. */
  async outcomeOf(command: TransactionCommand & { transactionalId: string }): Promise<number> {
    try {
      const reply = await this.ask(command)
      if (reply.type === 'done') return reply.errorCode
      throw new Error(`${command.type} was answered with ${reply.type}`)
    } catch (error) {
      return errorCodeOf(error)
    }
  }

  /** Asks the shard of the id. Rejects with CoordinatorError. */
  async ask(command: TransactionCommand & { transactionalId: string }): Promise<TransactionReply> {
    if (command.transactionalId === '') {
      throw new CoordinatorError(errorCodes.INVALID_REQUEST, 'an empty transactional id')
    }
    const shard = this.of(command.transactionalId)
    if (shard === undefined) throw new CoordinatorError(errorCodes.NOT_COORDINATOR, 'not loaded here')
    return shard.submit(command)
  }
}
