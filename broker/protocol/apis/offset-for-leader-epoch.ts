// OffsetForLeaderEpoch (KIP-101, KIP-320 for consumers). Replica -2 is a debugging consumer, -1 a consumer.

import { defineApi } from '../message.ts'
import { array, f, int16, int32, int64, string } from '../schema.ts'

export const offsetForLeaderEpoch = defineApi({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  versions: [2, 4],
  flexibleFrom: 4,
  request: {
    replicaId: f(int32, { since: 3, default: -2, ignorable: true }),
    topics: f(
      array({
        topic: f(string),
        partitions: f(
          array({
            partition: f(int32),
            currentLeaderEpoch: f(int32, { since: 2, default: -1, ignorable: true }),
            leaderEpoch: f(int32),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: f(int32, { since: 2, default: 0, ignorable: true }),
    topics: f(
      array({
        topic: f(string),
        partitions: f(
          array({
            errorCode: f(int16),
            partition: f(int32),
            leaderEpoch: f(int32, { since: 1, default: -1, ignorable: true }),
            endOffset: f(int64, { default: -1n }),
          }),
        ),
      }),
    ),
  },
})
