// ListOffsets (KIP-79; KIP-207 leader epochs; KIP-734, KIP-405 and KIP-1005 special timestamps; KIP-1075
// timeout). Timestamps below zero are commands: -1 latest, -2 earliest, -3 largest timestamp, -4 earliest
// local, -5 latest tiered, -6 earliest pending upload.

import { defineApi } from '../message.ts'
import { array, f, int8, int16, int32, int64, string } from '../schema.ts'

export const listOffsets = defineApi({
  key: 2,
  name: 'ListOffsets',
  versions: [1, 11],
  flexibleFrom: 6,
  request: {
    replicaId: f(int32),
    isolationLevel: f(int8, { since: 2 }),
    topics: f(
      array({
        name: f(string),
        partitions: f(
          array({
            partitionIndex: f(int32),
            currentLeaderEpoch: f(int32, { since: 4, default: -1, ignorable: true }),
            timestamp: f(int64),
          }),
        ),
      }),
    ),
    timeoutMs: f(int32, { since: 10, ignorable: true }),
  },
  response: {
    throttleTimeMs: f(int32, { since: 2, default: 0, ignorable: true }),
    topics: f(
      array({
        name: f(string),
        partitions: f(
          array({
            partitionIndex: f(int32),
            errorCode: f(int16),
            timestamp: f(int64, { since: 1, default: -1n }),
            offset: f(int64, { since: 1, default: -1n }),
            leaderEpoch: f(int32, { since: 4, default: -1 }),
          }),
        ),
      }),
    ),
  },
})
