// UpdateFeatures (KIP-584; KIP-778: kinds of downgrade and a dry run). Version 2 answers for all features at once.

import { defineApi } from '../message.ts'
import { array, boolean, f, int8, int16, int32, nullableString, string } from '../schema.ts'

export const updateFeatures = defineApi({
  key: 57,
  name: 'UpdateFeatures',
  versions: [0, 2],
  flexibleFrom: 0,
  request: {
    timeoutMs: f(int32, { default: 60_000 }),
    featureUpdates: f(
      array({
        feature: f(string),
        maxVersionLevel: f(int16),
        allowDowngrade: f(boolean, { until: 0 }),
        upgradeType: f(int8, { since: 1, default: 1 }),
      }),
    ),
    validateOnly: f(boolean, { since: 1, default: false }),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    errorCode: f(int16),
    errorMessage: f(nullableString),
    results: f(array({ feature: f(string), errorCode: f(int16), errorMessage: f(nullableString) }), {
      until: 1,
      ignorable: true,
    }),
  },
})
