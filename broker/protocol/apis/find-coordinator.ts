// FindCoordinator (KIP-98 key types, KIP-699 several keys at once, KIP-932 share groups). Key types: 0 group,
// 1 transactional id, 2 share partition.

import { defineApi } from '../message.ts'
import { array, f, int8, int16, int32, nullableString, string } from '../schema.ts'

export const findCoordinator = defineApi({
  key: 10,
  name: 'FindCoordinator',
  versions: [0, 6],
  flexibleFrom: 3,
  request: {
    key: f(string, { until: 3 }),
    keyType: f(int8, { since: 1, default: 0 }),
    coordinatorKeys: f(array(string), { since: 4 }),
  },
  response: {
    throttleTimeMs: f(int32, { since: 1, default: 0, ignorable: true }),
    errorCode: f(int16, { until: 3 }),
    errorMessage: f(nullableString, { since: 1, until: 3, ignorable: true }),
    nodeId: f(int32, { until: 3 }),
    host: f(string, { until: 3 }),
    port: f(int32, { until: 3 }),
    coordinators: f(
      array({
        key: f(string),
        nodeId: f(int32),
        host: f(string),
        port: f(int32),
        errorCode: f(int16),
        errorMessage: f(nullableString, { ignorable: true }),
      }),
      { since: 4 },
    ),
  },
})
