// ConsumerGroupDescribe of one group. What a member still has to give up counts as its own, as it does in Kafka.

import { errorCodes } from '../../../protocol/errors.ts'
import type { MetadataView } from '../metadata-view.ts'
import type { Assignment } from '../modern/assignor/assignment.ts'
import type { ShardView } from '../shard-view.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerMember } from './member.ts'
import type { DescribedConsumerGroup, DescribedConsumerMember } from './messages.ts'
import { preferredAssignor } from './turn.ts'

const NO_AUTHORIZED_OPERATIONS = -2147483648
const CLASSIC = 0
const CONSUMER = 1

export function describeConsumerGroup(
  { config, metadata }: ShardView,
  group: ConsumerGroup,
): DescribedConsumerGroup {
  return {
    ...describeConsumerRefused(group.groupId, errorCodes.NONE, null),
    groupState: group.state,
    groupEpoch: group.groupEpoch,
    assignmentEpoch: group.assignmentEpoch,
    assignorName: preferredAssignor(group) ?? config.consumer.assignors[0] ?? '',
    members: [...group.members.values()].map((member) =>
      describeMember(member, group.targetOf(member.memberId), metadata),
    ),
  }
}

export function describeConsumerRefused(
  groupId: string,
  errorCode: number,
  errorMessage: string | null,
): DescribedConsumerGroup {
  return {
    errorCode,
    errorMessage,
    groupId,
    groupState: '',
    groupEpoch: 0,
    assignmentEpoch: 0,
    assignorName: '',
    members: [],
    authorizedOperations: NO_AUTHORIZED_OPERATIONS,
  }
}

function describeMember(
  member: ConsumerMember,
  target: Assignment,
  metadata: MetadataView,
): DescribedConsumerMember {
  const owned = new Map<string, number[]>()
  for (const partitions of [member.assigned, member.pendingRevocation]) {
    for (const [topicId, ofTopic] of partitions)
      owned.set(topicId, [...(owned.get(topicId) ?? []), ...ofTopic.keys()])
  }
  return {
    memberId: member.memberId,
    instanceId: member.instanceId,
    rackId: member.rackId,
    memberEpoch: member.memberEpoch,
    clientId: member.clientId,
    clientHost: member.clientHost,
    subscribedTopicNames: [...member.topicNames],
    subscribedTopicRegex: member.topicRegex,
    assignment: named(owned, metadata),
    targetAssignment: named(target, metadata),
    memberType: member.classic === null ? CONSUMER : CLASSIC,
  }
}

/** Topics that are no more have no name to be told under. */
function named(
  topics: Iterable<[string, Iterable<number>]>,
  metadata: MetadataView,
): DescribedConsumerMember['assignment'] {
  const topicPartitions = [...topics].flatMap(([topicId, partitions]) => {
    const topicName = metadata.topicById(topicId)?.name
    return topicName === undefined ? [] : [{ topicId, topicName, partitions: [...partitions] }]
  })
  return { topicPartitions }
}
