// ListTransactions (KIP-664, KIP-994 duration, KIP-1152 pattern).

import { defineApi } from '../message.ts'
import { array, f, int16, int32, int64, nullableString, string } from '../schema.ts'

export const listTransactions = defineApi({
  key: 66,
  name: 'ListTransactions',
  versions: [0, 2],
  flexibleFrom: 0,
  request: {
    stateFilters: f(array(string)),
    producerIdFilters: f(array(int64)),
    durationFilter: f(int64, { since: 1, default: -1n }),
    transactionalIdPattern: f(nullableString, { since: 2, default: null }),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    errorCode: f(int16),
    unknownStateFilters: f(array(string)),
    transactionStates: f(
      array({ transactionalId: f(string), producerId: f(int64), transactionState: f(string) }),
    ),
  },
})
