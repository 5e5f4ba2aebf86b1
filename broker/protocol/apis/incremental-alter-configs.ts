// IncrementalAlterConfigs (KIP-339). Operations: 0 set, 1 delete, 2 append, 3 subtract.

import { defineApi } from '../message.ts'
import { array, boolean, f, int8, int16, int32, nullableString, string } from '../schema.ts'

export const incrementalAlterConfigs = defineApi({
  key: 44,
  name: 'IncrementalAlterConfigs',
  versions: [0, 1],
  flexibleFrom: 1,
  request: {
    resources: f(
      array({
        resourceType: f(int8),
        resourceName: f(string),
        configs: f(array({ name: f(string), configOperation: f(int8), value: f(nullableString) })),
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
