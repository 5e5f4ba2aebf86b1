// ReadShareGroupStateSummary (KIP-932): where share partitions begin. Version 1 adds how many of the records in flight
// are done with (KIP-1226).

import { defineApi } from '../message.ts'
import { array, f, int16, int32, int64, nullableString, string, uuid } from '../schema.ts'

export const readShareGroupStateSummary = defineApi({
  key: 87,
  name: 'ReadShareGroupStateSummary',
  versions: [0, 1],
  flexibleFrom: 0,
  request: {
    groupId: f(string),
    topics: f(
      array({ topicId: f(uuid), partitions: f(array({ partition: f(int32), leaderEpoch: f(int32) })) }),
    ),
  },
  response: {
    results: f(
      array({
        topicId: f(uuid),
        partitions: f(
          array({
            partition: f(int32),
            errorCode: f(int16),
            errorMessage: f(nullableString, { default: null }),
            stateEpoch: f(int32),
            leaderEpoch: f(int32),
            startOffset: f(int64),
            deliveryCompleteCount: f(int32, { since: 1, default: -1, ignorable: true }),
          }),
        ),
      }),
    ),
  },
})
