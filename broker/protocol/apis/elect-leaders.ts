// ElectLeaders (KIP-183, KIP-460 unclean elections). Null topics ask for every partition.

import { defineApi } from '../message.ts'
import { array, f, int8, int16, int32, nullableArray, nullableString, string } from '../schema.ts'

export const electLeaders = defineApi({
  key: 43,
  name: 'ElectLeaders',
  versions: [0, 2],
  flexibleFrom: 2,
  request: {
    electionType: f(int8, { since: 1 }),
    topicPartitions: f(nullableArray({ topic: f(string), partitions: f(array(int32)) })),
    timeoutMs: f(int32, { default: 60000 }),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    errorCode: f(int16, { since: 1 }),
    replicaElectionResults: f(
      array({
        topic: f(string),
        partitionResult: f(
          array({ partitionId: f(int32), errorCode: f(int16), errorMessage: f(nullableString) }),
        ),
      }),
    ),
  },
})
