// InitializeShareGroupState (KIP-932): the share coordinator begins to keep the state of share partitions.

import { defineApi } from '../message.ts'
import { array, f, int16, int32, int64, nullableString, string, uuid } from '../schema.ts'

export const initializeShareGroupState = defineApi({
  key: 83,
  name: 'InitializeShareGroupState',
  versions: [0, 0],
  flexibleFrom: 0,
  request: {
    groupId: f(string),
    topics: f(
      array({
        topicId: f(uuid),
        partitions: f(array({ partition: f(int32), stateEpoch: f(int32), startOffset: f(int64) })),
      }),
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
          }),
        ),
      }),
    ),
  },
})
