// DescribeCluster (KIP-700, KIP-919 endpoint types, KIP-1073 fenced brokers). Endpoint type 1 is brokers, 2 is
// controllers.

import { defineApi } from '../message.ts'
import { array, boolean, f, int8, int16, int32, nullableString, string } from '../schema.ts'

export const describeCluster = defineApi({
  key: 60,
  name: 'DescribeCluster',
  versions: [0, 2],
  flexibleFrom: 0,
  request: {
    includeClusterAuthorizedOperations: f(boolean),
    endpointType: f(int8, { since: 1, default: 1 }),
    includeFencedBrokers: f(boolean, { since: 2 }),
  },
  response: {
    throttleTimeMs: f(int32, { default: 0 }),
    errorCode: f(int16),
    errorMessage: f(nullableString, { default: null }),
    endpointType: f(int8, { since: 1, default: 1 }),
    clusterId: f(string),
    controllerId: f(int32, { default: -1 }),
    brokers: f(
      array({
        brokerId: f(int32),
        host: f(string),
        port: f(int32),
        rack: f(nullableString, { default: null }),
        isFenced: f(boolean, { since: 2 }),
      }),
    ),
    clusterAuthorizedOperations: f(int32, { default: -2147483648 }),
  },
})
