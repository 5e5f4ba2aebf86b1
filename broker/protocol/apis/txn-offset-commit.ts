// TxnOffsetCommit (KIP-98, KIP-447 group metadata, KIP-890).

import { defineApi } from '../message.ts'
import { array, f, int16, int32, int64, nullableString, string } from '../schema.ts'

export const txnOffsetCommit = defineApi({
  key: 28,
  name: 'TxnOffsetCommit',
  versions: [0, 5],
  flexibleFrom: 3,
  request: {
    transactionalId: f(string),
    groupId: f(string),
    producerId: f(int64),
    producerEpoch: f(int16),
    generationId: f(int32, { since: 3, default: -1 }),
    memberId: f(string, { since: 3, default: '' }),
    groupInstanceId: f(nullableString, { since: 3, default: null }),
    topics: f(
      array({
        name: f(string),
        partitions: f(
          array({
            partitionIndex: f(int32),
            committedOffset: f(int64),
            committedLeaderEpoch: f(int32, { since: 2, default: -1, ignorable: true }),
            committedMetadata: f(nullableString),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    topics: f(
      array({
        name: f(string),
        partitions: f(array({ partitionIndex: f(int32), errorCode: f(int16) })),
      }),
    ),
  },
})
