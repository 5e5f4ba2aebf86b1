// AddOffsetsToTxn (KIP-98): the group's offsets partition becomes part of the transaction.

import { defineApi } from '../message.ts'
import { f, int16, int32, int64, string } from '../schema.ts'

export const addOffsetsToTxn = defineApi({
  key: 25,
  name: 'AddOffsetsToTxn',
  versions: [0, 4],
  flexibleFrom: 3,
  request: {
    transactionalId: f(string),
    producerId: f(int64),
    producerEpoch: f(int16),
    groupId: f(string),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    errorCode: f(int16),
  },
})
