// ConsumerGroupHeartbeat (KIP-848): joins, stays in and leaves a consumer group of the new protocol. A field that
// is null did not change since the last heartbeat. From version 1 on the member makes its own id (KIP-1082).

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

const topicPartitions = { topicId: f(uuid), partitions: f(array(int32)) }

export const consumerGroupHeartbeat = defineApi({
  key: 68,
  name: 'ConsumerGroupHeartbeat',
  versions: [0, 1],
  flexibleFrom: 0,
  request: {
    groupId: f(string),
    memberId: f(string),
    memberEpoch: f(int32),
    instanceId: f(nullableString, { default: null }),
    rackId: f(nullableString, { default: null }),
    rebalanceTimeoutMs: f(int32, { default: -1 }),
    subscribedTopicNames: f(nullableArray(string), { default: null }),
    subscribedTopicRegex: f(nullableString, { since: 1, default: null }),
    serverAssignor: f(nullableString, { default: null }),
    topicPartitions: f(nullableArray(topicPartitions), { default: null }),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    errorCode: f(int16),
    errorMessage: f(nullableString, { default: null }),
    memberId: f(nullableString, { default: null }),
    memberEpoch: f(int32),
    heartbeatIntervalMs: f(int32),
    assignment: f(nullable(struct({ topicPartitions: f(array(topicPartitions)) })), { default: null }),
  },
})
