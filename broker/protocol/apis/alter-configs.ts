// AlterConfigs (KIP-133): replaces all of a resource's configs; IncrementalAlterConfigs took its place.

import { defineApi } from '../message.ts'
import { array, boolean, f, int8, int16, int32, nullableString, string } from '../schema.ts'

export const alterConfigs = defineApi({
  key: 33,
  name: 'AlterConfigs',
  versions: [0, 2],
  flexibleFrom: 2,
  request: {
    resources: f(
      array({
        resourceType: f(int8),
        resourceName: f(string),
        configs: f(array({ name: f(string), value: f(nullableString) })),
      }),
    ),
    validateOnly: f(boolean),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    responses: f(
      array({
        errorCode: f(int16),
        errorMessage: f(nullableString),
        resourceType: f(int8),
        resourceName: f(string),
      }),
    ),
  },
})
