// Metadata (KIP-4; KIP-430 authorized operations; KIP-516 topic ids; KIP-1102 rebootstrap). A null list of
// topics asks for all; version 0 asks for all by an empty list.

import { defineApi } from '../message.ts'
import { array, boolean, f, int16, int32, nullableString, string, uuid } from '../schema.ts'

/** "Authorized operations were not asked for." */
const NOT_ASKED = -2147483648

export const metadata = defineApi({
  key: 3,
  name: 'Metadata',
  versions: [0, 13],
  flexibleFrom: 9,
  request: {
    topics: f(
      array({
        topicId: f(uuid, { since: 10, ignorable: true }),
        name: f(string, { nullableSince: 10 }),
      }),
      { nullableSince: 1 },
    ),
    allowAutoTopicCreation: f(boolean, { since: 4, default: true }),
    includeClusterAuthorizedOperations: f(boolean, { since: 8, until: 10 }),
    includeTopicAuthorizedOperations: f(boolean, { since: 8 }),
  },
  response: {
    throttleTimeMs: f(int32, { since: 3, default: 0, ignorable: true }),
    brokers: f(
      array({
        nodeId: f(int32),
        host: f(string),
        port: f(int32),
        rack: f(nullableString, { since: 1, default: null, ignorable: true }),
      }),
    ),
    clusterId: f(nullableString, { since: 2, default: null, ignorable: true }),
    controllerId: f(int32, { since: 1, default: -1, ignorable: true }),
    topics: f(
      array({
        errorCode: f(int16),
        name: f(string, { nullableSince: 12 }),
        topicId: f(uuid, { since: 10, ignorable: true }),
        isInternal: f(boolean, { since: 1, default: false, ignorable: true }),
        partitions: f(
          array({
            errorCode: f(int16),
            partitionIndex: f(int32),
            leaderId: f(int32),
            leaderEpoch: f(int32, { since: 7, default: -1, ignorable: true }),
            replicaNodes: f(array(int32)),
            isrNodes: f(array(int32)),
            offlineReplicas: f(array(int32), { since: 5, ignorable: true }),
          }),
        ),
        topicAuthorizedOperations: f(int32, { since: 8, default: NOT_ASKED }),
      }),
    ),
    clusterAuthorizedOperations: f(int32, { since: 8, until: 10, default: NOT_ASKED }),
    errorCode: f(int16, { since: 13, ignorable: true }),
  },
})
