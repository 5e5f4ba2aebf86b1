// Records of __consumer_offsets that keep share groups (KIP-932), kinds 10 to 15. Kinds are keys' prefixes, values are
// preceded by their version (`versioned.ts`).

import { defineMessage } from '../message.ts'
import { array, f, int32, int64, int8, nullableString, string, uuid } from '../schema.ts'

const groupKey = { groupId: f(string) }
const memberKey = { groupId: f(string), memberId: f(string) }
const topicPartitions = array({ topicId: f(uuid), partitions: f(array(int32)) })
const topicPartitionsInfo = array({ topicId: f(uuid), topicName: f(string), partitions: f(array(int32)) })

export const shareGroupMetadataKey = defineMessage({
  name: 'ShareGroupMetadataKey',
  versions: [11, 11],
  flexibleFrom: null,
  fields: groupKey,
})

export const shareGroupMetadataValue = defineMessage({
  name: 'ShareGroupMetadataValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: { epoch: f(int32), metadataHash: f(int64) },
})

export const shareGroupMemberMetadataKey = defineMessage({
  name: 'ShareGroupMemberMetadataKey',
  versions: [10, 10],
  flexibleFrom: null,
  fields: memberKey,
})

export const shareGroupMemberMetadataValue = defineMessage({
  name: 'ShareGroupMemberMetadataValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    rackId: f(nullableString),
    clientId: f(string),
    clientHost: f(string),
    subscribedTopicNames: f(array(string)),
  },
})

export const shareGroupTargetAssignmentMetadataKey = defineMessage({
  name: 'ShareGroupTargetAssignmentMetadataKey',
  versions: [12, 12],
  flexibleFrom: null,
  fields: groupKey,
})

export const shareGroupTargetAssignmentMetadataValue = defineMessage({
  name: 'ShareGroupTargetAssignmentMetadataValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    assignmentEpoch: f(int32),
    assignmentTimestamp: f(int64, { tag: 0, default: 0n, ignorable: true }),
  },
})

export const shareGroupTargetAssignmentMemberKey = defineMessage({
  name: 'ShareGroupTargetAssignmentMemberKey',
  versions: [13, 13],
  flexibleFrom: null,
  fields: memberKey,
})

export const shareGroupTargetAssignmentMemberValue = defineMessage({
  name: 'ShareGroupTargetAssignmentMemberValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: { topicPartitions: f(topicPartitions) },
})

export const shareGroupCurrentMemberAssignmentKey = defineMessage({
  name: 'ShareGroupCurrentMemberAssignmentKey',
  versions: [14, 14],
  flexibleFrom: null,
  fields: memberKey,
})

export const shareGroupCurrentMemberAssignmentValue = defineMessage({
  name: 'ShareGroupCurrentMemberAssignmentValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    memberEpoch: f(int32),
    previousMemberEpoch: f(int32),
    state: f(int8),
    assignedPartitions: f(topicPartitions),
  },
})

export const shareGroupStatePartitionMetadataKey = defineMessage({
  name: 'ShareGroupStatePartitionMetadataKey',
  versions: [15, 15],
  flexibleFrom: null,
  fields: groupKey,
})

export const shareGroupStatePartitionMetadataValue = defineMessage({
  name: 'ShareGroupStatePartitionMetadataValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    initializingTopics: f(topicPartitionsInfo),
    initializedTopics: f(topicPartitionsInfo),
    deletingTopics: f(array({ topicId: f(uuid), topicName: f(string) })),
  },
})
