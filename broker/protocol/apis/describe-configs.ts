// DescribeConfigs (KIP-133, KIP-226 sources and synonyms, KIP-569 types and documentation). Resource types:
// 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group. Null keys ask for all.

import { defineApi } from '../message.ts'
import { array, boolean, f, int8, int16, int32, nullableArray, nullableString, string } from '../schema.ts'

export const describeConfigs = defineApi({
  key: 32,
  name: 'DescribeConfigs',
  versions: [1, 4],
  flexibleFrom: 4,
  request: {
    resources: f(
      array({
        resourceType: f(int8),
        resourceName: f(string),
        configurationKeys: f(nullableArray(string)),
      }),
    ),
    includeSynonyms: f(boolean, { since: 1, default: false }),
    includeDocumentation: f(boolean, { since: 3, default: false }),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    results: f(
      array({
        errorCode: f(int16),
        errorMessage: f(nullableString),
        resourceType: f(int8),
        resourceName: f(string),
        configs: f(
          array({
            name: f(string),
            value: f(nullableString),
            readOnly: f(boolean),
            configSource: f(int8, { since: 1, default: -1, ignorable: true }),
            isSensitive: f(boolean),
            synonyms: f(array({ name: f(string), value: f(nullableString), source: f(int8) }), {
              since: 1,
              ignorable: true,
            }),
            configType: f(int8, { since: 3, default: 0, ignorable: true }),
            documentation: f(nullableString, { since: 3, ignorable: true }),
          }),
        ),
      }),
    ),
  },
})
