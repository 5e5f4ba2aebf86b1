// SaslAuthenticate: one token of the mechanism there, and one back (KIP-152). How long the session holds is told from
// version 1 on (KIP-368).

import { defineApi } from '../message.ts'
import { bytes, f, int16, int64, nullableString } from '../schema.ts'

export const saslAuthenticate = defineApi({
  key: 36,
  name: 'SaslAuthenticate',
  versions: [0, 2],
  flexibleFrom: 2,
  request: {
    authBytes: f(bytes),
  },
  response: {
    errorCode: f(int16),
    errorMessage: f(nullableString),
    authBytes: f(bytes),
    sessionLifetimeMs: f(int64, { since: 1, default: 0n, ignorable: true }),
  },
})
