// OffsetDelete (KIP-496). Never became flexible; its response begins with the error, unlike all others.

import { defineApi } from '../message.ts'
import { array, f, int16, int32, string } from '../schema.ts'

export const offsetDelete = defineApi({
  key: 47,
  name: 'OffsetDelete',
  versions: [0, 0],
  flexibleFrom: null,
  request: {
    groupId: f(string),
    topics: f(array({ name: f(string), partitions: f(array({ partitionIndex: f(int32) })) })),
  },
  response: {
    errorCode: f(int16),
    throttleTimeMs: f(int32, { default: 0, ignorable: true }),
    topics: f(
      array({
        name: f(string),
        partitions: f(array({ partitionIndex: f(int32), errorCode: f(int16) })),
      }),
    ),
  },
})
