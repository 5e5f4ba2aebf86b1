// SaslHandshake: the client names its mechanism. From version 1 on the mechanism's tokens follow in SaslAuthenticate
// (KIP-152); before it they were frames without a header.

import { defineApi } from '../message.ts'
import { array, f, int16, string } from '../schema.ts'

export const saslHandshake = defineApi({
  key: 17,
  name: 'SaslHandshake',
  versions: [0, 1],
  flexibleFrom: null,
  request: {
    mechanism: f(string),
  },
  response: {
    errorCode: f(int16),
    mechanisms: f(array(string)),
  },
})
