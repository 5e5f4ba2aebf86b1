// DescribeShareGroupOffsets (KIP-932): where share groups are in their partitions. Version 1 adds the lag (KIP-1226).

import { defineApi } from '../message.ts'
import { array, f, int16, int32, int64, nullableArray, nullableString, string, uuid } from '../schema.ts'

export const describeShareGroupOffsets = defineApi({
  key: 90,
  name: 'DescribeShareGroupOffsets',
  versions: [0, 1],
  flexibleFrom: 0,
  request: {
    groups: f(
      array({
        groupId: f(string),
        topics: f(nullableArray({ topicName: f(string), partitions: f(array(int32)) })),
      }),
    ),
  },
  response: {
    throttleTimeMs: f(int32),
    groups: f(
      array({
        groupId: f(string),
        topics: f(
          array({
            topicName: f(string),
            topicId: f(uuid),
            partitions: f(
              array({
                partitionIndex: f(int32),
                startOffset: f(int64),
                leaderEpoch: f(int32),
                lag: f(int64, { since: 1, default: -1n, ignorable: true }),
                errorCode: f(int16),
                errorMessage: f(nullableString, { default: null }),
              }),
            ),
          }),
        ),
        errorCode: f(int16),
        errorMessage: f(nullableString, { default: null }),
      }),
    ),
  },
})
