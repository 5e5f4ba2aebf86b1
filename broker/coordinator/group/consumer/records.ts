// The facts of a consumer group as Kafka 4.3 writes them. A group is one record for its epoch, one for the epoch of
// its target assignment, three for each member (what it says, what it shall have, what it has) and one for each
// regular expression.

import * as schema from '../../../protocol/records/consumer-group.ts'
import { decodeVersioned, encodeVersioned } from '../../../protocol/records/versioned.ts'
import type { EncodedRecord } from '../group-kind.ts'
import type { Assignment } from '../modern/assignor/assignment.ts'
import type { ConsumerFact, Standing } from './facts.ts'
import type { OwnedPartitions } from './member.ts'

export const consumerRecords = [
  { recordType: 3, fact: 'consumerGroup' },
  { recordType: 4, fact: 'consumerPartitionMetadata' },
  { recordType: 5, fact: 'consumerMember' },
  { recordType: 6, fact: 'consumerTargets' },
  { recordType: 7, fact: 'consumerTarget' },
  { recordType: 8, fact: 'consumerStanding' },
  { recordType: 16, fact: 'consumerRegex' },
] as const

const VALUE_VERSION = 0

export function encodeConsumer(fact: ConsumerFact): EncodedRecord {
  const { groupId } = fact
  switch (fact.kind) {
    case 'consumerGroup': {
      const key = encodeVersioned(schema.consumerGroupMetadataKey, 3, { groupId })
      if (fact.value === null) return { key, value: null }
      return { key, value: encodeVersioned(schema.consumerGroupMetadataValue, VALUE_VERSION, fact.value) }
    }
    case 'consumerPartitionMetadata': {
      if (fact.value !== null) throw new Error('partition metadata is no longer written')
      return { key: encodeVersioned(schema.consumerGroupPartitionMetadataKey, 4, { groupId }), value: null }
    }
    case 'consumerMember': {
      const { memberId, value } = fact
      const key = encodeVersioned(schema.consumerGroupMemberMetadataKey, 5, { groupId, memberId })
      if (value === null) return { key, value: null }
      const { topicNames, topicRegex, assignorName, classic, ...others } = value
      const encoded = encodeVersioned(schema.consumerGroupMemberMetadataValue, VALUE_VERSION, {
        ...others,
        subscribedTopicNames: topicNames,
        subscribedTopicRegex: topicRegex,
        serverAssignor: assignorName,
        classicMemberMetadata:
          classic === null
            ? null
            : { sessionTimeoutMs: classic.sessionTimeoutMs, supportedProtocols: classic.protocols },
      })
      return { key, value: encoded }
    }
    case 'consumerTargets': {
      const key = encodeVersioned(schema.consumerGroupTargetAssignmentMetadataKey, 6, { groupId })
      if (fact.value === null) return { key, value: null }
      const { assignmentEpoch, assignmentTimestampMs } = fact.value
      const value = { assignmentEpoch, assignmentTimestamp: BigInt(assignmentTimestampMs) }
      return {
        key,
        value: encodeVersioned(schema.consumerGroupTargetAssignmentMetadataValue, VALUE_VERSION, value),
      }
    }
    case 'consumerTarget': {
      const { memberId, value } = fact
      const key = encodeVersioned(schema.consumerGroupTargetAssignmentMemberKey, 7, { groupId, memberId })
      if (value === null) return { key, value: null }
      const topicPartitions = [...value].map(([topicId, partitions]) => ({
        topicId,
        partitions: [...partitions],
      }))
      return {
        key,
        value: encodeVersioned(schema.consumerGroupTargetAssignmentMemberValue, VALUE_VERSION, {
          topicPartitions,
        }),
      }
    }
    case 'consumerStanding': {
      const { memberId, value } = fact
      const key = encodeVersioned(schema.consumerGroupCurrentMemberAssignmentKey, 8, { groupId, memberId })
      if (value === null) return { key, value: null }
      const { memberEpoch, previousMemberEpoch, state, assigned, pendingRevocation } = value
      const encoded = encodeVersioned(schema.consumerGroupCurrentMemberAssignmentValue, VALUE_VERSION, {
        memberEpoch,
        previousMemberEpoch,
        state,
        assignedPartitions: withEpochs(assigned),
        partitionsPendingRevocation: withEpochs(pendingRevocation),
      })
      return { key, value: encoded }
    }
    case 'consumerRegex': {
      const { regex, value } = fact
      const key = encodeVersioned(schema.consumerGroupRegularExpressionKey, 16, {
        groupId,
        regularExpression: regex,
      })
      if (value === null) return { key, value: null }
      const { topics, version, timestampMs } = value
      const encoded = encodeVersioned(schema.consumerGroupRegularExpressionValue, VALUE_VERSION, {
        topics: [...topics],
        version,
        timestamp: BigInt(timestampMs),
      })
      return { key, value: encoded }
    }
  }
}

export function decodeConsumer(recordType: number, key: Buffer, value: Buffer | null): ConsumerFact {
  switch (recordType) {
    case 3: {
      const { groupId } = decodeVersioned(schema.consumerGroupMetadataKey, key).value
      const decoded = value === null ? null : decodeVersioned(schema.consumerGroupMetadataValue, value).value
      return { kind: 'consumerGroup', groupId, value: decoded }
    }
    case 4: {
      const { groupId } = decodeVersioned(schema.consumerGroupPartitionMetadataKey, key).value
      return { kind: 'consumerPartitionMetadata', groupId, value: value === null ? null : {} }
    }
    case 5:
      return {
        kind: 'consumerMember',
        ...memberKey(schema.consumerGroupMemberMetadataKey, key),
        value: subscription(value),
      }
    case 6: {
      const { groupId } = decodeVersioned(schema.consumerGroupTargetAssignmentMetadataKey, key).value
      if (value === null) return { kind: 'consumerTargets', groupId, value: null }
      const decoded = decodeVersioned(schema.consumerGroupTargetAssignmentMetadataValue, value).value
      const { assignmentEpoch, assignmentTimestamp } = decoded
      const assignmentTimestampMs = Number(assignmentTimestamp)
      return { kind: 'consumerTargets', groupId, value: { assignmentEpoch, assignmentTimestampMs } }
    }
    case 7:
      return {
        kind: 'consumerTarget',
        ...memberKey(schema.consumerGroupTargetAssignmentMemberKey, key),
        value: target(value),
      }
    case 8:
      return {
        kind: 'consumerStanding',
        ...memberKey(schema.consumerGroupCurrentMemberAssignmentKey, key),
        value: standing(value),
      }
    case 16: {
      const decodedKey = decodeVersioned(schema.consumerGroupRegularExpressionKey, key).value
      const { groupId, regularExpression: regex } = decodedKey
      if (value === null) return { kind: 'consumerRegex', groupId, regex, value: null }
      const { topics, version, timestamp } = decodeVersioned(
        schema.consumerGroupRegularExpressionValue,
        value,
      ).value
      const resolved = { topics: new Set(topics), version, timestampMs: Number(timestamp) }
      return { kind: 'consumerRegex', groupId, regex, value: resolved }
    }
    default:
      throw new Error(`consumer groups have no record of kind ${recordType}`)
  }
}

/** All three keys of a member have the same fields. */
type MemberKey = typeof schema.consumerGroupMemberMetadataKey

function memberKey(message: MemberKey, key: Buffer): { groupId: string; memberId: string } {
  const { groupId, memberId } = decodeVersioned(message, key).value
  return { groupId, memberId }
}

function subscription(value: Buffer | null): Extract<ConsumerFact, { kind: 'consumerMember' }>['value'] {
  if (value === null) return null
  const decoded = decodeVersioned(schema.consumerGroupMemberMetadataValue, value).value
  const { instanceId, rackId, clientId, clientHost, rebalanceTimeoutMs, classicMemberMetadata } = decoded
  return {
    instanceId,
    rackId,
    clientId,
    clientHost,
    rebalanceTimeoutMs,
    topicNames: [...new Set(decoded.subscribedTopicNames)].sort(),
    topicRegex: decoded.subscribedTopicRegex ?? '',
    assignorName: decoded.serverAssignor,
    classic:
      classicMemberMetadata === null
        ? null
        : {
            sessionTimeoutMs: classicMemberMetadata.sessionTimeoutMs,
            protocols: classicMemberMetadata.supportedProtocols,
          },
  }
}

function target(value: Buffer | null): Assignment | null {
  if (value === null) return null
  const { topicPartitions } = decodeVersioned(schema.consumerGroupTargetAssignmentMemberValue, value).value
  return new Map(topicPartitions.map(({ topicId, partitions }) => [topicId, new Set(partitions)]))
}

function standing(value: Buffer | null): Standing | null {
  if (value === null) return null
  const decoded = decodeVersioned(schema.consumerGroupCurrentMemberAssignmentValue, value).value
  const { memberEpoch, previousMemberEpoch, state, assignedPartitions, partitionsPendingRevocation } = decoded
  return {
    memberEpoch,
    previousMemberEpoch,
    state,
    assigned: owned(assignedPartitions, memberEpoch),
    pendingRevocation: owned(partitionsPendingRevocation, memberEpoch),
  }
}

type WireOwned = readonly {
  topicId: string
  partitions: readonly number[]
  assignmentEpochs: readonly number[] | null
}[]

function withEpochs(
  owned: OwnedPartitions,
): { topicId: string; partitions: number[]; assignmentEpochs: number[] }[] {
  return [...owned].map(([topicId, partitions]) => ({
    topicId,
    partitions: [...partitions.keys()],
    assignmentEpochs: [...partitions.values()],
  }))
}

/** Records from before 4.3 have no epochs: the member's own stands for them, which fences no more than was then. */
function owned(topics: WireOwned, memberEpoch: number): OwnedPartitions {
  return new Map(
    topics.map(({ topicId, partitions, assignmentEpochs }) => {
      const epochs = assignmentEpochs?.length === partitions.length ? assignmentEpochs : null
      const epochOf = (i: number): number => epochs?.[i] ?? Math.max(memberEpoch, 0)
      return [topicId, new Map(partitions.map((partition, i) => [partition, epochOf(i)]))]
    }),
  )
}
