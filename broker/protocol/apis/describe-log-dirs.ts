// DescribeLogDirs (KIP-113, KIP-827 sizes, KIP-1066 cordoned directories). Null topics ask for all.

import { defineApi } from '../message.ts'
import { array, boolean, f, int16, int32, int64, nullableArray, string } from '../schema.ts'

export const describeLogDirs = defineApi({
  key: 35,
  name: 'DescribeLogDirs',
  versions: [1, 5],
  flexibleFrom: 2,
  request: {
    topics: f(nullableArray({ topic: f(string), partitions: f(array(int32)) })),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    errorCode: f(int16, { since: 3, ignorable: true }),
    results: f(
      array({
        errorCode: f(int16),
        logDir: f(string),
        topics: f(
          array({
            name: f(string),
            partitions: f(
              array({
                partitionIndex: f(int32),
                partitionSize: f(int64),
                offsetLag: f(int64),
                isFutureKey: f(boolean),
              }),
            ),
          }),
        ),
        totalBytes: f(int64, { since: 4, default: -1n, ignorable: true }),
        usableBytes: f(int64, { since: 4, default: -1n, ignorable: true }),
        isCordoned: f(boolean, { since: 5, default: false, ignorable: true }),
      }),
    ),
  },
})
