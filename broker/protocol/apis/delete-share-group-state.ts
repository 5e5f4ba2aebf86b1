// DeleteShareGroupState (KIP-932): the state of share partitions is forgotten.

import { defineApi } from '../message.ts'
import { array, f, int16, int32, nullableString, string, uuid } from '../schema.ts'

export const deleteShareGroupState = defineApi({
  key: 86,
  name: 'DeleteShareGroupState',
  versions: [0, 0],
  flexibleFrom: 0,
  request: {
    groupId: f(string),
    topics: f(array({ topicId: f(uuid), partitions: f(array({ partition: f(int32) })) })),
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
