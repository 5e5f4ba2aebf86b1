// Facts of streams groups as Kafka's records, all of version 0:
//
//   17 StreamsGroupMetadata                 19 StreamsGroupMemberMetadata
//   20 StreamsGroupTargetAssignmentMetadata 21 StreamsGroupTargetAssignmentMember
//   22 StreamsGroupCurrentMemberAssignment  23 StreamsGroupTopology
//
// Kafka: StreamsCoordinatorRecordHelpers, and `fromRecord` of what they fill.

import type { MessageOf } from '../../../protocol/message.ts'
import * as record from '../../../protocol/records/streams-group.ts'
import { decodeVersioned, encodeVersioned } from '../../../protocol/records/versioned.ts'
import type { EncodedRecord, RecordType } from '../group-kind.ts'
import type { StreamsAssignmentFact, StreamsFact } from './facts.ts'
import type { MemberState } from './member.ts'
import { type HeldTasks, type TaskEpochs, type TaskIds, taskIdsOf, type TaskSet, taskSetOf } from './tasks.ts'

export const streamsRecordTypes: readonly RecordType[] = [
  { recordType: 17, fact: 'streamsGroup' },
  { recordType: 19, fact: 'streamsMember' },
  { recordType: 20, fact: 'streamsTargetEpoch' },
  { recordType: 21, fact: 'streamsTarget' },
  { recordType: 22, fact: 'streamsAssignment' },
  { recordType: 23, fact: 'streamsTopology' },
]

const VALUE_VERSION = 0

type AssignmentValue = MessageOf<typeof record.streamsGroupCurrentMemberAssignmentValue>
type TaskIdsWithEpochs = AssignmentValue['activeTasks'][number]

const stateNumbers: Record<MemberState, number> = {
  Stable: 1,
  UnrevokedTasks: 2,
  UnreleasedTasks: 3,
  Unknown: 127,
}
const statesByNumber = new Map(
  Object.entries(stateNumbers).map(([state, number]) => [number, state as MemberState]),
)

export function encodeStreams(fact: StreamsFact): EncodedRecord {
  const { groupId } = fact
  switch (fact.kind) {
    case 'streamsGroup':
      return {
        key: encodeVersioned(record.streamsGroupMetadataKey, 17, { groupId }),
        value:
          fact.value &&
          encodeVersioned(record.streamsGroupMetadataValue, VALUE_VERSION, {
            epoch: fact.value.epoch,
            metadataHash: fact.value.metadataHash,
            validatedTopologyEpoch: fact.value.validatedTopologyEpoch,
            lastAssignmentConfigs: keyValues(fact.value.assignmentConfigs),
          }),
      }
    case 'streamsMember':
      return {
        key: encodeVersioned(record.streamsGroupMemberMetadataKey, 19, { groupId, memberId: fact.memberId }),
        value:
          fact.value &&
          encodeVersioned(record.streamsGroupMemberMetadataValue, VALUE_VERSION, {
            ...fact.value,
            clientTags: keyValues(fact.value.clientTags),
          }),
      }
    case 'streamsTargetEpoch':
      return {
        key: encodeVersioned(record.streamsGroupTargetAssignmentMetadataKey, 20, { groupId }),
        value:
          fact.value &&
          encodeVersioned(record.streamsGroupTargetAssignmentMetadataValue, VALUE_VERSION, {
            assignmentEpoch: fact.value.assignmentEpoch,
            assignmentTimestamp: BigInt(fact.value.assignmentTimestampMs),
          }),
      }
    case 'streamsTarget':
      return {
        key: encodeVersioned(record.streamsGroupTargetAssignmentMemberKey, 21, {
          groupId,
          memberId: fact.memberId,
        }),
        value:
          fact.value &&
          encodeVersioned(record.streamsGroupTargetAssignmentMemberValue, VALUE_VERSION, {
            activeTasks: taskIdsOf(fact.value.active),
            standbyTasks: taskIdsOf(fact.value.standby),
            warmupTasks: taskIdsOf(fact.value.warmup),
          }),
      }
    case 'streamsAssignment':
      return {
        key: encodeVersioned(record.streamsGroupCurrentMemberAssignmentKey, 22, {
          groupId,
          memberId: fact.memberId,
        }),
        value: fact.value && encodeAssignment(fact.value),
      }
    case 'streamsTopology':
      return {
        key: encodeVersioned(record.streamsGroupTopologyKey, 23, { groupId }),
        value: fact.value && encodeVersioned(record.streamsGroupTopologyValue, VALUE_VERSION, fact.value),
      }
  }
}

export function decodeStreams(recordType: number, key: Buffer, value: Buffer | null): StreamsFact {
  switch (recordType) {
    case 17: {
      const { groupId } = decodeVersioned(record.streamsGroupMetadataKey, key).value
      if (value === null) return { kind: 'streamsGroup', groupId, value }
      const decoded = decodeVersioned(record.streamsGroupMetadataValue, value).value
      const { epoch, metadataHash, validatedTopologyEpoch, lastAssignmentConfigs } = decoded
      const assignmentConfigs = mapOf(lastAssignmentConfigs ?? [])
      return {
        kind: 'streamsGroup',
        groupId,
        value: { epoch, metadataHash, validatedTopologyEpoch, assignmentConfigs },
      }
    }
    case 19: {
      const { groupId, memberId } = decodeVersioned(record.streamsGroupMemberMetadataKey, key).value
      if (value === null) return { kind: 'streamsMember', groupId, memberId, value }
      const decoded = decodeVersioned(record.streamsGroupMemberMetadataValue, value).value
      const clientTags = mapOf(decoded.clientTags)
      return { kind: 'streamsMember', groupId, memberId, value: { ...decoded, clientTags } }
    }
    case 20: {
      const { groupId } = decodeVersioned(record.streamsGroupTargetAssignmentMetadataKey, key).value
      if (value === null) return { kind: 'streamsTargetEpoch', groupId, value }
      const decoded = decodeVersioned(record.streamsGroupTargetAssignmentMetadataValue, value).value
      const { assignmentEpoch, assignmentTimestamp } = decoded
      return {
        kind: 'streamsTargetEpoch',
        groupId,
        value: { assignmentEpoch, assignmentTimestampMs: Number(assignmentTimestamp) },
      }
    }
    case 21: {
      const { groupId, memberId } = decodeVersioned(record.streamsGroupTargetAssignmentMemberKey, key).value
      if (value === null) return { kind: 'streamsTarget', groupId, memberId, value }
      const decoded = decodeVersioned(record.streamsGroupTargetAssignmentMemberValue, value).value
      return {
        kind: 'streamsTarget',
        groupId,
        memberId,
        value: {
          active: taskSetOf(decoded.activeTasks),
          standby: taskSetOf(decoded.standbyTasks),
          warmup: taskSetOf(decoded.warmupTasks),
        },
      }
    }
    case 22: {
      const { groupId, memberId } = decodeVersioned(record.streamsGroupCurrentMemberAssignmentKey, key).value
      if (value === null) return { kind: 'streamsAssignment', groupId, memberId, value }
      const decoded = decodeVersioned(record.streamsGroupCurrentMemberAssignmentValue, value).value
      return { kind: 'streamsAssignment', groupId, memberId, value: assignmentOf(decoded) }
    }
    case 23: {
      const { groupId } = decodeVersioned(record.streamsGroupTopologyKey, key).value
      if (value === null) return { kind: 'streamsTopology', groupId, value }
      const topology = decodeVersioned(record.streamsGroupTopologyValue, value).value
      return { kind: 'streamsTopology', groupId, value: topology }
    }
    default:
      throw new Error(`streams groups write no record of type ${recordType}`)
  }
}

function encodeAssignment(value: NonNullable<StreamsAssignmentFact['value']>): Buffer {
  const { assigned, pendingRevocation } = value
  return encodeVersioned(record.streamsGroupCurrentMemberAssignmentValue, VALUE_VERSION, {
    memberEpoch: value.memberEpoch,
    previousMemberEpoch: value.previousMemberEpoch,
    state: stateNumbers[value.state],
    activeTasks: idsWithEpochs(assigned.active),
    standbyTasks: idsWithoutEpochs(assigned.standby),
    warmupTasks: idsWithoutEpochs(assigned.warmup),
    activeTasksPendingRevocation: idsWithEpochs(pendingRevocation.active),
    standbyTasksPendingRevocation: idsWithoutEpochs(pendingRevocation.standby),
    warmupTasksPendingRevocation: idsWithoutEpochs(pendingRevocation.warmup),
  })
}

function assignmentOf(value: AssignmentValue): NonNullable<StreamsAssignmentFact['value']> {
  const { memberEpoch, previousMemberEpoch } = value
  const held = (
    active: TaskIdsWithEpochs[],
    standby: TaskIdsWithEpochs[],
    warmup: TaskIdsWithEpochs[],
  ): HeldTasks => ({
    active: epochsOf(active, memberEpoch),
    standby: taskSetOf(standby),
    warmup: taskSetOf(warmup),
  })
  return {
    memberEpoch,
    previousMemberEpoch,
    state: statesByNumber.get(value.state) ?? 'Unknown',
    assigned: held(value.activeTasks, value.standbyTasks, value.warmupTasks),
    pendingRevocation: held(
      value.activeTasksPendingRevocation,
      value.standbyTasksPendingRevocation,
      value.warmupTasksPendingRevocation,
    ),
  }
}

function idsWithEpochs(tasks: TaskEpochs): TaskIdsWithEpochs[] {
  return taskIdsOf(tasks).map((ids) => ({
    ...ids,
    assignmentEpochs: ids.partitions.map(
      (partition) => tasks.get(ids.subtopologyId)?.get(partition) as number,
    ),
  }))
}

function idsWithoutEpochs(tasks: TaskSet): TaskIds[] {
  return taskIdsOf(tasks)
}

/** Records from before the epochs were kept: the member's own counts for all. */
function epochsOf(ids: readonly TaskIdsWithEpochs[], memberEpoch: number): TaskEpochs {
  const tasks = new Map<string, ReadonlyMap<number, number>>()
  for (const { subtopologyId, partitions, assignmentEpochs } of ids) {
    const known = assignmentEpochs?.length === partitions.length ? assignmentEpochs : null
    if (partitions.length === 0) continue
    tasks.set(
      subtopologyId,
      new Map(partitions.map((partition, i) => [partition, known?.[i] ?? memberEpoch])),
    )
  }
  return tasks
}

const keyValues = (map: ReadonlyMap<string, string>): { key: string; value: string }[] =>
  [...map].map(([key, value]) => ({ key, value })).sort((a, b) => (a.key < b.key ? -1 : 1))
const mapOf = (pairs: readonly { key: string; value: string }[]): Map<string, string> =>
  new Map(pairs.map(({ key, value }) => [key, value]))
