// Makes committed metadata real on this node: a topic that was created is opened before its creator hears
// of it, one that was deleted is closed to everybody at once, and settings reach the partitions they are for.

import type { MetadataChange } from '../controller/controller.ts'
import { RESOURCE_TYPES } from '../controller/facts.ts'
import type { MetadataImage, TopicImage } from '../controller/image.ts'
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts'
import type { ShareCoordinator } from '../coordinator/share/share-coordinator.ts'
import type { PartitionAssignment } from '../partition/partition-api.ts'
import type { Partitions } from '../partition/partition-manager.ts'
import type { BrokerSettings } from './broker-settings.ts'
import type { Quotas } from '../quota/quotas.ts'
import type { Logger } from './broker-options.ts'

export interface TopicLifeServices {
  nodeId: number
  settings: BrokerSettings
  partitions: Partitions
  groups: Pick<GroupCoordinator, 'partitionsDeleted' | 'metadataChanged' | 'shareTopicsDeleted'>
  share: Pick<ShareCoordinator, 'topicsDeleted'>
  quotas: Quotas
  logger: Logger
}

/** Opens everything that this node leads, at start. */
export async function openTopics(image: MetadataImage, services: TopicLifeServices): Promise<void> {
  await services.partitions.ensure(
    [...image.topics()].flatMap((topic) => assignmentsOf(topic, image, services)),
  )
}

/** The controller's `publish`: in order, one change at a time. */
export async function publishChange(change: MetadataChange, services: TopicLifeServices): Promise<void> {
  const { facts, image, removed } = change
  const { partitions, settings, groups, share, logger } = services
  if (removed.length > 0) {
    const doomed = removed.flatMap(({ name, partitions: count }) =>
      Array.from({ length: count }, (_, partition) => ({ topic: name, partition })),
    )
    await partitions.delete(doomed)
    const byTopic = removed.map(({ name, partitions: count }) => ({
      topic: name,
      partitions: Array.from({ length: count }, (_, partition) => partition),
    }))
    // Offsets of a topic that is gone are only a nuisance: the deletion does not wait for them.
    groups.partitionsDeleted(byTopic).catch((error: unknown) => {
      logger.warn(`committed offsets of deleted topics stay until they expire: ${String(error)}`)
    })
    const topicIds = new Set(removed.map(({ topicId }) => topicId))
    Promise.all([groups.shareTopicsDeleted(topicIds), share.topicsDeleted(topicIds)]).catch(
      (error: unknown) => {
        logger.warn(`states of deleted topics' share partitions are kept: ${String(error)}`)
      },
    )
  }
  if (facts.some(({ type }) => type === 'ClientQuotaRecord')) services.quotas.changed(image.clientQuotas())
  const touched = new Set<TopicImage>()
  const configured = new Set<string>()
  let brokerChanged = false
  for (const fact of facts) {
    if (fact.type === 'PartitionRecord' || fact.type === 'TopicRecord') {
      const topic = image.topicById(fact.topicId)
      if (topic !== undefined) touched.add(topic)
    } else if (fact.type === 'PartitionChangeRecord') {
      // Clients are told this epoch by Metadata and send it back: the partition must know it too.
      const topic = image.topicById(fact.topicId)
      const state = topic?.partitions[fact.partitionId]
      if (topic !== undefined && state !== undefined) {
        partitions.get(topic.name, fact.partitionId)?.setLeaderEpoch(state.leaderEpoch)
      }
    } else if (fact.type === 'ConfigRecord') {
      if (fact.resourceType === RESOURCE_TYPES.TOPIC) configured.add(fact.resourceName)
      else if (fact.resourceType === RESOURCE_TYPES.BROKER) brokerChanged = true
    }
  }
  if (brokerChanged) {
    settings.changed(image)
    for (const { name } of image.topics()) configured.add(name)
  }
  for (const topic of touched) await partitions.ensure(assignmentsOf(topic, image, services))
  const changed = [...touched, ...removed].map(({ name }) => name)
  // Members hear of it by their heartbeats: nobody waits for it.
  if (changed.length > 0)
    groups
      .metadataChanged(
        changed,
        facts.some(({ type }) => type === 'TopicRecord'),
      )
      .catch((error: unknown) => logger.error(String(error)))
  for (const name of configured) {
    if (image.topic(name) !== undefined) partitions.setConfig(name, settings.ofTopic(image, name))
  }
}

function assignmentsOf(
  topic: TopicImage,
  image: MetadataImage,
  { nodeId, settings }: TopicLifeServices,
): PartitionAssignment[] {
  const config = settings.ofTopic(image, topic.name)
  return topic.partitions
    .filter(({ replicas }) => replicas.includes(nodeId))
    .map(({ partition, leaderEpoch }) => ({
      topic: topic.name,
      partition,
      topicId: topic.topicId,
      leaderEpoch,
      config,
    }))
}
