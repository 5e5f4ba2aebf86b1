// A member of a streams group: one StreamThread's client of a Kafka Streams process. Replaced, never changed. Its
// state says how far it is on the way to the target assignment:
//
//             target epoch is another                   owns none of what it had to give up
//   Stable ───────────────────────────► UnrevokedTasks ─────────────┐
//     ▲  │                                                          │
//     │  └── what it is to get is still held elsewhere ──► UnreleasedTasks ◄─┘
//     └───────────── everything it is to have is free ────────┘
//
// Kafka: StreamsGroupMember, MemberState.

import { HOLDS_NOTHING, type HeldTasks } from './tasks.ts'

export type MemberState = 'Stable' | 'UnrevokedTasks' | 'UnreleasedTasks' | 'Unknown'

export interface Endpoint {
  readonly host: string
  readonly port: number
}

export interface StreamsMember {
  readonly memberId: string
  readonly memberEpoch: number
  readonly previousMemberEpoch: number
  readonly state: MemberState
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** How long it may take to give tasks up; -1 until it has said so. */
  readonly rebalanceTimeoutMs: number
  readonly topologyEpoch: number
  readonly processId: string
  readonly userEndpoint: Endpoint | null
  readonly clientTags: ReadonlyMap<string, string>
  readonly assigned: HeldTasks
  readonly pendingRevocation: HeldTasks
}

/** Epoch of a member whose assignment record is a tombstone: it is about to go. */
export const LEFT_EPOCH = -1

export function newMember(memberId: string): StreamsMember {
  return {
    memberId,
    memberEpoch: 0,
    previousMemberEpoch: 0,
    state: 'Stable',
    instanceId: null,
    rackId: null,
    clientId: '',
    clientHost: '',
    rebalanceTimeoutMs: -1,
    topologyEpoch: -1,
    processId: '',
    userEndpoint: null,
    clientTags: new Map(),
    assigned: HOLDS_NOTHING,
    pendingRevocation: HOLDS_NOTHING,
  }
}

export function isReconciledTo(member: StreamsMember, assignmentEpoch: number): boolean {
  return member.state === 'Stable' && member.memberEpoch === assignmentEpoch
}

/** What StreamsGroupMemberMetadataValue keeps of a member. */
export function sameMetadata(a: StreamsMember, b: StreamsMember): boolean {
  return (
    a.rackId === b.rackId &&
    a.clientId === b.clientId &&
    a.clientHost === b.clientHost &&
    a.rebalanceTimeoutMs === b.rebalanceTimeoutMs &&
    a.topologyEpoch === b.topologyEpoch &&
    a.processId === b.processId &&
    a.userEndpoint?.host === b.userEndpoint?.host &&
    a.userEndpoint?.port === b.userEndpoint?.port &&
    a.clientTags.size === b.clientTags.size &&
    [...a.clientTags].every(([key, value]) => b.clientTags.get(key) === value)
  )
}
