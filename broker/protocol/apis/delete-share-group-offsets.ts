// DeleteShareGroupOffsets (KIP-932): an empty share group forgets topics.

import { defineApi } from '../message.ts'
import { array, f, int16, int32, nullableString, string, uuid } from '../schema.ts'

export const deleteShareGroupOffsets = defineApi({
  key: 92,
  name: 'DeleteShareGroupOffsets',
  versions: [0, 0],
  flexibleFrom: 0,
  request: { groupId: f(string), topics: f(array({ topicName: f(string) })) },
  response: {
    throttleTimeMs: f(int32),
    errorCode: f(int16),
    errorMessage: f(nullableString, { default: null }),
    responses: f(
      array({
        topicName: f(string),
        topicId: f(uuid),
        errorCode: f(int16),
        errorMessage: f(nullableString, { default: null }),
      }),
    ),
  },
})
