// What is written of streams groups, one fact a record, and what is merely known while the shard lives. null: it is
// forgotten.

import type { ConfiguredTopology } from './configured-topology.ts'
import type { MemberState, StreamsMember } from './member.ts'
import type { HeldTasks, Tasks } from './tasks.ts'
import type { Topology } from './topology.ts'

/** StreamsGroupMetadata: forgetting it forgets the group. */
export interface StreamsGroupFact {
  kind: 'streamsGroup'
  groupId: string
  value: {
    epoch: number
    metadataHash: bigint
    /** The topology epoch whose topics were found to be right; -1: they are not. */
    validatedTopologyEpoch: number
    /** What the assignor was told, by Kafka's names (`num.standby.replicas`). */
    assignmentConfigs: ReadonlyMap<string, string>
  } | null
}

export type MemberMetadata = Pick<
  StreamsMember,
  | 'instanceId'
  | 'rackId'
  | 'clientId'
  | 'clientHost'
  | 'rebalanceTimeoutMs'
  | 'topologyEpoch'
  | 'processId'
  | 'userEndpoint'
  | 'clientTags'
>

/** StreamsGroupMemberMetadata. */
export interface StreamsMemberFact {
  kind: 'streamsMember'
  groupId: string
  memberId: string
  value: MemberMetadata | null
}

/** StreamsGroupTargetAssignmentMetadata. */
export interface StreamsTargetEpochFact {
  kind: 'streamsTargetEpoch'
  groupId: string
  value: { assignmentEpoch: number; assignmentTimestampMs: number } | null
}

/** StreamsGroupTargetAssignmentMember. */
export interface StreamsTargetFact {
  kind: 'streamsTarget'
  groupId: string
  memberId: string
  value: Tasks | null
}

/** StreamsGroupCurrentMemberAssignment. */
export interface StreamsAssignmentFact {
  kind: 'streamsAssignment'
  groupId: string
  memberId: string
  value: {
    memberEpoch: number
    previousMemberEpoch: number
    state: MemberState
    assigned: HeldTasks
    pendingRevocation: HeldTasks
  } | null
}

/** StreamsGroupTopology. */
export interface StreamsTopologyFact {
  kind: 'streamsTopology'
  groupId: string
  value: Topology | null
}

export type StreamsFact =
  | StreamsGroupFact
  | StreamsMemberFact
  | StreamsTargetEpochFact
  | StreamsTargetFact
  | StreamsAssignmentFact
  | StreamsTopologyFact

/** Known only while the shard lives. */
export interface SoftState {
  /** The topology held against the topics; null: not since the shard was loaded. */
  configured: ConfiguredTopology | null
  /** The first assignment waits for more members. */
  initialDelay: boolean
  /** The member that asked all others to shut down, until the group is empty. */
  shutdownRequestedBy: string | null
  /** Grows with every change of who serves interactive queries for what. */
  endpointEpoch: number
}

export interface StreamsNote {
  kind: 'streamsSoft'
  groupId: string
  soft: Partial<SoftState>
}
