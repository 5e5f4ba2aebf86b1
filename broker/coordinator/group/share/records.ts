// Facts of share groups as Kafka's records, all of version 0:
//
//   10 ShareGroupMemberMetadata             11 ShareGroupMetadata
//   12 ShareGroupTargetAssignmentMetadata   13 ShareGroupTargetAssignmentMember
//   14 ShareGroupCurrentMemberAssignment    15 ShareGroupStatePartitionMetadata
//
// Kafka: GroupCoordinatorRecordHelpers, and `updateWith` of what they fill.

import * as record from '../../../protocol/records/share-group.ts'
import { decodeVersioned, encodeVersioned } from '../../../protocol/records/versioned.ts'
import type { EncodedRecord, RecordType } from '../group-kind.ts'
import type { Assignment } from '../modern/assignor/assignment.ts'
import type { ShareFact } from './facts.ts'
import type { KeptTopic } from './kept-topics.ts'

export const shareRecordTypes: readonly RecordType[] = [
  { recordType: 10, fact: 'shareMember' },
  { recordType: 11, fact: 'shareGroup' },
  { recordType: 12, fact: 'shareTargetEpoch' },
  { recordType: 13, fact: 'shareTarget' },
  { recordType: 14, fact: 'shareAssignment' },
  { recordType: 15, fact: 'shareKeptTopics' },
]

const VALUE_VERSION = 0
/** The one state of a share group's member. */
const STABLE = 0

export function encodeShare(fact: ShareFact): EncodedRecord {
  const { groupId } = fact
  switch (fact.kind) {
    case 'shareMember': {
      const key = encodeVersioned(record.shareGroupMemberMetadataKey, 10, {
        groupId,
        memberId: fact.memberId,
      })
      if (fact.value === null) return { key, value: null }
      const { subscribedTopicNames, ...rest } = fact.value
      const value = { ...rest, subscribedTopicNames: [...subscribedTopicNames] }
      return { key, value: encodeVersioned(record.shareGroupMemberMetadataValue, VALUE_VERSION, value) }
    }
    case 'shareGroup': {
      const key = encodeVersioned(record.shareGroupMetadataKey, 11, { groupId })
      if (fact.value === null) return { key, value: null }
      return { key, value: encodeVersioned(record.shareGroupMetadataValue, VALUE_VERSION, fact.value) }
    }
    case 'shareTargetEpoch': {
      const key = encodeVersioned(record.shareGroupTargetAssignmentMetadataKey, 12, { groupId })
      if (fact.value === null) return { key, value: null }
      const { assignmentEpoch, assignmentTimestampMs } = fact.value
      const value = { assignmentEpoch, assignmentTimestamp: BigInt(assignmentTimestampMs) }
      return {
        key,
        value: encodeVersioned(record.shareGroupTargetAssignmentMetadataValue, VALUE_VERSION, value),
      }
    }
    case 'shareTarget': {
      const id = { groupId, memberId: fact.memberId }
      const key = encodeVersioned(record.shareGroupTargetAssignmentMemberKey, 13, id)
      if (fact.value === null) return { key, value: null }
      const value = { topicPartitions: partitionsOf(fact.value) }
      return {
        key,
        value: encodeVersioned(record.shareGroupTargetAssignmentMemberValue, VALUE_VERSION, value),
      }
    }
    case 'shareAssignment': {
      const id = { groupId, memberId: fact.memberId }
      const key = encodeVersioned(record.shareGroupCurrentMemberAssignmentKey, 14, id)
      if (fact.value === null) return { key, value: null }
      const { memberEpoch, previousMemberEpoch, assigned } = fact.value
      const value = {
        memberEpoch,
        previousMemberEpoch,
        state: STABLE,
        assignedPartitions: partitionsOf(assigned),
      }
      return {
        key,
        value: encodeVersioned(record.shareGroupCurrentMemberAssignmentValue, VALUE_VERSION, value),
      }
    }
    case 'shareKeptTopics': {
      const key = encodeVersioned(record.shareGroupStatePartitionMetadataKey, 15, { groupId })
      if (fact.value === null) return { key, value: null }
      const { initializing, initialized, deleting } = fact.value
      const value = {
        initializingTopics: keptOf(initializing),
        initializedTopics: keptOf(initialized),
        deletingTopics: [...deleting].map(([topicId, topicName]) => ({ topicId, topicName })),
      }
      return {
        key,
        value: encodeVersioned(record.shareGroupStatePartitionMetadataValue, VALUE_VERSION, value),
      }
    }
  }
}

export function decodeShare(recordType: number, key: Buffer, bytes: Buffer | null): ShareFact {
  switch (recordType) {
    case 10: {
      const id = decodeVersioned(record.shareGroupMemberMetadataKey, key).value
      if (bytes === null) return { kind: 'shareMember', ...id, value: null }
      const { value } = decodeVersioned(record.shareGroupMemberMetadataValue, bytes)
      const subscribedTopicNames = [...value.subscribedTopicNames].sort()
      return { kind: 'shareMember', ...id, value: { ...value, subscribedTopicNames } }
    }
    case 11: {
      const id = decodeVersioned(record.shareGroupMetadataKey, key).value
      const value = bytes === null ? null : decodeVersioned(record.shareGroupMetadataValue, bytes).value
      return { kind: 'shareGroup', ...id, value }
    }
    case 12: {
      const id = decodeVersioned(record.shareGroupTargetAssignmentMetadataKey, key).value
      if (bytes === null) return { kind: 'shareTargetEpoch', ...id, value: null }
      const { value } = decodeVersioned(record.shareGroupTargetAssignmentMetadataValue, bytes)
      const { assignmentEpoch, assignmentTimestamp } = value
      const times = { assignmentEpoch, assignmentTimestampMs: Number(assignmentTimestamp) }
      return { kind: 'shareTargetEpoch', ...id, value: times }
    }
    case 13: {
      const id = decodeVersioned(record.shareGroupTargetAssignmentMemberKey, key).value
      if (bytes === null) return { kind: 'shareTarget', ...id, value: null }
      const { value } = decodeVersioned(record.shareGroupTargetAssignmentMemberValue, bytes)
      return { kind: 'shareTarget', ...id, value: assignmentOf(value.topicPartitions) }
    }
    case 14: {
      const id = decodeVersioned(record.shareGroupCurrentMemberAssignmentKey, key).value
      if (bytes === null) return { kind: 'shareAssignment', ...id, value: null }
      const { value } = decodeVersioned(record.shareGroupCurrentMemberAssignmentValue, bytes)
      const { memberEpoch, previousMemberEpoch, assignedPartitions } = value
      const assigned = assignmentOf(assignedPartitions)
      return { kind: 'shareAssignment', ...id, value: { memberEpoch, previousMemberEpoch, assigned } }
    }
    case 15: {
      const id = decodeVersioned(record.shareGroupStatePartitionMetadataKey, key).value
      if (bytes === null) return { kind: 'shareKeptTopics', ...id, value: null }
      const { value } = decodeVersioned(record.shareGroupStatePartitionMetadataValue, bytes)
      return {
        kind: 'shareKeptTopics',
        ...id,
        value: {
          initializing: keptTopicsOf(value.initializingTopics),
          initialized: keptTopicsOf(value.initializedTopics),
          deleting: new Map(value.deletingTopics.map(({ topicId, topicName }) => [topicId, topicName])),
          sinceMs: 0,
        },
      }
    }
    default:
      throw new Error(`records of kind ${recordType} are not of share groups`)
  }
}

interface TopicPartitions {
  topicId: string
  partitions: number[]
}

function partitionsOf(assignment: Assignment): TopicPartitions[] {
  return [...assignment].map(([topicId, partitions]) => ({ topicId, partitions: [...partitions] }))
}

function assignmentOf(topics: readonly TopicPartitions[]): Assignment {
  return new Map(topics.map(({ topicId, partitions }) => [topicId, new Set(partitions)]))
}

function keptOf(topics: ReadonlyMap<string, KeptTopic>): (TopicPartitions & { topicName: string })[] {
  return [...topics].map(([topicId, { name, partitions }]) => ({
    topicId,
    topicName: name,
    partitions: [...partitions],
  }))
}

function keptTopicsOf(topics: readonly (TopicPartitions & { topicName: string })[]): Map<string, KeptTopic> {
  return new Map(
    topics.map(({ topicId, topicName, partitions }) => [
      topicId,
      { name: topicName, partitions: new Set(partitions) },
    ]),
  )
}
