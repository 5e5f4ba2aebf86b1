// OffsetCommit (KIP-98, KIP-320 leader epochs, KIP-345 static members, KIP-848 member epochs and topic ids).

import { defineApi } from '../message.ts'
import { array, f, int16, int32, int64, nullableString, string, uuid } from '../schema.ts'

export const offsetCommit = defineApi({
  key: 8,
  name: 'OffsetCommit',
  versions: [2, 10],
  flexibleFrom: 8,
  request: {
    groupId: f(string),
    generationIdOrMemberEpoch: f(int32, { since: 1, default: -1, ignorable: true }),
    memberId: f(string, { since: 1, ignorable: true }),
    groupInstanceId: f(nullableString, { since: 7, default: null }),
    retentionTimeMs: f(int64, { since: 2, until: 4, default: -1n, ignorable: true }),
    topics: f(
      array({
        name: f(string, { until: 9, ignorable: true }),
        topicId: f(uuid, { since: 10, ignorable: true }),
        partitions: f(
          array({
            partitionIndex: f(int32),
            committedOffset: f(int64),
            committedLeaderEpoch: f(int32, { since: 6, default: -1, ignorable: true }),
            committedMetadata: f(nullableString),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: f(int32, { since: 3, default: 0, ignorable: true }),
    topics: f(
      array({
        name: f(string, { until: 9, ignorable: true }),
        topicId: f(uuid, { since: 10, ignorable: true }),
        partitions: f(array({ partitionIndex: f(int32), errorCode: f(int16) })),
      }),
    ),
  },
})
