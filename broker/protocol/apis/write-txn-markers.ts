// WriteTxnMarkers (KIP-98; KIP-1228 transaction version): from the transaction coordinator to the leaders.

import { defineApi } from '../message.ts'
import { array, boolean, f, int8, int16, int32, int64, string } from '../schema.ts'

export const writeTxnMarkers = defineApi({
  key: 27,
  name: 'WriteTxnMarkers',
  versions: [1, 2],
  flexibleFrom: 1,
  request: {
    markers: f(
      array({
        producerId: f(int64),
        producerEpoch: f(int16),
        transactionResult: f(boolean),
        topics: f(array({ name: f(string), partitionIndexes: f(array(int32)) })),
        coordinatorEpoch: f(int32),
        transactionVersion: f(int8, { since: 2, default: 0, ignorable: true }),
      }),
    ),
  },
  response: {
    markers: f(
      array({
        producerId: f(int64),
        topics: f(
          array({
            name: f(string),
            partitions: f(array({ partitionIndex: f(int32), errorCode: f(int16) })),
          }),
        ),
      }),
    ),
  },
})
