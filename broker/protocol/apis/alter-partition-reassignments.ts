// AlterPartitionReassignments (KIP-455, KIP-860 bound on the replication factor). Null replicas cancel.

import { defineApi } from '../message.ts'
import { array, boolean, f, int16, int32, nullableArray, nullableString, string } from '../schema.ts'

export const alterPartitionReassignments = defineApi({
  key: 45,
  name: 'AlterPartitionReassignments',
  versions: [0, 1],
  flexibleFrom: 0,
  request: {
    timeoutMs: f(int32, { default: 60000 }),
    allowReplicationFactorChange: f(boolean, { since: 1, default: true }),
    topics: f(
      array({
        name: f(string),
        partitions: f(
          array({ partitionIndex: f(int32), replicas: f(nullableArray(int32), { default: null }) }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    allowReplicationFactorChange: f(boolean, { since: 1, default: true, ignorable: true }),
    errorCode: f(int16),
    errorMessage: f(nullableString),
    responses: f(
      array({
        name: f(string),
        partitions: f(
          array({ partitionIndex: f(int32), errorCode: f(int16), errorMessage: f(nullableString) }),
        ),
      }),
    ),
  },
})
