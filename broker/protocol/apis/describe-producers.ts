// DescribeProducers (KIP-664).

import { defineApi } from '../message.ts'
import { array, f, int16, int32, int64, nullableString, string } from '../schema.ts'

export const describeProducers = defineApi({
  key: 61,
  name: 'DescribeProducers',
  versions: [0, 0],
  flexibleFrom: 0,
  request: {
    topics: f(array({ name: f(string), partitionIndexes: f(array(int32)) })),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    topics: f(
      array({
        name: f(string),
        partitions: f(
          array({
            partitionIndex: f(int32),
            errorCode: f(int16),
            errorMessage: f(nullableString, { default: null }),
            activeProducers: f(
              array({
                producerId: f(int64),
                producerEpoch: f(int32),
                lastSequence: f(int32, { default: -1 }),
                lastTimestamp: f(int64, { default: -1n }),
                coordinatorEpoch: f(int32),
                currentTxnStartOffset: f(int64, { default: -1n }),
              }),
            ),
          }),
        ),
      }),
    ),
  },
})
