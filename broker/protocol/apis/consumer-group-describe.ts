// ConsumerGroupDescribe (KIP-848): a consumer group of the new protocol with its members and their assignments.
// Version 1 says of which protocol a member is (KIP-1099).

import { defineApi } from '../message.ts'
import { array, boolean, f, int16, int32, int8, nullableString, string, struct, uuid } from '../schema.ts'

const assignment = struct({
  topicPartitions: f(array({ topicId: f(uuid), topicName: f(string), partitions: f(array(int32)) })),
})

export const consumerGroupDescribe = defineApi({
  key: 69,
  name: 'ConsumerGroupDescribe',
  versions: [0, 1],
  flexibleFrom: 0,
  request: {
    groupIds: f(array(string)),
    includeAuthorizedOperations: f(boolean),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    groups: f(
      array({
        errorCode: f(int16),
        errorMessage: f(nullableString, { default: null }),
        groupId: f(string),
        groupState: f(string),
        groupEpoch: f(int32),
        assignmentEpoch: f(int32),
        assignorName: f(string),
        members: f(
          array({
            memberId: f(string),
            instanceId: f(nullableString, { default: null }),
            rackId: f(nullableString, { default: null }),
            memberEpoch: f(int32),
            clientId: f(string),
            clientHost: f(string),
            subscribedTopicNames: f(array(string)),
            subscribedTopicRegex: f(nullableString, { default: null }),
            assignment: f(assignment),
            targetAssignment: f(assignment),
            memberType: f(int8, { since: 1, default: -1, ignorable: true }),
          }),
        ),
        authorizedOperations: f(int32, { default: -2147483648 }),
      }),
    ),
  },
})
