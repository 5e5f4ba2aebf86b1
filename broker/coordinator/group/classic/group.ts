// One classic consumer group as a value, and the questions that can be asked of it without changing it.
// Decisions work on a copy (see turn.ts), so nothing here is ever half changed.
//
//                 first member joins                    all joined, or time is up
//        ┌───────┐ ───────────────► ┌────────────────────┐ ───────────► ┌─────────────────────┐
//   ───► │ Empty │                  │ PreparingRebalance │              │ CompletingRebalance │
//        └───────┘ ◄─────────────── └────────────────────┘ ◄─────────── └─────────────────────┘
//            │      all have left        ▲                 join, leave,    │ leader's SyncGroup
//            │                           │                 time is up      │ is in the log
//            │ expired or deleted        │   join, leave, session expiry   ▼
//            ▼                           │                             ┌────────┐
//         (Dead: the group is forgotten) └──────────────────────────── │ Stable │
//                                                                      └────────┘
//
// In the log are only Empty and Stable groups: a restart during a rebalance returns to the last of these,
// and the members, whose generation is then unknown, join again.

import type { RequestId } from '../../machine.ts'

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

export interface MemberProtocol {
  name: string
  metadata: Buffer
}

/** Replaced, never changed. */
export interface Member {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  /** In the order of the member's preference. */
  readonly protocols: readonly MemberProtocol[]
  readonly assignment: Buffer
  /** Joined but never yet answered: it cannot heartbeat, as it does not know its id. */
  readonly isNew: boolean
  /** The JoinGroup or SyncGroup that waits for the others. */
  readonly awaitingJoin: RequestId | null
  readonly awaitingSync: RequestId | null
}

export interface ClassicGroup {
  readonly type: 'classic'
  readonly groupId: string
  state: GroupState
  previousState: GroupState
  /** When the state was entered; null when unknown (simple groups, old records). */
  stateTimestampMs: number | null
  generationId: number
  /** null: a simple group, which only keeps offsets. */
  protocolType: string | null
  protocolName: string | null
  leaderId: string | null
  members: Map<string, Member>
  /** Instance id to member id. */
  staticMembers: Map<string, string>
  /** Ids handed out with MEMBER_ID_REQUIRED that have not joined yet. */
  pendingJoinMembers: Set<string>
  /** Members of this generation that have not sent SyncGroup. */
  pendingSyncMembers: Set<string>
  /** A member came during the initial delay: the delay is extended once more. */
  newMemberAdded: boolean
  /** The initial delay under way, and how much more of the rebalance timeout may be spent on it. */
  initialDelay: { delayMs: number; remainingMs: number } | null
  /** Topics of all members of a `consumer` group; null when they cannot be known. */
  subscribedTopics: ReadonlySet<string> | null
}

const allowedFrom: Record<GroupState, readonly GroupState[]> = {
  Empty: ['PreparingRebalance'],
  PreparingRebalance: ['Stable', 'CompletingRebalance', 'Empty'],
  CompletingRebalance: ['PreparingRebalance'],
  Stable: ['CompletingRebalance'],
}

export const NO_ASSIGNMENT = Buffer.alloc(0)

export function newGroup(groupId: string, stateTimestampMs: number | null): ClassicGroup {
  return {
    type: 'classic',
    groupId,
    state: 'Empty',
    previousState: 'Empty',
    stateTimestampMs,
    generationId: 0,
    protocolType: null,
    protocolName: null,
    leaderId: null,
    members: new Map(),
    staticMembers: new Map(),
    pendingJoinMembers: new Set(),
    pendingSyncMembers: new Set(),
    newMemberAdded: false,
    initialDelay: null,
    subscribedTopics: null,
  }
}

/** A copy that can be changed; members are shared, as they are never changed. */
export function copyOf(group: ClassicGroup): ClassicGroup {
  return {
    ...group,
    members: new Map(group.members),
    staticMembers: new Map(group.staticMembers),
    pendingJoinMembers: new Set(group.pendingJoinMembers),
    pendingSyncMembers: new Set(group.pendingSyncMembers),
  }
}

export function mayEnter(from: GroupState, to: GroupState): boolean {
  return allowedFrom[to].includes(from)
}

export function memberOf(group: ClassicGroup, memberId: string): Member {
  const member = group.members.get(memberId)
  if (member === undefined) throw new Error(`group ${group.groupId} has no member ${memberId}`)
  return member
}

export function awaitingJoinCount(group: ClassicGroup): number {
  let count = 0
  for (const member of group.members.values()) if (member.awaitingJoin !== null) count++
  return count
}

/** Every member waits for the join phase to end, and none is still on its way with a fresh id. */
export function allMembersJoined(group: ClassicGroup): boolean {
  return group.pendingJoinMembers.size === 0 && awaitingJoinCount(group) === group.members.size
}

/** The longest of the members' rebalance timeouts. */
export function rebalanceTimeoutMs(group: ClassicGroup): number {
  let longestMs = 0
  for (const member of group.members.values()) longestMs = Math.max(longestMs, member.rebalanceTimeoutMs)
  return longestMs
}

function supporters(group: ClassicGroup): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { protocols } of group.members.values()) {
    // A member counts once for a protocol, however often it names it.
    for (const name of new Set(protocols.map((protocol) => protocol.name)))
      counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

/** Whether a member with these protocols could be in the group: one of them is supported by all. */
export function supportsProtocols(
  group: ClassicGroup,
  protocolType: string,
  protocols: readonly MemberProtocol[],
): boolean {
  if (group.state === 'Empty') return protocolType !== '' && protocols.length > 0
  if (group.protocolType !== protocolType) return false
  const counts = supporters(group)
  return protocols.some(({ name }) => (counts.get(name) ?? 0) === group.members.size)
}

/** Each member votes for its first protocol that all support; most votes win, first come breaks a tie. */
export function selectProtocol(group: ClassicGroup): string {
  if (group.members.size === 0) throw new Error(`no member of group ${group.groupId} could vote`)
  const counts = supporters(group)
  const votes = new Map<string, number>()
  for (const { memberId, protocols } of group.members.values()) {
    const vote = protocols.find(({ name }) => counts.get(name) === group.members.size)
    if (vote === undefined) throw new Error(`member ${memberId} shares no protocol with its group`)
    votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1)
  }
  let selected: [string, number] = ['', 0]
  for (const entry of votes) if (entry[1] > selected[1]) selected = entry
  return selected[0]
}

/** A member's metadata for a protocol; empty when it has none (a group that never selected one). */
export function metadataFor(member: Member, protocolName: string | null): Buffer {
  return member.protocols.find(({ name }) => name === protocolName)?.metadata ?? NO_ASSIGNMENT
}

/** Kafka's ClassicGroupMember.matches: same protocols, in the same order, with the same metadata. */
export function sameProtocols(a: readonly MemberProtocol[], b: readonly MemberProtocol[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, metadata }, i) => {
      const other = b[i] as MemberProtocol
      return name === other.name && Buffer.compare(metadata, other.metadata) === 0
    })
  )
}
