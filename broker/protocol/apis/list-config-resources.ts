// ListConfigResources (KIP-714 as ListClientMetricsResources, KIP-1142 all types): what configuration can be asked for.

import { defineApi } from '../message.ts'
import { array, f, int8, int16, int32, string } from '../schema.ts'

export const listConfigResources = defineApi({
  key: 74,
  name: 'ListConfigResources',
  versions: [0, 1],
  flexibleFrom: 0,
  request: { resourceTypes: f(array(int8), { since: 1 }) },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    errorCode: f(int16),
    configResources: f(
      array({
        resourceName: f(string),
        resourceType: f(int8, { since: 1, default: 16, ignorable: true }),
      }),
    ),
  },
})
