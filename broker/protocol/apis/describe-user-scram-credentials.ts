// DescribeUserScramCredentials (KIP-554): which users have a credential, never the credential.

import { defineApi } from '../message.ts'
import { array, f, int8, int16, int32, nullableArray, nullableString, string } from '../schema.ts'

export const describeUserScramCredentials = defineApi({
  key: 50,
  name: 'DescribeUserScramCredentials',
  versions: [0, 0],
  flexibleFrom: 0,
  request: {
    users: f(nullableArray({ name: f(string) })),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    errorCode: f(int16),
    errorMessage: f(nullableString),
    results: f(
      array({
        user: f(string),
        errorCode: f(int16),
        errorMessage: f(nullableString),
        credentialInfos: f(array({ mechanism: f(int8), iterations: f(int32) })),
      }),
    ),
  },
})
