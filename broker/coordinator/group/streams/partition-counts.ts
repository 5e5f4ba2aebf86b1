// How many partitions the internal topics of a topology need. Existing topics say how many they have; the rest
// follows from what is read:
//
//   repartition topic   what the topology says, else the most of the sources of a subtopology that writes to it
//   copartition group   all of its repartition topics get one count: that of its other topics, else of those that
//                       the topology fixes, else the most of them
//   changelog           as many as its subtopology has tasks: the most of its sources
//
// Kafka: RepartitionTopics, CopartitionedTopicsEnforcer, ChangelogTopics, InternalTopicManager.

import { InvalidTopologyError, statusCodes, TopicConfigurationError } from './topic-configuration.ts'
import { type Subtopology, sourcesOf, type Topology } from './topology.ts'

/** Partitions of an existing topic; undefined when there is none. */
export type ExistingPartitions = (topic: string) => number | undefined

/** Counts of all repartition topics and changelogs, whether they exist or not. */
export function internalPartitionCounts(
  { subtopologies }: Topology,
  existing: ExistingPartitions,
): Map<string, number> {
  const counts = repartitionCounts(subtopologies, existing)
  const countOf = (topic: string): number | undefined => existing(topic) ?? counts.get(topic)
  const fixed = new Set<string>()
  for (const { repartitionSourceTopics } of subtopologies)
    for (const { name, partitions } of repartitionSourceTopics) if (partitions !== 0) fixed.add(name)
  for (const subtopology of subtopologies) {
    for (const group of copartitionGroups(subtopology)) {
      for (const [topic, count] of copartitioned(group, fixed, subtopologies, countOf))
        counts.set(topic, count)
    }
  }
  for (const subtopology of subtopologies) {
    const count = taskCount(subtopology, countOf)
    for (const { name } of subtopology.stateChangelogTopics) counts.set(name, count)
  }
  return counts
}

/** As many tasks as the largest source has partitions. */
export function taskCount(subtopology: Subtopology, countOf: (topic: string) => number | undefined): number {
  const counts = sourcesOf(subtopology).map((topic) => {
    const count = countOf(topic)
    if (count === undefined) throw new Error(`the partitions of source topic ${topic} were never counted`)
    return count
  })
  if (counts.length === 0) {
    throw new InvalidTopologyError(`No source topics found for subtopology ${subtopology.subtopologyId}`)
  }
  return most(counts)
}

function repartitionCounts(
  subtopologies: readonly Subtopology[],
  existing: ExistingPartitions,
): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { repartitionSourceTopics } of subtopologies)
    for (const { name, partitions } of repartitionSourceTopics)
      if (partitions !== 0) counts.set(name, partitions)
  // A subtopology may read what another writes: go round until nothing is missing, or nothing new is found.
  for (let missing = true; missing; ) {
    missing = false
    let found = false
    for (const subtopology of subtopologies) {
      for (const sink of subtopology.repartitionSinkTopics) {
        if (counts.has(sink)) continue
        const most = mostPartitions(subtopology, counts, existing)
        if (most === undefined) missing = true
        else {
          counts.set(sink, most)
          found = true
        }
      }
    }
    if (missing && !found) {
      throw new InvalidTopologyError(
        'Failed to compute number of partitions for all repartition topics. There may be loops in the topology that cannot be resolved.',
      )
    }
  }
  const unwritten = subtopologies.some(({ repartitionSourceTopics }) =>
    repartitionSourceTopics.some(({ name }) => !counts.has(name)),
  )
  if (unwritten) {
    throw new InvalidTopologyError(
      'Failed to compute number of partitions for all repartition topics, because a repartition source topic is never used as a sink topic.',
    )
  }
  return counts
}

/** The most of the sources that are known so far. */
function mostPartitions(
  { sourceTopics, repartitionSourceTopics }: Subtopology,
  counts: ReadonlyMap<string, number>,
  existing: ExistingPartitions,
): number | undefined {
  const known = [
    ...repartitionSourceTopics.map(({ name }) => counts.get(name)),
    ...sourceTopics.map(existing),
  ].filter((count) => count !== undefined)
  return known.length === 0 ? undefined : most(known)
}

function most(counts: Iterable<number>): number {
  let largest = 0
  for (const count of counts) largest = Math.max(largest, count)
  return largest
}

function copartitionGroups({
  copartitionGroups: groups,
  sourceTopics,
  repartitionSourceTopics,
  subtopologyId,
}: Subtopology): Set<string>[] {
  const at = <T>(list: readonly T[], index: number): T => {
    if (!(index >= 0 && index < list.length)) {
      throw new InvalidTopologyError(
        `A copartition group of subtopology ${subtopologyId} names topic ${index} of ${list.length}.`,
      )
    }
    return list[index] as T
  }
  return groups.map(
    (group) =>
      new Set([
        ...group.sourceTopics.map((index) => at(sourceTopics, index)),
        ...group.repartitionSourceTopics.map((index) => at(repartitionSourceTopics, index).name),
      ]),
  )
}

/** The count that the repartition topics of one copartition group get. */
function copartitioned(
  group: ReadonlySet<string>,
  fixed: ReadonlySet<string>,
  subtopologies: readonly Subtopology[],
  countOf: (topic: string) => number | undefined,
): Map<string, number> {
  const repartitionTopics = new Set(
    subtopologies.flatMap((subtopology) => subtopology.repartitionSourceTopics.map(({ name }) => name)),
  )
  const counted = (topics: Iterable<string>): Map<string, number> =>
    new Map([...topics].map((topic) => [topic, countOf(topic) ?? 0]))
  const internal = counted([...group].filter((topic) => repartitionTopics.has(topic)))
  const external = counted([...group].filter((topic) => !repartitionTopics.has(topic)))
  if (internal.size === 0 && external.size === 0) return internal
  const count =
    external.size > 0
      ? theSame(external, external)
      : fixed.size > 0
        ? theSame(counted(fixed), internal)
        : most(internal.values())
  for (const [topic, before] of internal) {
    if (fixed.has(topic) && before !== count) {
      throw new TopicConfigurationError(
        statusCodes.INCORRECTLY_PARTITIONED_TOPICS,
        `Number of partitions [${before}] of repartition topic [${topic}] doesn't match number of partitions [${count}] of the source topic.`,
      )
    }
    internal.set(topic, count)
  }
  return internal
}

/** The one count of all these topics; `told` are the topics that an error names. */
function theSame(counts: ReadonlyMap<string, number>, told: ReadonlyMap<string, number>): number {
  const [first = 0, ...others] = counts.values()
  if (others.some((count) => count !== first)) {
    const names = [...told].sort(([a], [b]) => (a < b ? -1 : 1)).map(([topic, n]) => `${topic}=${n}`)
    throw new TopicConfigurationError(
      statusCodes.INCORRECTLY_PARTITIONED_TOPICS,
      `Following topics do not have the same number of partitions: [{${names.join(', ')}}]`,
    )
  }
  return first
}
