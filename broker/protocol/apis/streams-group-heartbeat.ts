// StreamsGroupHeartbeat (KIP-1071): a Kafka Streams client joins with its topology, tells which tasks it owns,
// hears which it is to own, and leaves (epoch -1), all by one request.

import { defineApi } from '../message.ts'
import {
  array,
  boolean,
  f,
  int16,
  int32,
  int64,
  int8,
  nullable,
  nullableArray,
  nullableString,
  string,
  struct,
  uint16,
} from '../schema.ts'

const endpoint = { host: f(string), port: f(uint16) }
const keyValue = { key: f(string), value: f(string) }
const taskIds = { subtopologyId: f(string), partitions: f(array(int32)) }
const taskOffset = { subtopologyId: f(string), partition: f(int32), offset: f(int64) }
const topicPartition = { topic: f(string), partitions: f(array(int32)) }
/** Partitions and replication factor are 0 where the broker is to find them. */
const topicInfo = {
  name: f(string),
  partitions: f(int32),
  replicationFactor: f(int16),
  topicConfigs: f(array(keyValue)),
}

export const streamsGroupHeartbeat = defineApi({
  key: 88,
  name: 'StreamsGroupHeartbeat',
  versions: [0, 0],
  flexibleFrom: 0,
  request: {
    groupId: f(string),
    memberId: f(string),
    memberEpoch: f(int32),
    endpointInformationEpoch: f(int32),
    instanceId: f(nullableString, { default: null }),
    rackId: f(nullableString, { default: null }),
    rebalanceTimeoutMs: f(int32, { default: -1 }),
    topology: f(
      nullable(
        struct({
          epoch: f(int32),
          subtopologies: f(
            array({
              subtopologyId: f(string),
              sourceTopics: f(array(string)),
              sourceTopicRegex: f(array(string)),
              stateChangelogTopics: f(array(topicInfo)),
              repartitionSinkTopics: f(array(string)),
              repartitionSourceTopics: f(array(topicInfo)),
              copartitionGroups: f(
                array({
                  sourceTopics: f(array(int16)),
                  sourceTopicRegex: f(array(int16)),
                  repartitionSourceTopics: f(array(int16)),
                }),
              ),
            }),
          ),
        }),
      ),
      { default: null },
    ),
    activeTasks: f(nullableArray(taskIds), { default: null }),
    standbyTasks: f(nullableArray(taskIds), { default: null }),
    warmupTasks: f(nullableArray(taskIds), { default: null }),
    processId: f(nullableString, { default: null }),
    userEndpoint: f(nullable(struct(endpoint)), { default: null }),
    clientTags: f(nullableArray(keyValue), { default: null }),
    taskOffsets: f(nullableArray(taskOffset), { default: null }),
    taskEndOffsets: f(nullableArray(taskOffset), { default: null }),
    shutdownApplication: f(boolean, { default: false }),
  },
  response: {
    throttleTimeMs: f(int32),
    errorCode: f(int16),
    errorMessage: f(nullableString, { default: null }),
    memberId: f(string),
    memberEpoch: f(int32),
    heartbeatIntervalMs: f(int32),
    acceptableRecoveryLag: f(int32),
    taskOffsetIntervalMs: f(int32),
    status: f(nullableArray({ statusCode: f(int8), statusDetail: f(string) })),
    activeTasks: f(nullableArray(taskIds), { default: null }),
    standbyTasks: f(nullableArray(taskIds), { default: null }),
    warmupTasks: f(nullableArray(taskIds), { default: null }),
    endpointInformationEpoch: f(int32),
    partitionsByUserEndpoint: f(
      nullableArray({
        userEndpoint: f(struct(endpoint)),
        activePartitions: f(array(topicPartition)),
        standbyPartitions: f(array(topicPartition)),
      }),
      { default: null },
    ),
  },
})
