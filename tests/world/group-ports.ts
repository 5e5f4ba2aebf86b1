// What a group coordinator is handed, for tests that do not care: no topics, no settings, ids in order.

import { defaultGroupConfig } from '../../broker/coordinator/group/config.ts'
import type { MetadataView, TopicView } from '../../broker/coordinator/group/metadata-view.ts'
import type { ShardPorts } from '../../broker/coordinator/group/shard-view.ts'

export function groupPorts(ports: Partial<ShardPorts> = {}): ShardPorts {
  let uuids = 0
  return {
    config: defaultGroupConfig,
    metadata: topicsOf({}),
    features: { level: () => 1 },
    groupConfigs: () => new Map(),
    topicsCreatedAt: () => 0n,
    newUuid: () => `uuid${++uuids}`,
    ...ports,
  }
}

/** Topics by name and number of partitions; ids are numbered in this order. */
export function topicsOf(topics: Record<string, number>): MetadataView {
  const views = Object.entries(topics).map(
    ([name, partitionCount], i): TopicView => ({
      name,
      topicId: topicIdOf(i + 1),
      partitionCount,
      racks: () => [],
    }),
  )
  return {
    version: 0n,
    topic: (name) => views.find((topic) => topic.name === name),
    topicById: (topicId) => views.find((topic) => topic.topicId === topicId),
    topicNames: () => views.map(({ name }) => name),
  }
}

export function topicIdOf(number: number): string {
  return number.toString(16).padStart(32, '0')
}
