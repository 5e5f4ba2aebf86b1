// ReadShareGroupState (KIP-932): the leader of a partition asks for what is kept of a share partition, and fences
// leaders before it.

import { defineApi } from '../message.ts'
import { array, f, int16, int32, int64, int8, nullableString, string, uuid } from '../schema.ts'

export const readShareGroupState = defineApi({
  key: 84,
  name: 'ReadShareGroupState',
  versions: [0, 0],
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
            startOffset: f(int64),
            stateBatches: f(
              array({
                firstOffset: f(int64),
                lastOffset: f(int64),
                deliveryState: f(int8),
                deliveryCount: f(int16),
              }),
            ),
          }),
        ),
      }),
    ),
  },
})
