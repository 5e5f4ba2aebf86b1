// EndTxn (KIP-98; KIP-890: version 5 bumps the epoch and returns the next producer id and epoch).

import { defineApi } from '../message.ts'
import { boolean, f, int16, int32, int64, string } from '../schema.ts'

export const endTxn = defineApi({
  key: 26,
  name: 'EndTxn',
  versions: [0, 5],
  flexibleFrom: 3,
  request: {
    transactionalId: f(string),
    producerId: f(int64),
    producerEpoch: f(int16),
    committed: f(boolean),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    errorCode: f(int16),
    producerId: f(int64, { since: 5, default: -1n, ignorable: true }),
    producerEpoch: f(int16, { since: 5, default: -1, ignorable: true }),
  },
})
