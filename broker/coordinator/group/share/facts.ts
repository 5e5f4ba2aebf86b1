// What is written of share groups, one fact a record. null: it is forgotten.

import type { Assignment } from '../modern/assignor/assignment.ts'
import type { KeptTopics } from './kept-topics.ts'
import type { ShareMember } from './share-group.ts'

/** ShareGroupMetadata: forgetting it forgets the group. */
export interface ShareGroupFact {
  kind: 'shareGroup'
  groupId: string
  value: { epoch: number; metadataHash: bigint } | null
}

/** ShareGroupMemberMetadata. */
export interface ShareMemberFact {
  kind: 'shareMember'
  groupId: string
  memberId: string
  value: Pick<ShareMember, 'rackId' | 'clientId' | 'clientHost' | 'subscribedTopicNames'> | null
}

/** ShareGroupTargetAssignmentMetadata. */
export interface ShareTargetEpochFact {
  kind: 'shareTargetEpoch'
  groupId: string
  value: { assignmentEpoch: number; assignmentTimestampMs: number } | null
}

/** ShareGroupTargetAssignmentMember. */
export interface ShareTargetFact {
  kind: 'shareTarget'
  groupId: string
  memberId: string
  value: Assignment | null
}

/** ShareGroupCurrentMemberAssignment. */
export interface ShareAssignmentFact {
  kind: 'shareAssignment'
  groupId: string
  memberId: string
  value: Pick<ShareMember, 'memberEpoch' | 'previousMemberEpoch' | 'assigned'> | null
}

/** ShareGroupStatePartitionMetadata. */
export interface ShareKeptTopicsFact {
  kind: 'shareKeptTopics'
  groupId: string
  value: KeptTopics | null
}

export type ShareFact =
  | ShareGroupFact
  | ShareMemberFact
  | ShareTargetEpochFact
  | ShareTargetFact
  | ShareAssignmentFact
  | ShareKeptTopicsFact
