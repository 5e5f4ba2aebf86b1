// DeleteGroups (KIP-229).

import { defineApi } from '../message.ts'
import { array, f, int16, int32, string } from '../schema.ts'

export const deleteGroups = defineApi({
  key: 42,
  name: 'DeleteGroups',
  versions: [0, 2],
  flexibleFrom: 2,
  request: {
    groupsNames: f(array(string)),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    results: f(array({ groupId: f(string), errorCode: f(int16) })),
  },
})
