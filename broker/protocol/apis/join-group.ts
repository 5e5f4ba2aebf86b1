// JoinGroup (KIP-62 rebalance timeout, KIP-345 static members, KIP-394 member ids first, KIP-559 protocol
// type, KIP-800 reason, KIP-814 skipped assignment).

import { defineApi } from '../message.ts'
import { array, boolean, bytes, f, int16, int32, nullableString, string } from '../schema.ts'

export const joinGroup = defineApi({
  key: 11,
  name: 'JoinGroup',
  versions: [0, 9],
  flexibleFrom: 6,
  request: {
    groupId: f(string),
    sessionTimeoutMs: f(int32),
    rebalanceTimeoutMs: f(int32, { since: 1, default: -1, ignorable: true }),
    memberId: f(string),
    groupInstanceId: f(nullableString, { since: 5, default: null }),
    protocolType: f(string),
    protocols: f(array({ name: f(string), metadata: f(bytes) })),
    reason: f(nullableString, { since: 8, default: null, ignorable: true }),
  },
  response: {
    throttleTimeMs: f(int32, { since: 2, default: 0, ignorable: true }),
    errorCode: f(int16),
    generationId: f(int32, { default: -1 }),
    protocolType: f(nullableString, { since: 7, default: null, ignorable: true }),
    protocolName: f(string, { nullableSince: 7 }),
    leader: f(string),
    skipAssignment: f(boolean, { since: 9, default: false }),
    memberId: f(string),
    members: f(
      array({
        memberId: f(string),
        groupInstanceId: f(nullableString, { since: 5, default: null, ignorable: true }),
        metadata: f(bytes),
      }),
    ),
  },
})
