// AlterShareGroupOffsets (KIP-932): an empty share group is told where to begin.

import { defineApi } from '../message.ts'
import { array, f, int16, int32, int64, nullableString, string, uuid } from '../schema.ts'

export const alterShareGroupOffsets = defineApi({
  key: 91,
  name: 'AlterShareGroupOffsets',
  versions: [0, 0],
  flexibleFrom: 0,
  request: {
    groupId: f(string),
    topics: f(
      array({
        topicName: f(string),
        partitions: f(array({ partitionIndex: f(int32), startOffset: f(int64) })),
      }),
    ),
  },
  response: {
    throttleTimeMs: f(int32),
    errorCode: f(int16),
    errorMessage: f(nullableString, { default: null }),
    responses: f(
      array({
        topicName: f(string),
        topicId: f(uuid),
        partitions: f(
          array({
            partitionIndex: f(int32),
            errorCode: f(int16),
            errorMessage: f(nullableString, { default: null }),
          }),
        ),
      }),
    ),
  },
})
