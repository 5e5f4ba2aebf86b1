// ShareAcknowledge (KIP-932): tells what became of acquired records. Version 2 adds renewed locks (KIP-1222).

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
  string,
  struct,
  uuid,
} from '../schema.ts'

export const shareAcknowledge = defineApi({
  key: 79,
  name: 'ShareAcknowledge',
  versions: [1, 2],
  flexibleFrom: 0,
  request: {
    groupId: f(nullableString, { default: null }),
    memberId: f(nullableString),
    shareSessionEpoch: f(int32),
    isRenewAck: f(boolean, { since: 2, default: false }),
    topics: f(
      array({
        topicId: f(uuid),
        partitions: f(
          array({
            partitionIndex: f(int32),
            acknowledgementBatches: f(
              array({ firstOffset: f(int64), lastOffset: f(int64), acknowledgeTypes: f(array(int8)) }),
            ),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: f(int32),
    errorCode: f(int16),
    errorMessage: f(nullableString, { default: null }),
    acquisitionLockTimeoutMs: f(int32, { since: 2, ignorable: true }),
    responses: f(
      array({
        topicId: f(uuid),
        partitions: f(
          array({
            partitionIndex: f(int32),
            errorCode: f(int16),
            errorMessage: f(nullableString, { default: null }),
            currentLeader: f(struct({ leaderId: f(int32), leaderEpoch: f(int32) })),
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
