// The coordinators' own topics: made when the first client asks for a coordinator, as Kafka makes them, and
// loaded into their shards before anybody is told who the coordinator is.

import type { Controller } from '../controller/controller.ts'
import { OFFSETS_TOPIC, TRANSACTIONS_TOPIC } from '../controller/topic-name.ts'
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts'
import { PartitionShardLog } from '../coordinator/partition-shard-log.ts'
import type { ShardLog } from '../coordinator/shard-log.ts'
import type { TransactionCoordinator } from '../coordinator/transaction/transaction-coordinator.ts'
import type { Partitions } from '../partition/partition-manager.ts'
import { errorCodes, errorName } from '../protocol/errors.ts'
import type { Clock } from '../time/clock.ts'
import type { BrokerSettings } from './broker-settings.ts'

export interface InternalTopicsServices {
  controller: Controller
  settings: BrokerSettings
  partitions: Partitions
  groups: GroupCoordinator
  transactions: TransactionCoordinator
  clock: Clock
}

type InternalTopic = typeof OFFSETS_TOPIC | typeof TRANSACTIONS_TOPIC

export class InternalTopics {
  private readonly services: InternalTopicsServices
  private readonly ready = new Map<InternalTopic, Promise<void>>()
  /** Names of the partitions whose shards were loaded, or have failed for good. */
  private readonly loaded = new Set<string>()

  constructor(services: InternalTopicsServices) {
    this.services = services
  }

  /** Loads the shards of internal topics that exist: at start, before the listener opens. */
  async loadExisting(): Promise<void> {
    const { image } = this.services.controller
    const existing = [OFFSETS_TOPIC, TRANSACTIONS_TOPIC].filter((name) => image.topic(name) !== undefined)
    await Promise.all(existing.map((name) => this.ensure(name as InternalTopic)))
  }

  /**
   * Resolves when the topic exists and the shards of all partitions that are not offline are loaded. What
   * failed, or was offline, is tried again by the next call.
   */
  ensure(name: InternalTopic): Promise<void> {
    let ready = this.ready.get(name)
    if (ready === undefined) {
      ready = this.make(name).then(
        (isComplete) => {
          if (!isComplete) this.ready.delete(name)
        },
        (error: unknown) => {
          this.ready.delete(name)
          throw error
        },
      )
      this.ready.set(name, ready)
    }
    return ready
  }

  /** Whether no partition is left that was offline. */
  private async make(name: InternalTopic): Promise<boolean> {
    const { controller, groups, transactions } = this.services
    if (controller.image.topic(name) === undefined) await this.create(name)
    const load =
      name === OFFSETS_TOPIC
        ? (partition: number, log: ShardLog) => groups.openShard(partition, log)
        : (partition: number, log: ShardLog) => transactions.load(partition, log)
    const { clock, partitions } = this.services
    const all = partitions.ofTopic(name)
    const missing = all.filter((partition) => !partition.hasEnded && !this.loaded.has(partition.name))
    for (const partition of missing) this.loaded.add(partition.name)
    // A shard that cannot be loaded has said so, and answers for itself: the others are not to wait for it.
    await Promise.allSettled(
      missing.map((partition) => load(partition.index, new PartitionShardLog(partition, clock))),
    )
    return all.every((partition) => this.loaded.has(partition.name))
  }

  private async create(name: InternalTopic): Promise<void> {
    const { controller, settings } = this.services
    const { config } = settings
    const isOffsets = name === OFFSETS_TOPIC
    const configs = isOffsets
      ? { 'segment.bytes': config.offsetsTopicSegmentBytes, 'compression.type': 'producer' }
      : { 'segment.bytes': config.transactionStateLogSegmentBytes, 'compression.type': 'uncompressed' }
    const [outcome] = await controller.submit({
      type: 'createTopics',
      validateOnly: false,
      topics: [
        {
          name,
          numPartitions: isOffsets
            ? config.offsetsTopicNumPartitions
            : config.transactionStateLogNumPartitions,
          replicationFactor: 1,
          assignments: [],
          configs: Object.entries({ 'cleanup.policy': 'compact', ...configs }).map(([key, value]) => ({
            name: key,
            value: String(value),
          })),
        },
      ],
    })
    if (outcome === undefined) throw new Error(`no answer about ${name}`)
    const { errorCode, errorMessage } = outcome
    if (errorCode !== errorCodes.NONE && errorCode !== errorCodes.TOPIC_ALREADY_EXISTS) {
      throw new Error(`${name} cannot be made: ${errorName(errorCode)} ${errorMessage ?? ''}`)
    }
  }
}
