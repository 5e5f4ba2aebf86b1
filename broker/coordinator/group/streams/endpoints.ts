// Which application server answers interactive queries for which partitions: what a member that named an endpoint
// has materialised of its subtopologies' sources. Kafka: EndpointToPartitionsManager.

import type { ConfiguredTopology } from './configured-topology.ts'
import type { StreamsMember } from './member.ts'
import type { StreamsHeartbeatResponse } from './messages.ts'
import type { ExistingPartitions } from './partition-counts.ts'
import { sourcesOf } from './topology.ts'

type EndpointPartitions = NonNullable<StreamsHeartbeatResponse['partitionsByUserEndpoint']>[number]
type TopicPartitions = EndpointPartitions['activePartitions'][number]

/** Of all members that named an endpoint. A topology that does not fit its topics serves nothing yet. */
export function endpointPartitions(
  members: Iterable<StreamsMember>,
  { subtopologies }: ConfiguredTopology,
  existing: ExistingPartitions,
): EndpointPartitions[] {
  const partitionsOf = (tasks: ReadonlyMap<string, { keys(): Iterable<number> }>): TopicPartitions[] =>
    [...tasks].flatMap(([subtopologyId, partitions]) => {
      const configured = subtopologies?.get(subtopologyId)
      if (configured === undefined) return []
      // A task has no partition of a source that is smaller than the others.
      return [...new Set(sourcesOf(configured.subtopology))].map((topic) => ({
        topic,
        partitions: [...partitions.keys()]
          .filter((partition) => partition < (existing(topic) ?? 0))
          .sort((a, b) => a - b),
      }))
    })
  const found: EndpointPartitions[] = []
  for (const { userEndpoint, assigned } of members) {
    if (userEndpoint === null) continue
    found.push({
      userEndpoint: { ...userEndpoint },
      activePartitions: partitionsOf(assigned.active),
      standbyPartitions: partitionsOf(assigned.standby),
    })
  }
  return found
}
