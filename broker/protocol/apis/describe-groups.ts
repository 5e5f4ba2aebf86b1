// DescribeGroups (KIP-345, KIP-430 authorized operations, KIP-1043 unknown groups as errors).

import { defineApi } from '../message.ts'
import { array, boolean, bytes, f, int16, int32, nullableString, string } from '../schema.ts'

export const describeGroups = defineApi({
  key: 15,
  name: 'DescribeGroups',
  versions: [0, 6],
  flexibleFrom: 5,
  request: {
    groups: f(array(string)),
    includeAuthorizedOperations: f(boolean, { since: 3 }),
  },
  response: {
    throttleTimeMs: f(int32, { since: 1, default: 0, ignorable: true }),
    groups: f(
      array({
        errorCode: f(int16),
        errorMessage: f(nullableString, { since: 6, default: null }),
        groupId: f(string),
        groupState: f(string),
        protocolType: f(string),
        protocolData: f(string),
        members: f(
          array({
            memberId: f(string),
            groupInstanceId: f(nullableString, { since: 4, default: null, ignorable: true }),
            clientId: f(string),
            clientHost: f(string),
            memberMetadata: f(bytes),
            memberAssignment: f(bytes),
          }),
        ),
        authorizedOperations: f(int32, { since: 3, default: -2147483648 }),
      }),
    ),
  },
})
