// The coordinators put together: groups, transactions, share groups, and the topics that they keep their states in.
// None is loaded yet: internal-topics.ts does that.

import { randomUUID } from 'node:crypto'
import type { Controller } from '../controller/controller.ts'
import { RESOURCE_TYPES } from '../controller/facts.ts'
import { OFFSETS_TOPIC, SHARE_STATE_TOPIC, TRANSACTIONS_TOPIC } from '../controller/topic-name.ts'
import type { Features } from '../coordinator/features.ts'
import { GroupCoordinator } from '../coordinator/group/group-coordinator.ts'
import type { TransactionConfig } from '../coordinator/transaction/config.ts'
import { ProducerIdBlocks } from '../coordinator/transaction/producer-ids.ts'
import { TransactionCoordinator } from '../coordinator/transaction/transaction-coordinator.ts'
import type { Partition } from '../partition/partition.ts'
import type { Partitions } from '../partition/partition-manager.ts'
import type { Clock } from '../time/clock.ts'
import type { Logger } from './broker-options.ts'
import type { BrokerSettings } from './broker-settings.ts'
import { effectiveGroupSettings } from './config/group-keys.ts'
import { coordinatorMetadata } from './coordinator-metadata.ts'
import { groupConfigOf } from './group-config.ts'
import { InternalTopics } from './internal-topics.ts'
import { PartitionMarkerWriter } from './marker-writer.ts'
import { ShareGroupParts } from './share.ts'

export interface CoordinatorsOptions {
  clock: Clock
  logger: Logger
  /** Its image is loaded: how many partitions an internal topic has is asked once. */
  controller: Controller
  settings: BrokerSettings
  features: Features
  partitions: Partitions
  nextProducerIds: () => Promise<{ firstProducerId: bigint; blockSize: number }>
}

export interface Coordinators {
  groups: GroupCoordinator
  transactions: TransactionCoordinator
  share: ShareGroupParts
  internalTopics: InternalTopics
}

export function newCoordinators(options: CoordinatorsOptions): Coordinators {
  const { clock, logger, controller, settings, partitions } = options
  const partition = (topic: string, index: number): Partition | undefined => partitions.get(topic, index)
  const groups = newGroups(options)
  const transactions = newTransactions(options)
  const share = new ShareGroupParts({
    clock,
    controller,
    settings,
    groups,
    logger,
    partition,
    ensureStateTopic: () => internalTopics.ensure(SHARE_STATE_TOPIC),
  })
  const internalTopics = new InternalTopics({
    controller,
    settings,
    partitions,
    groups,
    transactions,
    shareCoordinator: share.coordinator,
    clock,
  })
  return { groups, transactions, share, internalTopics }
}

function newGroups(options: CoordinatorsOptions): GroupCoordinator {
  const { clock, logger, controller, settings, features, partitions } = options
  return new GroupCoordinator({
    clock,
    partitionCount: offsetsPartitions(options),
    newUuid: randomUUID,
    earliestMs: () => partitions.timeBounds().earliestMs,
    features,
    metadata: coordinatorMetadata(controller.image, () => controller.imageOffset),
    groupConfigs: (groupId) =>
      effectiveGroupSettings(controller.image.settings(RESOURCE_TYPES.GROUP, groupId), settings.layers),
    onShardFailed: (index, error) => logger.error(`${OFFSETS_TOPIC}-${index} has failed: ${error.message}`),
    config: groupConfigOf(settings),
  })
}

function newTransactions(options: CoordinatorsOptions): TransactionCoordinator {
  const { clock, logger, controller, partitions, nextProducerIds } = options
  return new TransactionCoordinator({
    clock,
    markerWriter: new PartitionMarkerWriter((topic, index) => partitions.get(topic, index), clock),
    producerIds: new ProducerIdBlocks(nextProducerIds),
    earliestMs: () => partitions.timeBounds().earliestMs,
    partitionExists: (topic, index) => controller.image.partition(topic, index) !== undefined,
    onWarning: (message) => logger.warn(message),
    onShardFailed: (index, error) =>
      logger.error(`${TRANSACTIONS_TOPIC}-${index} has failed: ${error.message}`),
    config: transactionConfig(options),
  })
}

function transactionConfig(options: CoordinatorsOptions): TransactionConfig {
  const { config } = options.settings
  return {
    transactionStateLogNumPartitions: partitionsOf(
      TRANSACTIONS_TOPIC,
      config.transactionStateLogNumPartitions,
      options,
    ),
    offsetsTopicNumPartitions: offsetsPartitions(options),
    transactionMaxTimeoutMs: config.transactionMaxTimeoutMs,
    transactionalIdExpirationMs: config.transactionalIdExpirationMs,
    removeExpiredTransactionCleanupIntervalMs: config.transactionRemoveExpiredTransactionCleanupIntervalMs,
    addPartitionsRetryBackoffMaxMs: config.addPartitionsToTxnRetryBackoffMaxMs,
    addPartitionsRetryBackoffMs: config.addPartitionsToTxnRetryBackoffMs,
    transactionVersion: () => options.features.level('transaction.version'),
  }
}

/** The topic as it is; what it would be made with while there is none. */
function partitionsOf(topic: string, byDefault: number, { controller }: CoordinatorsOptions): number {
  return controller.image.topic(topic)?.partitions.length ?? byDefault
}

function offsetsPartitions(options: CoordinatorsOptions): number {
  return partitionsOf(OFFSETS_TOPIC, options.settings.config.offsetsTopicNumPartitions, options)
}
