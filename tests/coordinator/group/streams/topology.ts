// Topologies in as few words as a story needs.

import type { TopicInfo, Topology } from '../../../../broker/coordinator/group/streams/topology.ts'

export type Sub = Partial<
  Omit<Topology['subtopologies'][number], 'repartitionSourceTopics' | 'stateChangelogTopics'>
> & {
  /** `name`, or `name:4` for a fixed number of partitions. */
  repartitionSourceTopics?: (string | TopicInfo)[]
  stateChangelogTopics?: (string | TopicInfo)[]
}

export function topic(text: string | TopicInfo): TopicInfo {
  if (typeof text !== 'string') return text
  const [name = '', partitions = '0'] = text.split(':')
  return { name, partitions: Number(partitions), replicationFactor: 0, topicConfigs: [] }
}

/** Subtopologies '0', '1', … in order. */
export function topology(...subs: Sub[]): Topology {
  return {
    epoch: 0,
    subtopologies: subs.map((sub, i) => ({
      subtopologyId: String(i),
      sourceTopics: [],
      sourceTopicRegex: [],
      repartitionSinkTopics: [],
      copartitionGroups: [],
      ...sub,
      repartitionSourceTopics: (sub.repartitionSourceTopics ?? []).map(topic),
      stateChangelogTopics: (sub.stateChangelogTopics ?? []).map(topic),
    })),
  }
}

/** lines ─► 0 ─► words ─► 1 (counts) */
export const wordCount = topology(
  { sourceTopics: ['lines'], repartitionSinkTopics: ['words'] },
  { repartitionSourceTopics: ['words'], stateChangelogTopics: ['counts'] },
)
