// The partitions of a transaction: a set that is never changed in place, so that a fact that was logged
// and the state that it became can be the same value.

export interface TopicPartition {
  topic: string
  partition: number
}

/** As requests and records list partitions. */
export interface TopicPartitions {
  topic: string
  partitionIds: readonly number[]
}

export type PartitionSet = ReadonlyMap<string, ReadonlySet<number>>

export const noPartitions: PartitionSet = new Map()

export function partitionSet(topics: Iterable<TopicPartitions>): PartitionSet {
  const set = new Map<string, Set<number>>()
  for (const { topic, partitionIds } of topics) {
    const ids = set.get(topic) ?? new Set<number>()
    for (const id of partitionIds) ids.add(id)
    if (ids.size > 0) set.set(topic, ids)
  }
  return set
}

export function hasPartition(set: PartitionSet, topic: string, partition: number): boolean {
  return set.get(topic)?.has(partition) ?? false
}

export function containsAll(set: PartitionSet, part: PartitionSet): boolean {
  for (const [topic, ids] of part) for (const id of ids) if (!hasPartition(set, topic, id)) return false
  return true
}

export function union(a: PartitionSet, b: PartitionSet): PartitionSet {
  const all = new Map(a)
  for (const [topic, ids] of b) {
    const known = a.get(topic)
    all.set(topic, known === undefined ? ids : new Set([...known, ...ids]))
  }
  return all
}

export function without(set: PartitionSet, gone: PartitionSet): PartitionSet {
  const rest = new Map<string, ReadonlySet<number>>()
  for (const [topic, ids] of set) {
    const left = [...ids].filter((id) => !hasPartition(gone, topic, id))
    if (left.length > 0) rest.set(topic, new Set(left))
  }
  return rest
}

/** By topic and index in rising order, so that the same set always gives the same bytes. */
export function sortedTopics(set: PartitionSet): { topic: string; partitionIds: number[] }[] {
  return [...set]
    .map(([topic, ids]) => ({ topic, partitionIds: [...ids].sort((a, b) => a - b) }))
    .sort((a, b) => (a.topic < b.topic ? -1 : 1))
}

export function partitionsOf(set: PartitionSet): TopicPartition[] {
  return sortedTopics(set).flatMap(({ topic, partitionIds }) =>
    partitionIds.map((partition) => ({ topic, partition })),
  )
}
