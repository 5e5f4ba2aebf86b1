// The image as the facts that make it: what a snapshot holds. Whatever the image keeps must be here, or a restart from
// a snapshot forgets it; the property test compares the two.
// The order is Kafka's MetadataImage.write: features first, metadata.version before all others.

import { type Fact, type MetadataFact, RESOURCE_TYPES } from './facts.ts'
import type { BrokerImage, MetadataImage, PartitionImage } from './image.ts'

export function* factsOf(image: MetadataImage): Generator<MetadataFact> {
  const metadataVersion = image.featureLevel('metadata.version')
  if (metadataVersion > 0) yield featureLevel('metadata.version', metadataVersion)
  for (const [name, level] of image.features()) {
    if (name !== 'metadata.version') yield featureLevel(name, level)
  }
  for (const broker of image.brokers()) yield registration(broker)
  for (const { name, topicId, partitions } of image.topics()) {
    yield { type: 'TopicRecord', name, topicId }
    for (const partition of partitions) yield partitionRecord(topicId, partition)
  }
  for (const resourceType of Object.values(RESOURCE_TYPES)) {
    for (const resourceName of image.configuredResources(resourceType)) {
      for (const [name, value] of image.settings(resourceType, resourceName)) {
        yield { type: 'ConfigRecord', resourceType, resourceName, name, value }
      }
    }
  }
  for (const { entity, values } of image.clientQuotas()) {
    const parts = [...entity].map(([entityType, entityName]) => ({ entityType, entityName }))
    for (const [key, value] of values) {
      yield { type: 'ClientQuotaRecord', entity: parts, key, value, remove: false }
    }
  }
  if (image.nextProducerId > 0n) {
    // Who was given the last block is not kept, and nobody asks.
    const nextProducerId = image.nextProducerId
    yield { type: 'ProducerIdsRecord', brokerId: -1, brokerEpoch: -1n, nextProducerId }
  }
}

function featureLevel(name: string, level: number): MetadataFact {
  return { type: 'FeatureLevelRecord', name, featureLevel: level }
}

function registration(broker: BrokerImage): Fact<'RegisterBrokerRecord'> {
  return {
    type: 'RegisterBrokerRecord',
    brokerId: broker.id,
    isMigratingZkBroker: false,
    incarnationId: broker.incarnationId,
    brokerEpoch: broker.epoch,
    endPoints: [...broker.endPoints],
    features: [...broker.features],
    rack: broker.rack,
    fenced: broker.fenced,
    inControlledShutdown: broker.inControlledShutdown,
    logDirs: [...broker.logDirs],
  }
}

function partitionRecord(topicId: string, partition: PartitionImage): Fact<'PartitionRecord'> {
  const { eligibleLeaderReplicas, lastKnownElr } = partition
  return {
    type: 'PartitionRecord',
    partitionId: partition.partition,
    topicId,
    replicas: [...partition.replicas],
    isr: [...partition.isr],
    removingReplicas: [...partition.removingReplicas],
    addingReplicas: [...partition.addingReplicas],
    leader: partition.leader,
    leaderRecoveryState: partition.leaderRecoveryState,
    leaderEpoch: partition.leaderEpoch,
    partitionEpoch: partition.partitionEpoch,
    directories: [...partition.directories],
    // Kafka leaves out what is empty.
    eligibleLeaderReplicas: eligibleLeaderReplicas.length > 0 ? [...eligibleLeaderReplicas] : null,
    lastKnownElr: lastKnownElr.length > 0 ? [...lastKnownElr] : null,
  }
}
