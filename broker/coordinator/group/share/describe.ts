// ShareGroupDescribe of one group. Kafka: ShareGroup.asDescribedGroup.

import { errorCodes } from '../../../protocol/errors.ts'
import type { ShardView } from '../shard-view.ts'
import type { DescribedShareGroup } from './messages.ts'
import type { ShareGroup } from './share-group.ts'

/** The protocol's "not asked for": an Int32.MIN_VALUE bit field. */
const NO_AUTHORIZED_OPERATIONS = -2147483648

export function describeShare({ metadata }: ShardView, group: ShareGroup): DescribedShareGroup {
  const { groupId, groupEpoch, assignmentEpoch, members } = group
  return {
    errorCode: errorCodes.NONE,
    errorMessage: null,
    groupId,
    groupState: members.size === 0 ? 'Empty' : 'Stable',
    groupEpoch,
    assignmentEpoch,
    assignorName: 'simple',
    members: [...members.values()].map((member) => ({
      memberId: member.memberId,
      rackId: member.rackId,
      memberEpoch: member.memberEpoch,
      clientId: member.clientId,
      clientHost: member.clientHost,
      subscribedTopicNames: [...member.subscribedTopicNames],
      assignment: {
        topicPartitions: [...member.assigned].flatMap(([topicId, partitions]) => {
          const topic = metadata.topicById(topicId)
          return topic === undefined ? [] : [{ topicId, topicName: topic.name, partitions: [...partitions] }]
        }),
      },
    })),
    authorizedOperations: NO_AUTHORIZED_OPERATIONS,
  }
}

export function describeShareRefused(
  groupId: string,
  errorCode: number,
  errorMessage: string | null,
): DescribedShareGroup {
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
