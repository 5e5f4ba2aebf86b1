// LeaveGroup (KIP-345 several members at once, KIP-800 reason).

import { defineApi } from '../message.ts'
import { array, f, int16, int32, nullableString, string } from '../schema.ts'

export const leaveGroup = defineApi({
  key: 13,
  name: 'LeaveGroup',
  versions: [0, 5],
  flexibleFrom: 4,
  request: {
    groupId: f(string),
    memberId: f(string, { until: 2 }),
    members: f(
      array({
        memberId: f(string),
        groupInstanceId: f(nullableString, { default: null }),
        reason: f(nullableString, { since: 5, default: null, ignorable: true }),
      }),
      { since: 3 },
    ),
  },
  response: {
    throttleTimeMs: f(int32, { since: 1, default: 0, ignorable: true }),
    errorCode: f(int16),
    members: f(array({ memberId: f(string), groupInstanceId: f(nullableString), errorCode: f(int16) }), {
      since: 3,
    }),
  },
})
