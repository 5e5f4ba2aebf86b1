// The coordinators' own topics: made when the first client asks for a coordinator, as Kafka makes them, and
// loaded into their shards before anybody is told who the coordinator is.

import type { Controller } from '../controller/controller.ts'
import { OFFSETS_TOPIC, SHARE_STATE_TOPIC, TRANSACTIONS_TOPIC } from '../controller/topic-name.ts'
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts'
import { PartitionShardLog } from '../coordinator/partition-shard-log.ts'
import type { ShareCoordinator } from '../coordinator/share/share-coordinator.ts'
import type { ShardLog } from '../coordinator/shard-log.ts'
import type { TransactionCoordinator } from '../coordinator/transaction/transaction-coordinator.ts'
import type { Partitions } from '../partition/partition-manager.ts'
import { errorCodes, errorName } from '../protocol/errors.ts'
import type { Clock } from '../time/clock.ts'
import type { BrokerConfig } from './config/broker-config.ts'
import type { BrokerSettings } from './broker-settings.ts'

export interface InternalTopicsServices {
  controller: Controller
  settings: BrokerSettings
  partitions: Partitions
  groups: GroupCoordinator
  transactions: TransactionCoordinator
  shareCoordinator: ShareCoordinator
  clock: Clock
}

export type InternalTopic = typeof OFFSETS_TOPIC | typeof TRANSACTIONS_TOPIC | typeof SHARE_STATE_TOPIC

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
    const existing = [OFFSETS_TOPIC, TRANSACTIONS_TOPIC, SHARE_STATE_TOPIC].filter(
      (name) => image.topic(name) !== undefined,
    )
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
    const { controller } = this.services
    if (controller.image.topic(name) === undefined) await this.create(name)
    const load = this.loaderOf(name)
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

  private loaderOf(name: InternalTopic): (partition: number, log: ShardLog) => Promise<void> {
    const { groups, transactions, shareCoordinator } = this.services
    switch (name) {
      case OFFSETS_TOPIC:
        return (partition, log) => groups.openShard(partition, log)
      case TRANSACTIONS_TOPIC:
        return (partition, log) => transactions.load(partition, log)
      case SHARE_STATE_TOPIC:
        return (partition, log) => shareCoordinator.openShard(partition, log)
    }
  }

  private async create(name: InternalTopic): Promise<void> {
    const { controller, settings } = this.services
    const { numPartitions, configs } = shapeOf(name, settings.config)
    const [outcome] = await controller.submit({
      type: 'createTopics',
      validateOnly: false,
      topics: [
        {
          name,
          numPartitions,
          replicationFactor: 1,
          assignments: [],
          configs: Object.entries(configs).map(([key, value]) => ({
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

function shapeOf(
  name: InternalTopic,
  config: BrokerConfig,
): { numPartitions: number; configs: Record<string, string | number> } {
  switch (name) {
    case OFFSETS_TOPIC:
      return {
        numPartitions: config.offsetsTopicNumPartitions,
        configs: {
          'cleanup.policy': 'compact',
          'segment.bytes': config.offsetsTopicSegmentBytes,
          'compression.type': 'producer',
        },
      }
    case TRANSACTIONS_TOPIC:
      return {
        numPartitions: config.transactionStateLogNumPartitions,
        configs: {
          'cleanup.policy': 'compact',
          'segment.bytes': config.transactionStateLogSegmentBytes,
          'compression.type': 'uncompressed',
        },
      }
    case SHARE_STATE_TOPIC:
      // Never compacted: what is said again later is deleted from the front (`redundantOffset`).
      return {
        numPartitions: config.shareCoordinatorStateTopicNumPartitions,
        configs: {
          'cleanup.policy': 'delete',
          'segment.bytes': config.shareCoordinatorStateTopicSegmentBytes,
          'compression.type': 'producer',
          'retention.ms': -1,
        },
      }
  }
}
