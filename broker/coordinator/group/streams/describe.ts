// StreamsGroupDescribe of one group. The topology is told as it was configured, with the partitions that its internal
// topics have, once it fits its topics; before that as the application told it. Kafka: StreamsGroup.asDescribedGroup.

import { errorCodes } from '../../../protocol/errors.ts'
import type { ConfiguredTopology, InternalTopic } from './configured-topology.ts'
import type { StreamsMember } from './member.ts'
import type { DescribedStreamsGroup } from './messages.ts'
import { stateOf, type StreamsGroup } from './streams-group.ts'
import { NO_TASKS, taskIdsOf, type HeldTasks, type Tasks } from './tasks.ts'
import type { TopicInfo, Topology } from './topology.ts'

/** The protocol's "not asked for": an Int32.MIN_VALUE bit field. */
const NO_AUTHORIZED_OPERATIONS = -2147483648

type DescribedTopology = NonNullable<DescribedStreamsGroup['topology']>
type DescribedTopic = NonNullable<DescribedTopology['subtopologies']>[number]['stateChangelogTopics'][number]
type DescribedMember = DescribedStreamsGroup['members'][number]

export function describeStreams(group: StreamsGroup): DescribedStreamsGroup {
  const { groupId, groupEpoch, assignmentEpoch, members, targets, topology } = group
  const { configured } = group.soft
  return {
    errorCode: errorCodes.NONE,
    errorMessage: null,
    groupId,
    groupState: stateOf(group),
    groupEpoch,
    assignmentEpoch,
    topology:
      configured !== null && configured.problem === null
        ? configuredTopology(configured)
        : topology === null
          ? null
          : toldTopology(topology),
    members: [...members.values()].map((member) =>
      describeMember(member, targets.get(member.memberId) ?? NO_TASKS),
    ),
    authorizedOperations: NO_AUTHORIZED_OPERATIONS,
  }
}

export function describeStreamsRefused(
  groupId: string,
  errorCode: number,
  errorMessage: string | null,
): DescribedStreamsGroup {
  return {
    errorCode,
    errorMessage,
    groupId,
    groupState: '',
    groupEpoch: 0,
    assignmentEpoch: 0,
    topology: null,
    members: [],
    authorizedOperations: NO_AUTHORIZED_OPERATIONS,
  }
}

function toldTopology({ epoch, subtopologies }: Topology): DescribedTopology {
  const topic = ({ name, partitions, replicationFactor, topicConfigs }: TopicInfo): DescribedTopic => ({
    name,
    partitions,
    replicationFactor,
    topicConfigs,
  })
  return {
    epoch,
    subtopologies: [...subtopologies]
      .sort((a, b) => (a.subtopologyId < b.subtopologyId ? -1 : 1))
      .map((subtopology) => ({
        subtopologyId: subtopology.subtopologyId,
        sourceTopics: [...subtopology.sourceTopics].sort(),
        repartitionSinkTopics: [...subtopology.repartitionSinkTopics].sort(),
        stateChangelogTopics: subtopology.stateChangelogTopics.map(topic).sort(byName),
        repartitionSourceTopics: subtopology.repartitionSourceTopics.map(topic).sort(byName),
      })),
  }
}

function configuredTopology({ topologyEpoch, subtopologies }: ConfiguredTopology): DescribedTopology {
  const topic = ({ name, numPartitions, replicationFactor, configs }: InternalTopic): DescribedTopic => ({
    name,
    partitions: numPartitions,
    replicationFactor: Math.max(0, replicationFactor),
    topicConfigs: configs.map(({ name: key, value }) => ({ key, value })),
  })
  return {
    epoch: topologyEpoch,
    subtopologies: [...(subtopologies ?? [])].map(([subtopologyId, configured]) => ({
      subtopologyId,
      sourceTopics: [...new Set(configured.subtopology.sourceTopics)].sort(),
      repartitionSinkTopics: [...new Set(configured.subtopology.repartitionSinkTopics)].sort(),
      stateChangelogTopics: configured.stateChangelogTopics.map(topic).sort(byName),
      repartitionSourceTopics: configured.repartitionSourceTopics.map(topic).sort(byName),
    })),
  }
}

function describeMember(member: StreamsMember, target: Tasks): DescribedMember {
  const { memberId, memberEpoch, instanceId, rackId, clientId, clientHost } = member
  const { topologyEpoch, processId, userEndpoint, clientTags, assigned } = member
  return {
    memberId,
    memberEpoch,
    instanceId,
    rackId,
    clientId,
    clientHost,
    topologyEpoch,
    processId,
    userEndpoint: userEndpoint === null ? null : { ...userEndpoint },
    clientTags: [...clientTags].map(([key, value]) => ({ key, value })),
    taskOffsets: [],
    taskEndOffsets: [],
    assignment: describeTasks(assigned),
    targetAssignment: describeTasks(target),
    isClassic: false,
  }
}

function describeTasks({ active, standby, warmup }: Tasks | HeldTasks): DescribedMember['assignment'] {
  return {
    activeTasks: taskIdsOf(active),
    standbyTasks: taskIdsOf(standby),
    warmupTasks: taskIdsOf(warmup),
  }
}

const byName = (a: DescribedTopic, b: DescribedTopic): number => (a.name < b.name ? -1 : 1)
