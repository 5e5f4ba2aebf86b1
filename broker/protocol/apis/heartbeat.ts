// Heartbeat (KIP-345 static members).

import { defineApi } from '../message.ts'
import { f, int16, int32, nullableString, string } from '../schema.ts'

export const heartbeat = defineApi({
  key: 12,
  name: 'Heartbeat',
  versions: [0, 4],
  flexibleFrom: 4,
  request: {
    groupId: f(string),
    generationId: f(int32),
    memberId: f(string),
    groupInstanceId: f(nullableString, { since: 3, default: null }),
  },
  response: {
    throttleTimeMs: f(int32, { since: 1, default: 0, ignorable: true }),
    errorCode: f(int16),
  },
})
