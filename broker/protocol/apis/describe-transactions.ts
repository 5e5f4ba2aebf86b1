// DescribeTransactions (KIP-664).

import { defineApi } from '../message.ts'
import { array, f, int16, int32, int64, string } from '../schema.ts'

export const describeTransactions = defineApi({
  key: 65,
  name: 'DescribeTransactions',
  versions: [0, 0],
  flexibleFrom: 0,
  request: {
    transactionalIds: f(array(string)),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    transactionStates: f(
      array({
        errorCode: f(int16),
        transactionalId: f(string),
        transactionState: f(string),
        transactionTimeoutMs: f(int32),
        transactionStartTimeMs: f(int64),
        producerId: f(int64),
        producerEpoch: f(int16),
        topics: f(array({ topic: f(string), partitions: f(array(int32)) })),
      }),
    ),
  },
})
