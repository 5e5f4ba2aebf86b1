// ShareGroupDescribe (KIP-932): members of share groups and what is assigned to them.

import { defineApi } from '../message.ts'
import { array, boolean, f, int16, int32, nullableString, string, struct, uuid } from '../schema.ts'

export const shareGroupDescribe = defineApi({
  key: 77,
  name: 'ShareGroupDescribe',
  versions: [1, 1],
  flexibleFrom: 0,
  request: { groupIds: f(array(string)), includeAuthorizedOperations: f(boolean) },
  response: {
    throttleTimeMs: f(int32),
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
            rackId: f(nullableString, { default: null }),
            memberEpoch: f(int32),
            clientId: f(string),
            clientHost: f(string),
            subscribedTopicNames: f(array(string)),
            assignment: f(
              struct({
                topicPartitions: f(
                  array({ topicId: f(uuid), topicName: f(string), partitions: f(array(int32)) }),
                ),
              }),
            ),
          }),
        ),
        authorizedOperations: f(int32, { default: -2147483648 }),
      }),
    ),
  },
})
