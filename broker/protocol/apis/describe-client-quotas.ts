// DescribeClientQuotas (KIP-546): what is set for users, client ids and addresses.

import { defineApi } from '../message.ts'
import {
  array,
  boolean,
  f,
  float64,
  int8,
  int16,
  int32,
  nullableArray,
  nullableString,
  string,
} from '../schema.ts'

export const describeClientQuotas = defineApi({
  key: 48,
  name: 'DescribeClientQuotas',
  versions: [0, 1],
  flexibleFrom: 1,
  request: {
    components: f(array({ entityType: f(string), matchType: f(int8), match: f(nullableString) })),
    strict: f(boolean),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    errorCode: f(int16),
    errorMessage: f(nullableString),
    entries: f(
      nullableArray({
        entity: f(array({ entityType: f(string), entityName: f(nullableString) })),
        values: f(array({ key: f(string), value: f(float64) })),
      }),
    ),
  },
})
