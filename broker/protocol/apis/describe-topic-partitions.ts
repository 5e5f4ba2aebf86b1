// DescribeTopicPartitions (KIP-966): Metadata in pages. No topics ask for all; the cursor is where the next
// page begins.

import { defineApi } from '../message.ts'
import {
  array,
  boolean,
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

const cursor = nullable(struct({ topicName: f(string), partitionIndex: f(int32) }))

export const describeTopicPartitions = defineApi({
  key: 75,
  name: 'DescribeTopicPartitions',
  versions: [0, 0],
  flexibleFrom: 0,
  request: {
    topics: f(array({ name: f(string) })),
    responsePartitionLimit: f(int32, { default: 2000 }),
    cursor: f(cursor, { default: null }),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0, ignorable: true }),
    topics: f(
      array({
        errorCode: f(int16),
        name: f(nullableString),
        topicId: f(uuid, { ignorable: true }),
        isInternal: f(boolean, { default: false, ignorable: true }),
        partitions: f(
          array({
            errorCode: f(int16),
            partitionIndex: f(int32),
            leaderId: f(int32),
            leaderEpoch: f(int32, { default: -1, ignorable: true }),
            replicaNodes: f(array(int32)),
            isrNodes: f(array(int32)),
            eligibleLeaderReplicas: f(nullableArray(int32), { default: null }),
            lastKnownElr: f(nullableArray(int32), { default: null }),
            offlineReplicas: f(array(int32), { ignorable: true }),
          }),
        ),
        topicAuthorizedOperations: f(int32, { default: -2147483648 }),
      }),
    ),
    nextCursor: f(cursor, { default: null }),
  },
})
