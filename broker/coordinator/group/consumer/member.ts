// One member of a consumer group as a value. It owns what is assigned to it and what it still has to give up: a
// partition in either belongs to nobody else.
//
//              target epoch reached, nothing to give up, everything free
//            ┌──────────────────────────────────────────────────────────┐
//            ▼                                                          │
//        ┌────────┐   something to give up   ┌──────────────────────┐   │
//   ───► │ Stable │ ───────────────────────► │ UnrevokedPartitions  │ ──┤ the member says it has given up
//        └────────┘                          └──────────────────────┘   │
//            │                                                          ▼
//            │  something is not free yet    ┌──────────────────────┐
//            └─────────────────────────────► │ UnreleasedPartitions │ ── as others give up ──► …
//                                            └──────────────────────┘

import type { MemberProtocol } from '../classic/group.ts'

/** As records have it (Kafka's MemberState). */
export const memberStates = {
  Stable: 0,
  UnrevokedPartitions: 1,
  UnreleasedPartitions: 2,
} as const

/** Another number comes from a newer broker: such a member must begin anew. */
export type MemberState = number

/** Topic id → partition → the epoch in which the member was given it. Never changed once made. */
export type OwnedPartitions = ReadonlyMap<string, ReadonlyMap<number, number>>

export const NONE_OWNED: OwnedPartitions = new Map()

/** Replaced, never changed. */
export interface ConsumerMember {
  readonly memberId: string
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** In order, none twice. */
  readonly topicNames: readonly string[]
  /** Empty: none. */
  readonly topicRegex: string
  /** -1: not said. */
  readonly rebalanceTimeoutMs: number
  readonly assignorName: string | null
  /** Of a member that speaks the classic protocol. */
  readonly classic: {
    readonly sessionTimeoutMs: number
    readonly protocols: readonly MemberProtocol[]
  } | null

  /** The last epoch that the member was told; -1 while it is being forgotten, -2 for a static one that is away. */
  readonly memberEpoch: number
  readonly previousMemberEpoch: number
  readonly state: MemberState
  readonly assigned: OwnedPartitions
  readonly pendingRevocation: OwnedPartitions
}

export const LEFT = -1
export const LEFT_FOR_A_WHILE = -2

export function newMember(memberId: string): ConsumerMember {
  return {
    memberId,
    instanceId: null,
    rackId: null,
    clientId: '',
    clientHost: '',
    topicNames: [],
    topicRegex: '',
    rebalanceTimeoutMs: -1,
    assignorName: null,
    classic: null,
    memberEpoch: 0,
    previousMemberEpoch: -1,
    state: memberStates.Stable,
    assigned: NONE_OWNED,
    pendingRevocation: NONE_OWNED,
  }
}

export function isReconciled({ state, memberEpoch }: ConsumerMember, assignmentEpoch: number): boolean {
  return state === memberStates.Stable && memberEpoch === assignmentEpoch
}

/** What a member record holds: everything that the member says of itself. */
export function sameSubscription(a: ConsumerMember, b: ConsumerMember): boolean {
  return (
    a.instanceId === b.instanceId &&
    a.rackId === b.rackId &&
    a.clientId === b.clientId &&
    a.clientHost === b.clientHost &&
    a.topicRegex === b.topicRegex &&
    a.rebalanceTimeoutMs === b.rebalanceTimeoutMs &&
    a.assignorName === b.assignorName &&
    sameNames(a.topicNames, b.topicNames) &&
    sameClassic(a.classic, b.classic)
  )
}

export function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i])
}

function sameClassic(a: ConsumerMember['classic'], b: ConsumerMember['classic']): boolean {
  if (a === null || b === null) return a === b
  return (
    a.sessionTimeoutMs === b.sessionTimeoutMs &&
    a.protocols.length === b.protocols.length &&
    a.protocols.every(({ name, metadata }, i) => {
      const other = b.protocols[i] as MemberProtocol
      return name === other.name && Buffer.compare(metadata, other.metadata) === 0
    })
  )
}

/** Same state, epochs and partitions: nothing of the current assignment is to be written. */
export function sameStanding(a: ConsumerMember, b: ConsumerMember): boolean {
  return (
    a.memberEpoch === b.memberEpoch &&
    a.previousMemberEpoch === b.previousMemberEpoch &&
    a.state === b.state &&
    sameOwned(a.assigned, b.assigned) &&
    sameOwned(a.pendingRevocation, b.pendingRevocation)
  )
}

export function sameOwned(a: OwnedPartitions, b: OwnedPartitions): boolean {
  if (a === b) return true
  if (a.size !== b.size) return false
  for (const [topicId, partitions] of a) {
    const others = b.get(topicId)
    if (others?.size !== partitions.size) return false
    for (const [partition, epoch] of partitions) if (others.get(partition) !== epoch) return false
  }
  return true
}

export function owns(owned: OwnedPartitions, topicId: string, partition: number): boolean {
  return owned.get(topicId)?.has(partition) === true
}
