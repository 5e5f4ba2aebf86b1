// SyncGroup (KIP-345 static members, KIP-559 protocol type and name).

import { defineApi } from '../message.ts'
import { array, bytes, f, int16, int32, nullableString, string } from '../schema.ts'

export const syncGroup = defineApi({
  key: 14,
  name: 'SyncGroup',
  versions: [0, 5],
  flexibleFrom: 4,
  request: {
    groupId: f(string),
    generationId: f(int32),
    memberId: f(string),
    groupInstanceId: f(nullableString, { since: 3, default: null }),
    protocolType: f(nullableString, { since: 5, default: null, ignorable: true }),
    protocolName: f(nullableString, { since: 5, default: null, ignorable: true }),
    assignments: f(array({ memberId: f(string), assignment: f(bytes) })),
  },
  response: {
    throttleTimeMs: f(int32, { since: 1, default: 0, ignorable: true }),
    errorCode: f(int16),
    protocolType: f(nullableString, { since: 5, default: null, ignorable: true }),
    protocolName: f(nullableString, { since: 5, default: null, ignorable: true }),
    assignment: f(bytes),
  },
})
