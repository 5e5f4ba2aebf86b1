// StreamsGroupDescribe (KIP-1071): a streams group with its topology and what each member owns and is to own.

import { defineApi } from '../message.ts'
import {
  array,
  boolean,
  f,
  int16,
  int32,
  int64,
  nullable,
  nullableArray,
  nullableString,
  string,
  struct,
  uint16,
} from '../schema.ts'

const keyValue = { key: f(string), value: f(string) }
const taskIds = { subtopologyId: f(string), partitions: f(array(int32)) }
const taskOffset = { subtopologyId: f(string), partition: f(int32), offset: f(int64) }
const assignment = struct({
  activeTasks: f(array(taskIds)),
  standbyTasks: f(array(taskIds)),
  warmupTasks: f(array(taskIds)),
})
const topicInfo = {
  name: f(string),
  partitions: f(int32),
  replicationFactor: f(int16),
  topicConfigs: f(array(keyValue)),
}

export const streamsGroupDescribe = defineApi({
  key: 89,
  name: 'StreamsGroupDescribe',
  versions: [0, 0],
  flexibleFrom: 0,
  request: { groupIds: f(array(string)), includeAuthorizedOperations: f(boolean) },
  response: {
    throttleTimeMs: f(int32),
    groups: f(
      array({
        errorCode: f(int16),
        errorMessage: f(nullableString, { default: null }),
        groupId: f(string),
        groupState: f(string),
        groupEpoch: f(int32),
        assignmentEpoch: f(int32),
        topology: f(
          nullable(
            struct({
              epoch: f(int32),
              subtopologies: f(
                nullableArray({
                  subtopologyId: f(string),
                  sourceTopics: f(array(string)),
                  repartitionSinkTopics: f(array(string)),
                  stateChangelogTopics: f(array(topicInfo)),
                  repartitionSourceTopics: f(array(topicInfo)),
                }),
                { default: null },
              ),
            }),
          ),
          { default: null },
        ),
        members: f(
          array({
            memberId: f(string),
            memberEpoch: f(int32),
            instanceId: f(nullableString, { default: null }),
            rackId: f(nullableString, { default: null }),
            clientId: f(string),
            clientHost: f(string),
            topologyEpoch: f(int32),
            processId: f(string),
            userEndpoint: f(nullable(struct({ host: f(string), port: f(uint16) })), { default: null }),
            clientTags: f(array(keyValue)),
            taskOffsets: f(array(taskOffset)),
            taskEndOffsets: f(array(taskOffset)),
            assignment: f(assignment),
            targetAssignment: f(assignment),
            isClassic: f(boolean),
          }),
        ),
        authorizedOperations: f(int32, { default: -2147483648 }),
      }),
    ),
  },
})
