// Records of __consumer_offsets that keep streams groups (KIP-1071), kinds 17 and 19 to 23. Kinds are keys'
// prefixes, values are preceded by their version (`versioned.ts`).

import { defineMessage } from '../message.ts'
import {
  array,
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

const groupKey = { groupId: f(string) }
const memberKey = { groupId: f(string), memberId: f(string) }

const keyValues = array({ key: f(string), value: f(string) })
const taskIds = array({ subtopologyId: f(string), partitions: f(array(int32)) })
/** Active tasks carry the epochs at which they were assigned; null in records before those were kept. */
const taskIdsWithEpochs = array({
  subtopologyId: f(string),
  partitions: f(array(int32)),
  assignmentEpochs: f(nullableArray(int32), { tag: 0, default: null }),
})

export const streamsGroupMetadataKey = defineMessage({
  name: 'StreamsGroupMetadataKey',
  versions: [17, 17],
  flexibleFrom: null,
  fields: groupKey,
})

export const streamsGroupMetadataValue = defineMessage({
  name: 'StreamsGroupMetadataValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    epoch: f(int32),
    metadataHash: f(int64),
    validatedTopologyEpoch: f(int32, { tag: 0, default: -1 }),
    lastAssignmentConfigs: f(nullableArray({ key: f(string), value: f(string) }), { tag: 1, default: null }),
  },
})

export const streamsGroupMemberMetadataKey = defineMessage({
  name: 'StreamsGroupMemberMetadataKey',
  versions: [19, 19],
  flexibleFrom: null,
  fields: memberKey,
})

export const streamsGroupMemberMetadataValue = defineMessage({
  name: 'StreamsGroupMemberMetadataValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    instanceId: f(nullableString),
    rackId: f(nullableString),
    clientId: f(string),
    clientHost: f(string),
    rebalanceTimeoutMs: f(int32),
    topologyEpoch: f(int32),
    processId: f(string),
    userEndpoint: f(nullable(struct({ host: f(string), port: f(uint16) })), { default: null }),
    clientTags: f(keyValues),
  },
})

export const streamsGroupTargetAssignmentMetadataKey = defineMessage({
  name: 'StreamsGroupTargetAssignmentMetadataKey',
  versions: [20, 20],
  flexibleFrom: null,
  fields: groupKey,
})

export const streamsGroupTargetAssignmentMetadataValue = defineMessage({
  name: 'StreamsGroupTargetAssignmentMetadataValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: { assignmentEpoch: f(int32), assignmentTimestamp: f(int64, { tag: 0, default: 0n }) },
})

export const streamsGroupTargetAssignmentMemberKey = defineMessage({
  name: 'StreamsGroupTargetAssignmentMemberKey',
  versions: [21, 21],
  flexibleFrom: null,
  fields: memberKey,
})

export const streamsGroupTargetAssignmentMemberValue = defineMessage({
  name: 'StreamsGroupTargetAssignmentMemberValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: { activeTasks: f(taskIds), standbyTasks: f(taskIds), warmupTasks: f(taskIds) },
})

export const streamsGroupCurrentMemberAssignmentKey = defineMessage({
  name: 'StreamsGroupCurrentMemberAssignmentKey',
  versions: [22, 22],
  flexibleFrom: null,
  fields: memberKey,
})

export const streamsGroupCurrentMemberAssignmentValue = defineMessage({
  name: 'StreamsGroupCurrentMemberAssignmentValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    memberEpoch: f(int32),
    previousMemberEpoch: f(int32),
    state: f(int8),
    activeTasks: f(taskIdsWithEpochs),
    standbyTasks: f(taskIdsWithEpochs),
    warmupTasks: f(taskIdsWithEpochs),
    activeTasksPendingRevocation: f(taskIdsWithEpochs),
    standbyTasksPendingRevocation: f(taskIdsWithEpochs),
    warmupTasksPendingRevocation: f(taskIdsWithEpochs),
  },
})

export const streamsGroupTopologyKey = defineMessage({
  name: 'StreamsGroupTopologyKey',
  versions: [23, 23],
  flexibleFrom: null,
  fields: groupKey,
})

const topicInfos = array({
  name: f(string),
  partitions: f(int32),
  replicationFactor: f(int16),
  topicConfigs: f(keyValues),
})

export const streamsGroupTopologyValue = defineMessage({
  name: 'StreamsGroupTopologyValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    epoch: f(int32),
    subtopologies: f(
      array({
        subtopologyId: f(string),
        sourceTopics: f(array(string)),
        sourceTopicRegex: f(array(string)),
        stateChangelogTopics: f(topicInfos),
        repartitionSinkTopics: f(array(string)),
        repartitionSourceTopics: f(topicInfos),
        copartitionGroups: f(
          array({
            sourceTopics: f(array(int16)),
            sourceTopicRegex: f(array(int16)),
            repartitionSourceTopics: f(array(int16)),
          }),
        ),
      }),
    ),
  },
})
