// InitProducerId (KIP-98, KIP-360 epochs, KIP-939 two-phase commit). Version 6 is not stable in this release:
// the codec reads it, nobody is told of it.

import { defineApi } from '../message.ts'
import { boolean, f, int16, int32, int64, nullableString } from '../schema.ts'

export const initProducerId = defineApi({
  key: 22,
  name: 'InitProducerId',
  versions: [0, 6],
  servedVersions: [0, 5],
  flexibleFrom: 2,
  request: {
    transactionalId: f(nullableString),
    transactionTimeoutMs: f(int32),
    producerId: f(int64, { since: 3, default: -1n }),
    producerEpoch: f(int16, { since: 3, default: -1 }),
    enable2Pc: f(boolean, { since: 6, default: false }),
    keepPreparedTxn: f(boolean, { since: 6, default: false }),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0, ignorable: true }),
    errorCode: f(int16),
    producerId: f(int64, { default: -1n }),
    producerEpoch: f(int16),
    ongoingTxnProducerId: f(int64, { since: 6, default: -1n }),
    ongoingTxnProducerEpoch: f(int16, { since: 6, default: -1 }),
  },
})
