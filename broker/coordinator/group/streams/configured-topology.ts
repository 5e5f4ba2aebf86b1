// A topology held against the topics that there are: how many tasks each subtopology has, which internal topics
// are missing, or what is wrong with the topics. Made anew when the topology or one of its topics changes; never
// kept in the log. Kafka: InternalTopicManager.configureTopics.

import { internalPartitionCounts, type ExistingPartitions, taskCount } from './partition-counts.ts'
import {
  InvalidTopologyError,
  type Status,
  statusCodes,
  TopicConfigurationError,
} from './topic-configuration.ts'
import { requiredTopics, type Subtopology, type TopicInfo, type Topology } from './topology.ts'

export interface InternalTopic {
  name: string
  numPartitions: number
  /** -1 is the broker's default. */
  replicationFactor: number
  configs: { name: string; value: string }[]
}

export interface ConfiguredSubtopology {
  subtopology: Subtopology
  taskCount: number
  /** All of them, in the order of the topology. */
  repartitionSourceTopics: InternalTopic[]
  stateChangelogTopics: InternalTopic[]
}

export interface ConfiguredTopology {
  topologyEpoch: number
  /** By id, in the order of ids; null where source topics are missing or partitions do not fit. */
  subtopologies: ReadonlyMap<string, ConfiguredSubtopology> | null
  missingInternalTopics: readonly InternalTopic[]
  /** Null: the tasks can be assigned. */
  problem: Status | null
}

/** Throws InvalidTopologyError for a topology that no topics could satisfy. */
export function configureTopology(topology: Topology, existing: ExistingPartitions): ConfiguredTopology {
  const { epoch: topologyEpoch, subtopologies } = topology
  try {
    refuseMissingSources(subtopologies, existing)
    const counts = internalPartitionCounts(topology, existing)
    const countOf = (topic: string): number | undefined => existing(topic) ?? counts.get(topic)
    const configured = new Map(
      [...subtopologies]
        .sort((a, b) => (a.subtopologyId < b.subtopologyId ? -1 : 1))
        .map((subtopology): [string, ConfiguredSubtopology] => [
          subtopology.subtopologyId,
          {
            subtopology,
            taskCount: taskCount(subtopology, countOf),
            repartitionSourceTopics: subtopology.repartitionSourceTopics.map((topic) =>
              internalTopic(topic, counts),
            ),
            stateChangelogTopics: subtopology.stateChangelogTopics.map((topic) =>
              internalTopic(topic, counts),
            ),
          },
        ]),
    )
    const missing = missingTopics(topology, configured, existing)
    const problem =
      missing.length === 0
        ? null
        : {
            statusCode: statusCodes.MISSING_INTERNAL_TOPICS,
            statusDetail: `Internal topics are missing: ${summary(missing.map(({ name }) => name))}`,
          }
    return { topologyEpoch, subtopologies: configured, missingInternalTopics: missing, problem }
  } catch (error) {
    if (!(error instanceof TopicConfigurationError)) throw error
    return { topologyEpoch, subtopologies: null, missingInternalTopics: [], problem: error.status }
  }
}

function refuseMissingSources(subtopologies: readonly Subtopology[], existing: ExistingPartitions): void {
  const missing = new Set(
    subtopologies.flatMap(({ sourceTopics }) =>
      sourceTopics.filter((topic) => existing(topic) === undefined),
    ),
  )
  if (missing.size === 0) return
  throw new TopicConfigurationError(
    statusCodes.MISSING_SOURCE_TOPICS,
    `Source topics ${summary([...missing].sort())} are missing.`,
  )
}

function internalTopic(
  { name, partitions, replicationFactor, topicConfigs }: TopicInfo,
  counts: ReadonlyMap<string, number>,
): InternalTopic {
  const numPartitions = partitions === 0 ? counts.get(name) : partitions
  if (numPartitions === undefined) throw new Error(`the partitions of ${name} were never counted`)
  if (numPartitions < 1)
    throw new InvalidTopologyError(`Topic ${name} cannot have ${numPartitions} partitions.`)
  return {
    name,
    numPartitions,
    replicationFactor: replicationFactor === 0 ? -1 : replicationFactor,
    configs: topicConfigs.map(({ key, value }) => ({ name: key, value })),
  }
}

/** The internal topics that are not there; one that is there must have the partitions it needs. */
function missingTopics(
  topology: Topology,
  subtopologies: ReadonlyMap<string, ConfiguredSubtopology>,
  existing: ExistingPartitions,
): InternalTopic[] {
  const needed = new Map<string, InternalTopic>()
  for (const { repartitionSourceTopics, stateChangelogTopics } of subtopologies.values())
    for (const topic of [...repartitionSourceTopics, ...stateChangelogTopics]) needed.set(topic.name, topic)
  for (const name of requiredTopics(topology)) {
    const found = existing(name)
    const topic = needed.get(name)
    if (found === undefined || topic === undefined) continue
    if (found !== topic.numPartitions) {
      throw new TopicConfigurationError(
        statusCodes.INCORRECTLY_PARTITIONED_TOPICS,
        `Existing topic ${name} has different number of partitions: expected ${topic.numPartitions}, found ${found}`,
      )
    }
    needed.delete(name)
  }
  return [...needed.values()]
}

const SUMMARY_LENGTH = 3

function summary(topics: readonly string[]): string {
  const more = topics.length - SUMMARY_LENGTH
  return topics.slice(0, SUMMARY_LENGTH).join(', ') + (more > 0 ? ` and ${more} additional topics` : '')
}
