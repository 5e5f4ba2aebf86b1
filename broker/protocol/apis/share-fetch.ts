// ShareFetch (KIP-932): records are acquired for one member, and what it is done with is acknowledged by the way.
// Version 2 adds the record limit (KIP-1206) and renewed locks (KIP-1222).

import { defineApi } from '../message.ts'
import {
  array,
  boolean,
  f,
  int16,
  int32,
  int64,
  int8,
  nullableString,
  records,
  string,
  struct,
  uuid,
} from '../schema.ts'

export const shareFetch = defineApi({
  key: 78,
  name: 'ShareFetch',
  versions: [1, 2],
  flexibleFrom: 0,
  request: {
    groupId: f(nullableString, { default: null }),
    memberId: f(nullableString),
    shareSessionEpoch: f(int32),
    maxWaitMs: f(int32),
    minBytes: f(int32),
    maxBytes: f(int32, { default: 0x7fffffff }),
    maxRecords: f(int32),
    batchSize: f(int32),
    shareAcquireMode: f(int8, { since: 2, default: 0, ignorable: true }),
    isRenewAck: f(boolean, { since: 2, default: false }),
    topics: f(
      array({
        topicId: f(uuid),
        partitions: f(
          array({
            partitionIndex: f(int32),
            partitionMaxBytes: f(int32, { until: 0 }),
            acknowledgementBatches: f(
              array({ firstOffset: f(int64), lastOffset: f(int64), acknowledgeTypes: f(array(int8)) }),
            ),
          }),
        ),
      }),
    ),
    forgottenTopicsData: f(array({ topicId: f(uuid), partitions: f(array(int32)) })),
  },
  response: {
    throttleTimeMs: f(int32),
    errorCode: f(int16),
    errorMessage: f(nullableString, { default: null }),
    acquisitionLockTimeoutMs: f(int32),
    responses: f(
      array({
        topicId: f(uuid),
        partitions: f(
          array({
            partitionIndex: f(int32),
            errorCode: f(int16),
            errorMessage: f(nullableString, { default: null }),
            acknowledgeErrorCode: f(int16),
            acknowledgeErrorMessage: f(nullableString, { default: null }),
            currentLeader: f(struct({ leaderId: f(int32), leaderEpoch: f(int32) })),
            records: f(records),
            acquiredRecords: f(
              array({ firstOffset: f(int64), lastOffset: f(int64), deliveryCount: f(int16) }),
            ),
          }),
        ),
      }),
    ),
    nodeEndpoints: f(
      array({
        nodeId: f(int32),
        host: f(string),
        port: f(int32),
        rack: f(nullableString, { default: null }),
      }),
    ),
  },
})
