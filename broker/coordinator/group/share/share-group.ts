// A share group as it is now: all of it comes from the log, `apply.ts` is the only place that changes it. Kafka:
// ShareGroup, ShareGroupMember.

import { type Assignment, NOTHING } from '../modern/assignor/assignment.ts'
import { type ModernGroup, STALE } from '../modern/modern-group.ts'
import type { KeptTopics } from './kept-topics.ts'

export interface ShareMember {
  readonly memberId: string
  readonly memberEpoch: number
  /** -1: there was none. */
  readonly previousMemberEpoch: number
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** Sorted. */
  readonly subscribedTopicNames: readonly string[]
  readonly assigned: Assignment
}

export interface ShareGroup extends ModernGroup {
  readonly type: 'share'
  assignmentTimestampMs: number
  readonly members: Map<string, ShareMember>
  readonly targets: Map<string, Assignment>
  /** null: none was ever written. */
  keptTopics: KeptTopics | null
}

/** Of a group that was never written: the first bump makes epoch 2. */
const FIRST_EPOCH = 1
/** Of a member whose assignment was forgotten: it may be forgotten too. */
export const LEFT_EPOCH = -1

export function newShareGroup(groupId: string): ShareGroup {
  return {
    type: 'share',
    groupId,
    groupEpoch: FIRST_EPOCH,
    assignmentEpoch: FIRST_EPOCH,
    assignmentTimestampMs: 0,
    metadataHash: 0n,
    members: new Map(),
    targets: new Map(),
    keptTopics: null,
    freshness: STALE,
  }
}

export function newShareMember(memberId: string): ShareMember {
  return {
    memberId,
    memberEpoch: 0,
    previousMemberEpoch: -1,
    rackId: null,
    clientId: '',
    clientHost: '',
    subscribedTopicNames: [],
    assigned: NOTHING,
  }
}

/** Topics that some member subscribes to. */
export function subscribedTopics(members: Iterable<ShareMember>): Set<string> {
  return new Set([...members].flatMap(({ subscribedTopicNames }) => subscribedTopicNames))
}
