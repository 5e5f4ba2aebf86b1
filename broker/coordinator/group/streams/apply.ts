// How facts change a streams group: in live traffic and in a replay the same. A tombstone for what is not there is
// nothing; one that comes out of order says that log and state differ, and throws. Kafka: GroupMetadataManager's
// replay of the StreamsGroup records.

import type { StreamsFact, StreamsNote } from './facts.ts'
import { LEFT_EPOCH, newMember, type StreamsMember } from './member.ts'
import { NO_ASSIGNMENT_EPOCH, newStreamsGroup, type StreamsGroup } from './streams-group.ts'
import { HOLDS_NOTHING } from './tasks.ts'

/** The group from now on; undefined when there is none, or none any more. */
export function applyStreams(
  group: StreamsGroup | undefined,
  change: StreamsFact | StreamsNote,
): StreamsGroup | undefined {
  if (change.kind === 'streamsSoft') {
    if (group !== undefined) group.soft = { ...group.soft, ...change.soft }
    return group
  }
  if (change.value === null) return group === undefined ? undefined : forget(group, change)
  const changed = group ?? newStreamsGroup(change.groupId)
  set(changed, change)
  return changed
}

function set(group: StreamsGroup, fact: StreamsFact): void {
  if (fact.value === null) return
  switch (fact.kind) {
    case 'streamsGroup': {
      const { epoch, metadataHash, validatedTopologyEpoch, assignmentConfigs } = fact.value
      // I13: members are fenced by epochs, which never go back.
      if (epoch < group.groupEpoch)
        throw new Error(`group ${group.groupId} goes from epoch ${group.groupEpoch} to ${epoch}`)
      Object.assign(group, { groupEpoch: epoch, metadataHash, validatedTopologyEpoch, assignmentConfigs })
      return
    }
    case 'streamsMember':
    case 'streamsAssignment':
      change(group, fact.memberId, fact.value)
      return
    case 'streamsTargetEpoch':
      group.assignmentEpoch = fact.value.assignmentEpoch
      group.assignmentTimestampMs = fact.value.assignmentTimestampMs
      return
    case 'streamsTarget':
      group.targets.set(fact.memberId, fact.value)
      return
    case 'streamsTopology':
      group.topology = fact.value
  }
}

const GONE = {
  memberEpoch: LEFT_EPOCH,
  previousMemberEpoch: LEFT_EPOCH,
  assigned: HOLDS_NOTHING,
  pendingRevocation: HOLDS_NOTHING,
}

function change(group: StreamsGroup, memberId: string, changes: Partial<StreamsMember>): void {
  const { members, owners } = group
  const former = members.get(memberId) ?? newMember(memberId)
  const member = { ...former, ...changes }
  owners.remove(former)
  owners.add(member)
  members.set(memberId, member)
}

function forget(group: StreamsGroup, fact: StreamsFact): StreamsGroup | undefined {
  const { groupId } = group
  switch (fact.kind) {
    case 'streamsGroup':
      if (group.members.size > 0)
        throw new Error(`group ${groupId} is forgotten with ${group.members.size} members`)
      if (group.assignmentEpoch !== NO_ASSIGNMENT_EPOCH)
        throw new Error(`group ${groupId} is forgotten before its target assignment`)
      return undefined
    case 'streamsMember': {
      const member = group.members.get(fact.memberId)
      if (member === undefined) return group
      if (member.memberEpoch !== LEFT_EPOCH || group.targets.has(fact.memberId))
        throw new Error(`member ${fact.memberId} of ${groupId} is forgotten before its assignment`)
      group.members.delete(fact.memberId)
      // Whoever comes next begins anew, and is not told to shut down.
      if (group.members.size === 0) group.soft = { ...group.soft, shutdownRequestedBy: null }
      return group
    }
    case 'streamsTargetEpoch':
      if (group.targets.size > 0)
        throw new Error(`the target of ${groupId} is forgotten with ${group.targets.size} members in it`)
      group.assignmentEpoch = NO_ASSIGNMENT_EPOCH
      group.assignmentTimestampMs = 0
      return group
    case 'streamsTarget':
      group.targets.delete(fact.memberId)
      return group
    case 'streamsAssignment':
      if (group.members.has(fact.memberId)) change(group, fact.memberId, GONE)
      return group
    case 'streamsTopology':
      group.topology = null
      return group
  }
}
