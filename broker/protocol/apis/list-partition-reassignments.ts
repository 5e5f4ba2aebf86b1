// ListPartitionReassignments (KIP-455). Null topics ask for every reassignment that is under way.

import { defineApi } from '../message.ts'
import { array, f, int16, int32, nullableArray, nullableString, string } from '../schema.ts'

export const listPartitionReassignments = defineApi({
  key: 46,
  name: 'ListPartitionReassignments',
  versions: [0, 0],
  flexibleFrom: 0,
  request: {
    timeoutMs: f(int32, { default: 60000 }),
    topics: f(nullableArray({ name: f(string), partitionIndexes: f(array(int32)) }), { default: null }),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    errorCode: f(int16),
    errorMessage: f(nullableString),
    topics: f(
      array({
        name: f(string),
        partitions: f(
          array({
            partitionIndex: f(int32),
            replicas: f(array(int32)),
            addingReplicas: f(array(int32)),
            removingReplicas: f(array(int32)),
          }),
        ),
      }),
    ),
  },
})
