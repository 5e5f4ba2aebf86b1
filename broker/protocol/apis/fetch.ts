// Fetch (KIP-74 size limits, KIP-98 aborted transactions, KIP-227 sessions, KIP-392 preferred replica,
// KIP-516 topic ids, KIP-595 diverging epochs and snapshots, KIP-951 leader hints).

import { defineApi } from '../message.ts'
import {
  array,
  f,
  int8,
  int16,
  int32,
  int64,
  nullableArray,
  nullableString,
  records,
  string,
  struct,
  uuid,
} from '../schema.ts'

export const fetch = defineApi({
  key: 1,
  name: 'Fetch',
  versions: [4, 18],
  flexibleFrom: 12,
  request: {
    clusterId: f(nullableString, { since: 12, tag: 0, default: null, ignorable: true }),
    replicaId: f(int32, { until: 14, default: -1 }),
    replicaState: f(
      struct({ replicaId: f(int32, { default: -1 }), replicaEpoch: f(int64, { default: -1n }) }),
      { since: 15, tag: 1 },
    ),
    maxWaitMs: f(int32),
    minBytes: f(int32),
    maxBytes: f(int32, { since: 3, default: 0x7fffffff, ignorable: true }),
    isolationLevel: f(int8, { since: 4, default: 0, ignorable: true }),
    sessionId: f(int32, { since: 7, default: 0, ignorable: true }),
    sessionEpoch: f(int32, { since: 7, default: -1, ignorable: true }),
    topics: f(
      array({
        topic: f(string, { until: 12, ignorable: true }),
        topicId: f(uuid, { since: 13, ignorable: true }),
        partitions: f(
          array({
            partition: f(int32),
            currentLeaderEpoch: f(int32, { since: 9, default: -1, ignorable: true }),
            fetchOffset: f(int64),
            lastFetchedEpoch: f(int32, { since: 12, default: -1 }),
            logStartOffset: f(int64, { since: 5, default: -1n, ignorable: true }),
            partitionMaxBytes: f(int32),
            replicaDirectoryId: f(uuid, { since: 17, tag: 0, ignorable: true }),
            highWatermark: f(int64, { since: 18, tag: 1, default: 0x7fffffffffffffffn, ignorable: true }),
          }),
        ),
      }),
    ),
    forgottenTopicsData: f(
      array({
        topic: f(string, { until: 12, ignorable: true }),
        topicId: f(uuid, { since: 13, ignorable: true }),
        partitions: f(array(int32)),
      }),
      { since: 7 },
    ),
    rackId: f(string, { since: 11, default: '', ignorable: true }),
  },
  response: {
    throttleTimeMs: f(int32, { since: 1, default: 0, ignorable: true }),
    errorCode: f(int16, { since: 7, ignorable: true }),
    sessionId: f(int32, { since: 7, default: 0 }),
    responses: f(
      array({
        topic: f(string, { until: 12, ignorable: true }),
        topicId: f(uuid, { since: 13, ignorable: true }),
        partitions: f(
          array({
            partitionIndex: f(int32),
            errorCode: f(int16),
            highWatermark: f(int64),
            lastStableOffset: f(int64, { since: 4, default: -1n, ignorable: true }),
            logStartOffset: f(int64, { since: 5, default: -1n, ignorable: true }),
            divergingEpoch: f(
              struct({ epoch: f(int32, { default: -1 }), endOffset: f(int64, { default: -1n }) }),
              { since: 12, tag: 0 },
            ),
            currentLeader: f(
              struct({ leaderId: f(int32, { default: -1 }), leaderEpoch: f(int32, { default: -1 }) }),
              { since: 12, tag: 1 },
            ),
            snapshotId: f(
              struct({ endOffset: f(int64, { default: -1n }), epoch: f(int32, { default: -1 }) }),
              { since: 12, tag: 2 },
            ),
            abortedTransactions: f(nullableArray({ producerId: f(int64), firstOffset: f(int64) }), {
              since: 4,
              ignorable: true,
            }),
            preferredReadReplica: f(int32, { since: 11, default: -1 }),
            records: f(records),
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
      { since: 16, tag: 0 },
    ),
  },
})
