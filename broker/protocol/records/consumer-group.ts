// Records of consumer groups of the new protocol (KIP-848) in __consumer_offsets. The int16 before a key says
// which record it is, the one before a value its version, always 0. What a 4.0 snapshot lacks is tagged.

import { defineMessage } from '../message.ts'
import {
  array,
  bytes,
  f,
  int32,
  int64,
  int8,
  nullable,
  nullableArray,
  nullableString,
  string,
  struct,
  uuid,
} from '../schema.ts'

function groupKey(name: string, recordType: number) {
  return defineMessage({
    name,
    versions: [recordType, recordType],
    flexibleFrom: null,
    fields: { groupId: f(string) },
  })
}

function memberKey(name: string, recordType: number) {
  return defineMessage({
    name,
    versions: [recordType, recordType],
    flexibleFrom: null,
    fields: { groupId: f(string), memberId: f(string) },
  })
}

export const consumerGroupMetadataKey = groupKey('ConsumerGroupMetadataKey', 3)
export const consumerGroupPartitionMetadataKey = groupKey('ConsumerGroupPartitionMetadataKey', 4)
export const consumerGroupMemberMetadataKey = memberKey('ConsumerGroupMemberMetadataKey', 5)
export const consumerGroupTargetAssignmentMetadataKey = groupKey(
  'ConsumerGroupTargetAssignmentMetadataKey',
  6,
)
export const consumerGroupTargetAssignmentMemberKey = memberKey('ConsumerGroupTargetAssignmentMemberKey', 7)
export const consumerGroupCurrentMemberAssignmentKey = memberKey('ConsumerGroupCurrentMemberAssignmentKey', 8)

export const consumerGroupRegularExpressionKey = defineMessage({
  name: 'ConsumerGroupRegularExpressionKey',
  versions: [16, 16],
  flexibleFrom: null,
  fields: { groupId: f(string), regularExpression: f(string) },
})

export const consumerGroupMetadataValue = defineMessage({
  name: 'ConsumerGroupMetadataValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: { epoch: f(int32), metadataHash: f(int64, { tag: 0, default: 0n }) },
})

export const consumerGroupMemberMetadataValue = defineMessage({
  name: 'ConsumerGroupMemberMetadataValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    instanceId: f(nullableString),
    rackId: f(nullableString),
    clientId: f(string),
    clientHost: f(string),
    subscribedTopicNames: f(array(string)),
    subscribedTopicRegex: f(nullableString),
    rebalanceTimeoutMs: f(int32, { default: -1 }),
    serverAssignor: f(nullableString),
    classicMemberMetadata: f(
      nullable(
        struct({
          sessionTimeoutMs: f(int32),
          supportedProtocols: f(array({ name: f(string), metadata: f(bytes) })),
        }),
      ),
      { tag: 0, default: null },
    ),
  },
})

export const consumerGroupTargetAssignmentMetadataValue = defineMessage({
  name: 'ConsumerGroupTargetAssignmentMetadataValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    assignmentEpoch: f(int32),
    assignmentTimestamp: f(int64, { tag: 0, default: 0n, ignorable: true }),
  },
})

export const consumerGroupTargetAssignmentMemberValue = defineMessage({
  name: 'ConsumerGroupTargetAssignmentMemberValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: { topicPartitions: f(array({ topicId: f(uuid), partitions: f(array(int32)) })) },
})

const partitionsWithEpochs = array({
  topicId: f(uuid),
  partitions: f(array(int32)),
  /** As long as `partitions`, or null in records from before 4.3. */
  assignmentEpochs: f(nullableArray(int32), { tag: 0, default: null }),
})

export const consumerGroupCurrentMemberAssignmentValue = defineMessage({
  name: 'ConsumerGroupCurrentMemberAssignmentValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    memberEpoch: f(int32),
    previousMemberEpoch: f(int32),
    state: f(int8),
    assignedPartitions: f(partitionsWithEpochs),
    partitionsPendingRevocation: f(partitionsWithEpochs),
  },
})

export const consumerGroupRegularExpressionValue = defineMessage({
  name: 'ConsumerGroupRegularExpressionValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: { topics: f(array(string)), version: f(int64), timestamp: f(int64) },
})
