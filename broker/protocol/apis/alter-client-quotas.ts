// AlterClientQuotas (KIP-546): sets and removes quotas of users, client ids and addresses.

import { defineApi } from '../message.ts'
import { array, boolean, f, float64, int16, int32, nullableString, string } from '../schema.ts'

const entity = array({ entityType: f(string), entityName: f(nullableString) })

export const alterClientQuotas = defineApi({
  key: 49,
  name: 'AlterClientQuotas',
  versions: [0, 1],
  flexibleFrom: 1,
  request: {
    entries: f(
      array({
        entity: f(entity),
        ops: f(array({ key: f(string), value: f(float64), remove: f(boolean) })),
      }),
    ),
    validateOnly: f(boolean),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    entries: f(array({ errorCode: f(int16), errorMessage: f(nullableString), entity: f(entity) })),
  },
})
