// CreateTopics (KIP-4; KIP-525 configs in the response; KIP-516 topic ids). -1 partitions or replicas mean the
// broker's default (KIP-464).

import { defineApi } from '../message.ts'
import {
  array,
  boolean,
  f,
  int8,
  int16,
  int32,
  nullableArray,
  nullableString,
  string,
  uuid,
} from '../schema.ts'

export const createTopics = defineApi({
  key: 19,
  name: 'CreateTopics',
  versions: [2, 7],
  flexibleFrom: 5,
  request: {
    topics: f(
      array({
        name: f(string),
        numPartitions: f(int32),
        replicationFactor: f(int16),
        assignments: f(array({ partitionIndex: f(int32), brokerIds: f(array(int32)) })),
        configs: f(array({ name: f(string), value: f(nullableString) })),
      }),
    ),
    timeoutMs: f(int32, { default: 60000 }),
    validateOnly: f(boolean, { since: 1, default: false }),
  },
  response: {
    throttleTimeMs: f(int32, { since: 2, default: 0, ignorable: true }),
    topics: f(
      array({
        name: f(string),
        topicId: f(uuid, { since: 7, ignorable: true }),
        errorCode: f(int16),
        errorMessage: f(nullableString, { since: 1, ignorable: true }),
        topicConfigErrorCode: f(int16, { since: 5, tag: 0, ignorable: true }),
        numPartitions: f(int32, { since: 5, default: -1, ignorable: true }),
        replicationFactor: f(int16, { since: 5, default: -1, ignorable: true }),
        configs: f(
          nullableArray({
            name: f(string),
            value: f(nullableString),
            readOnly: f(boolean),
            configSource: f(int8, { default: -1, ignorable: true }),
            isSensitive: f(boolean),
          }),
          { since: 5, ignorable: true },
        ),
      }),
    ),
  },
})
