// DeleteRecords (KIP-107). Offset -1 stands for the high watermark.

import { defineApi } from '../message.ts'
import { array, f, int16, int32, int64, string } from '../schema.ts'

export const deleteRecords = defineApi({
  key: 21,
  name: 'DeleteRecords',
  versions: [0, 2],
  flexibleFrom: 2,
  request: {
    topics: f(
      array({ name: f(string), partitions: f(array({ partitionIndex: f(int32), offset: f(int64) })) }),
    ),
    timeoutMs: f(int32),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    topics: f(
      array({
        name: f(string),
        partitions: f(array({ partitionIndex: f(int32), lowWatermark: f(int64), errorCode: f(int16) })),
      }),
    ),
  },
})
