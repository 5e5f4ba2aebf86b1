// What a classic group writes (see records.ts) and what the shard merely knows of it (the note). A fact alone
// rebuilds a group as a restart would find it; the note that follows it in live traffic adds what is not in
// the log: who waits, who has yet to sync.

import { type ClassicGroup, metadataFor, newGroup, NO_ASSIGNMENT, type Member } from './group.ts'
import { subscribedTopicsOf } from './subscription.ts'

interface GroupRecordMember {
  memberId: string
  groupInstanceId: string | null
  clientId: string
  clientHost: string
  rebalanceTimeoutMs: number
  sessionTimeoutMs: number
  subscription: Buffer
  assignment: Buffer
}

/** GroupMetadataValue. */
export interface GroupRecord {
  /** Empty for a group that never had a member. */
  protocolType: string
  generationId: number
  protocolName: string | null
  leaderId: string | null
  stateTimestampMs: number | null
  members: GroupRecordMember[]
}

export interface GroupFact {
  kind: 'group'
  groupId: string
  /** null: the group is forgotten. */
  value: GroupRecord | null
}

/** The group as it is in live traffic, after this decision. */
export interface LiveNote {
  kind: 'live'
  group: ClassicGroup
}

export function recordOf(group: ClassicGroup): GroupRecord {
  return {
    protocolType: group.protocolType ?? '',
    generationId: group.generationId,
    protocolName: group.protocolName,
    leaderId: group.leaderId,
    stateTimestampMs: group.stateTimestampMs,
    members: [...group.members.values()].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      sessionTimeoutMs: member.sessionTimeoutMs,
      subscription: metadataFor(member, group.protocolName),
      assignment: member.assignment,
    })),
  }
}

/** The group as a restart finds it: Stable with members, Empty without. */
export function groupOf(groupId: string, record: GroupRecord): ClassicGroup {
  const group = newGroup(groupId, record.stateTimestampMs)
  group.generationId = record.generationId
  group.protocolType = record.protocolType === '' ? null : record.protocolType
  group.protocolName = record.protocolName
  group.leaderId = record.leaderId
  for (const member of record.members) {
    group.members.set(member.memberId, memberFrom(member, record.protocolName))
    if (member.groupInstanceId !== null) group.staticMembers.set(member.groupInstanceId, member.memberId)
  }
  group.state = record.members.length === 0 ? 'Empty' : 'Stable'
  group.previousState = group.state
  group.subscribedTopics = subscribedTopicsOf(group)
  return group
}

function memberFrom(member: GroupRecordMember, protocolName: string | null): Member {
  return {
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    // Records before version 1 have none; the session timeout is what such members used.
    rebalanceTimeoutMs: member.rebalanceTimeoutMs < 0 ? member.sessionTimeoutMs : member.rebalanceTimeoutMs,
    sessionTimeoutMs: member.sessionTimeoutMs,
    protocols: protocolName === null ? [] : [{ name: protocolName, metadata: member.subscription }],
    assignment: member.assignment.length === 0 ? NO_ASSIGNMENT : member.assignment,
    isNew: false,
    awaitingJoin: null,
    awaitingSync: null,
  }
}
