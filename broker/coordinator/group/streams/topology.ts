// What a Kafka Streams application reads, writes and keeps, as its first member told it: subtopologies with their
// source topics, repartition topics and changelogs. The same in the request, in the log and in memory; the log's
// order of subtopologies is kept.

import { isDeepStrictEqual } from 'node:util'
import type { streamsGroupHeartbeat } from '../../../protocol/apis/streams-group-heartbeat.ts'
import type { MessageOf, RequestOf } from '../../../protocol/message.ts'
import type { streamsGroupTopologyValue } from '../../../protocol/records/streams-group.ts'

type HeartbeatTopology = NonNullable<RequestOf<typeof streamsGroupHeartbeat>['topology']>

export type Topology = MessageOf<typeof streamsGroupTopologyValue>
export type Subtopology = Topology['subtopologies'][number]
/** Partitions and replication factor are 0 where the broker is to find them. */
export type TopicInfo = Subtopology['stateChangelogTopics'][number]

// The request and the record say the same in the same words; if one grows, this line no longer compiles.
export const topologyOf = (topology: HeartbeatTopology): Topology => topology

/** Asked for with every change of the cluster's topics. */
const required = new WeakMap<Topology, ReadonlySet<string>>()

/** Every topic that has to exist for the tasks to run. */
export function requiredTopics(topology: Topology): ReadonlySet<string> {
  const known = required.get(topology)
  if (known !== undefined) return known
  const topics = new Set<string>()
  for (const { sourceTopics, repartitionSourceTopics, stateChangelogTopics } of topology.subtopologies) {
    for (const name of sourceTopics) topics.add(name)
    for (const { name } of repartitionSourceTopics) topics.add(name)
    for (const { name } of stateChangelogTopics) topics.add(name)
  }
  required.set(topology, topics)
  return topics
}

/** Every topic that the topology names, sinks too: what a client must be allowed to see. */
export function namedTopics(topology: Topology): Set<string> {
  const topics = new Set(requiredTopics(topology))
  for (const { repartitionSinkTopics } of topology.subtopologies)
    for (const name of repartitionSinkTopics) topics.add(name)
  return topics
}

/** The subtopology that reads a topic; the last one when several do, as in Kafka's map. */
export function readerOf({ subtopologies }: Topology, topic: string): Subtopology | undefined {
  return subtopologies.findLast((subtopology) => sourcesOf(subtopology).includes(topic))
}

export function sourcesOf({ sourceTopics, repartitionSourceTopics }: Subtopology): string[] {
  return [...sourceTopics, ...repartitionSourceTopics.map(({ name }) => name)]
}

/** The same subtopologies, in whatever order; within one the order of everything counts, as in Kafka. */
export function sameTopology(a: Topology, b: Topology): boolean {
  return a.epoch === b.epoch && isDeepStrictEqual(byId(a), byId(b))
}

function byId({ subtopologies }: Topology): Subtopology[] {
  return [...subtopologies].sort((a, b) => (a.subtopologyId < b.subtopologyId ? -1 : 1))
}
