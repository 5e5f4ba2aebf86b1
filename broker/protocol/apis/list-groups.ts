// ListGroups (KIP-518 states, KIP-848 types).

import { defineApi } from '../message.ts'
import { array, f, int16, int32, string } from '../schema.ts'

export const listGroups = defineApi({
  key: 16,
  name: 'ListGroups',
  versions: [0, 5],
  flexibleFrom: 3,
  request: {
    statesFilter: f(array(string), { since: 4 }),
    typesFilter: f(array(string), { since: 5 }),
  },
  response: {
    throttleTimeMs: f(int32, { since: 1, default: 0, ignorable: true }),
    errorCode: f(int16),
    groups: f(
      array({
        groupId: f(string),
        protocolType: f(string),
        groupState: f(string, { since: 4, ignorable: true }),
        groupType: f(string, { since: 5, ignorable: true }),
      }),
    ),
  },
})
