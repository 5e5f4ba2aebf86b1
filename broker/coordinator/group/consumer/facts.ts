// What a consumer group writes: one fact a record (records.ts). A value of null is the record's tombstone. All of
// the group but its timers and its `freshness` comes of these.

import type { Assignment } from '../modern/assignor/assignment.ts'
import type { ConsumerMember } from './member.ts'

/** The half of a member that it says of itself. */
export type Subscription = Pick<
  ConsumerMember,
  | 'instanceId'
  | 'rackId'
  | 'clientId'
  | 'clientHost'
  | 'topicNames'
  | 'topicRegex'
  | 'rebalanceTimeoutMs'
  | 'assignorName'
  | 'classic'
>

/** The half of a member that the coordinator decides. */
export type Standing = Pick<
  ConsumerMember,
  'memberEpoch' | 'previousMemberEpoch' | 'state' | 'assigned' | 'pendingRevocation'
>

/** What an expression meant when it was last looked up. */
export interface ResolvedRegex {
  readonly topics: ReadonlySet<string>
  /** Of the metadata that was searched. */
  readonly version: bigint
  readonly timestampMs: number
}

export type ConsumerFact =
  | { kind: 'consumerGroup'; groupId: string; value: { epoch: number; metadataHash: bigint } | null }
  /** From before 4.1: only its being there counts, and only its tombstone is written. */
  | { kind: 'consumerPartitionMetadata'; groupId: string; value: Record<string, never> | null }
  | { kind: 'consumerMember'; groupId: string; memberId: string; value: Subscription | null }
  | {
      kind: 'consumerTargets'
      groupId: string
      value: { assignmentEpoch: number; assignmentTimestampMs: number } | null
    }
  | { kind: 'consumerTarget'; groupId: string; memberId: string; value: Assignment | null }
  | { kind: 'consumerStanding'; groupId: string; memberId: string; value: Standing | null }
  | { kind: 'consumerRegex'; groupId: string; regex: string; value: ResolvedRegex | null }

/** A classic member was told to join again and has to do so in time. Not written: a restart forgets timers, too. */
export interface RejoinNote {
  kind: 'consumerRejoin'
  groupId: string
  memberId: string
  awaited: boolean
}

export function subscriptionOf(member: ConsumerMember): Subscription {
  const { instanceId, rackId, clientId, clientHost, topicNames, topicRegex } = member
  const { rebalanceTimeoutMs, assignorName, classic } = member
  return {
    instanceId,
    rackId,
    clientId,
    clientHost,
    topicNames,
    topicRegex,
    rebalanceTimeoutMs,
    assignorName,
    classic,
  }
}

export function standingOf(member: ConsumerMember): Standing {
  const { memberEpoch, previousMemberEpoch, state, assigned, pendingRevocation } = member
  return { memberEpoch, previousMemberEpoch, state, assigned, pendingRevocation }
}
