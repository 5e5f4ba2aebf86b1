// UnregisterBroker (KIP-500): a broker that is gone for good leaves the metadata.

import { defineApi } from '../message.ts'
import { f, int16, int32, nullableString } from '../schema.ts'

export const unregisterBroker = defineApi({
  key: 64,
  name: 'UnregisterBroker',
  versions: [0, 0],
  flexibleFrom: 0,
  request: { brokerId: f(int32) },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    errorCode: f(int16),
    errorMessage: f(nullableString),
  },
})
