// Produce (KIP-98, KIP-467, KIP-951 leader hints, KIP-516 topic ids). Versions below 3 were removed in
// Kafka 4.0 but are still advertised, because librdkafka before 2.11.1 drops compression otherwise
// (KAFKA-18659); a request below 3 is refused like any version that is not served.

import { defineApi } from '../message.ts'
import { array, f, int16, int32, int64, nullableString, records, string, struct, uuid } from '../schema.ts'

export const produce = defineApi({
  key: 0,
  name: 'Produce',
  versions: [3, 13],
  advertisedVersions: [0, 13],
  flexibleFrom: 9,
  request: {
    transactionalId: f(nullableString, { since: 3, default: null }),
    acks: f(int16),
    timeoutMs: f(int32),
    topicData: f(
      array({
        name: f(string, { until: 12, ignorable: true }),
        topicId: f(uuid, { since: 13, ignorable: true }),
        partitionData: f(array({ index: f(int32), records: f(records) })),
      }),
    ),
  },
  response: {
    responses: f(
      array({
        name: f(string, { until: 12, ignorable: true }),
        topicId: f(uuid, { since: 13, ignorable: true }),
        partitionResponses: f(
          array({
            index: f(int32),
            errorCode: f(int16),
            baseOffset: f(int64),
            logAppendTimeMs: f(int64, { since: 2, default: -1n, ignorable: true }),
            logStartOffset: f(int64, { since: 5, default: -1n, ignorable: true }),
            recordErrors: f(
              array({ batchIndex: f(int32), batchIndexErrorMessage: f(nullableString, { default: null }) }),
              { since: 8, ignorable: true },
            ),
            errorMessage: f(nullableString, { since: 8, default: null, ignorable: true }),
            currentLeader: f(
              struct({ leaderId: f(int32, { default: -1 }), leaderEpoch: f(int32, { default: -1 }) }),
              { since: 10, tag: 0 },
            ),
          }),
        ),
      }),
    ),
    throttleTimeMs: f(int32, { since: 1, default: 0, ignorable: true }),
    nodeEndpoints: f(
      array({
        nodeId: f(int32),
        host: f(string),
        port: f(int32),
        rack: f(nullableString, { default: null }),
      }),
      { since: 10, tag: 0 },
    ),
  },
})
