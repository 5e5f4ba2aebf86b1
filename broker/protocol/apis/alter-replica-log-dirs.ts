// AlterReplicaLogDirs (KIP-113): moves replicas between the directories of one broker.

import { defineApi } from '../message.ts'
import { array, f, int16, int32, string } from '../schema.ts'

export const alterReplicaLogDirs = defineApi({
  key: 34,
  name: 'AlterReplicaLogDirs',
  versions: [1, 2],
  flexibleFrom: 2,
  request: {
    dirs: f(
      array({
        path: f(string),
        topics: f(array({ name: f(string), partitions: f(array(int32)) })),
      }),
    ),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    results: f(
      array({
        topicName: f(string),
        partitions: f(array({ partitionIndex: f(int32), errorCode: f(int16) })),
      }),
    ),
  },
})
