// Records of __transaction_state, preceded by an int16 version (`versioned.ts`), and the value of the control
// record that ends a transaction in a partition. Version 1 of the value is written from transaction.version 2
// on (KIP-890). Statuses: 0 empty, 1 ongoing, 2 prepare commit, 3 prepare abort, 4 complete commit,
// 5 complete abort, 6 dead, 7 prepare epoch fence.

import { defineMessage } from '../message.ts'
import { array, f, int8, int16, int32, int64, nullableArray, string } from '../schema.ts'

export const transactionLogKey = defineMessage({
  name: 'TransactionLogKey',
  versions: [0, 0],
  flexibleFrom: null,
  fields: { transactionalId: f(string) },
})

export const transactionLogValue = defineMessage({
  name: 'TransactionLogValue',
  versions: [0, 1],
  flexibleFrom: 1,
  fields: {
    producerId: f(int64),
    previousProducerId: f(int64, { since: 1, tag: 0, default: -1n }),
    nextProducerId: f(int64, { since: 1, tag: 1, default: -1n }),
    producerEpoch: f(int16),
    transactionTimeoutMs: f(int32),
    transactionStatus: f(int8),
    transactionPartitions: f(nullableArray({ topic: f(string), partitionIds: f(array(int32)) })),
    transactionLastUpdateTimestampMs: f(int64),
    transactionStartTimestampMs: f(int64),
    clientTransactionVersion: f(int16, { since: 1, tag: 2, default: 0 }),
  },
})

export const endTxnMarker = defineMessage({
  name: 'EndTxnMarker',
  versions: [0, 0],
  flexibleFrom: null,
  fields: { coordinatorEpoch: f(int32) },
})
