// CreatePartitions (KIP-195). `count` is the new total; null assignments leave the placing to the broker.

import { defineApi } from '../message.ts'
import { array, boolean, f, int16, int32, nullableArray, nullableString, string } from '../schema.ts'

export const createPartitions = defineApi({
  key: 37,
  name: 'CreatePartitions',
  versions: [0, 3],
  flexibleFrom: 2,
  request: {
    topics: f(
      array({
        name: f(string),
        count: f(int32),
        assignments: f(nullableArray({ brokerIds: f(array(int32)) })),
      }),
    ),
    timeoutMs: f(int32),
    validateOnly: f(boolean),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    results: f(
      array({ name: f(string), errorCode: f(int16), errorMessage: f(nullableString, { default: null }) }),
    ),
  },
})
