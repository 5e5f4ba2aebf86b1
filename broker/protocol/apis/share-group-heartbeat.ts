// ShareGroupHeartbeat (KIP-932): a share consumer joins with the topics it subscribes to, hears which partitions it may
// fetch from, and leaves (epoch -1), all by one request.

import { defineApi } from '../message.ts'
import {
  array,
  f,
  int16,
  int32,
  nullable,
  nullableArray,
  nullableString,
  string,
  struct,
  uuid,
} from '../schema.ts'

export const shareGroupHeartbeat = defineApi({
  key: 76,
  name: 'ShareGroupHeartbeat',
  versions: [1, 1],
  flexibleFrom: 0,
  request: {
    groupId: f(string),
    memberId: f(string),
    memberEpoch: f(int32),
    rackId: f(nullableString, { default: null }),
    subscribedTopicNames: f(nullableArray(string), { default: null }),
  },
  response: {
    throttleTimeMs: f(int32),
    errorCode: f(int16),
    errorMessage: f(nullableString, { default: null }),
    memberId: f(nullableString, { default: null }),
    memberEpoch: f(int32),
    heartbeatIntervalMs: f(int32),
    assignment: f(
      nullable(struct({ topicPartitions: f(array({ topicId: f(uuid), partitions: f(array(int32)) })) })),
      { default: null },
    ),
  },
})
