// DescribeQuorum (KIP-595, KIP-836 fetch times, KIP-853 directory ids and nodes).

import { defineApi } from '../message.ts'
import { array, f, int16, int32, int64, nullableString, string, uint16, uuid } from '../schema.ts'

const replicaStates = array({
  replicaId: f(int32),
  replicaDirectoryId: f(uuid, { since: 2 }),
  logEndOffset: f(int64),
  lastFetchTimestamp: f(int64, { since: 1, default: -1n, ignorable: true }),
  lastCaughtUpTimestamp: f(int64, { since: 1, default: -1n, ignorable: true }),
})

export const describeQuorum = defineApi({
  key: 55,
  name: 'DescribeQuorum',
  versions: [0, 2],
  flexibleFrom: 0,
  request: {
    topics: f(array({ topicName: f(string), partitions: f(array({ partitionIndex: f(int32) })) })),
  },
  response: {
    errorCode: f(int16),
    errorMessage: f(nullableString, { since: 2, ignorable: true }),
    topics: f(
      array({
        topicName: f(string),
        partitions: f(
          array({
            partitionIndex: f(int32),
            errorCode: f(int16),
            errorMessage: f(nullableString, { since: 2, ignorable: true }),
            leaderId: f(int32),
            leaderEpoch: f(int32),
            highWatermark: f(int64),
            currentVoters: f(replicaStates),
            observers: f(replicaStates),
          }),
        ),
      }),
    ),
    nodes: f(
      array({
        nodeId: f(int32),
        listeners: f(array({ name: f(string), host: f(string), port: f(uint16) })),
      }),
      { since: 2 },
    ),
  },
})
