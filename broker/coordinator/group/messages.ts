// The bodies that go through the group coordinator, in the protocol's own types, and the commands that
// they and the timers become inside a shard.

import type { deleteGroups } from '../../protocol/apis/delete-groups.ts'
import type { describeGroups } from '../../protocol/apis/describe-groups.ts'
import type { heartbeat } from '../../protocol/apis/heartbeat.ts'
import type { joinGroup } from '../../protocol/apis/join-group.ts'
import type { leaveGroup } from '../../protocol/apis/leave-group.ts'
import type { listGroups } from '../../protocol/apis/list-groups.ts'
import type { offsetCommit } from '../../protocol/apis/offset-commit.ts'
import type { offsetFetch } from '../../protocol/apis/offset-fetch.ts'
import type { syncGroup } from '../../protocol/apis/sync-group.ts'
import type { txnOffsetCommit } from '../../protocol/apis/txn-offset-commit.ts'
import type { RequestOf, ResponseOf } from '../../protocol/message.ts'

export type JoinGroupRequest = RequestOf<typeof joinGroup>
export type JoinGroupResponse = ResponseOf<typeof joinGroup>
export type SyncGroupRequest = RequestOf<typeof syncGroup>
export type SyncGroupResponse = ResponseOf<typeof syncGroup>
export type HeartbeatRequest = RequestOf<typeof heartbeat>
export type HeartbeatResponse = ResponseOf<typeof heartbeat>
export type LeaveGroupRequest = RequestOf<typeof leaveGroup>
export type LeaveGroupResponse = ResponseOf<typeof leaveGroup>
export type LeavingMember = LeaveGroupRequest['members'][number]
export type OffsetCommitRequest = RequestOf<typeof offsetCommit>
export type OffsetCommitResponse = ResponseOf<typeof offsetCommit>
export type OffsetFetchRequest = RequestOf<typeof offsetFetch>
export type OffsetFetchResponse = ResponseOf<typeof offsetFetch>
export type OffsetFetchGroup = Pick<OffsetFetchRequest['groups'][number], 'groupId' | 'topics'>
export type OffsetFetchGroupResult = OffsetFetchResponse['groups'][number]
export type TxnOffsetCommitRequest = RequestOf<typeof txnOffsetCommit>
export type TxnOffsetCommitResponse = ResponseOf<typeof txnOffsetCommit>
export type DescribeGroupsRequest = RequestOf<typeof describeGroups>
export type DescribeGroupsResponse = ResponseOf<typeof describeGroups>
export type DescribedGroup = DescribeGroupsResponse['groups'][number]
export type ListGroupsRequest = RequestOf<typeof listGroups>
export type ListGroupsResponse = ResponseOf<typeof listGroups>
export type ListedGroup = ListGroupsResponse['groups'][number]
export type DeleteGroupsRequest = RequestOf<typeof deleteGroups>
export type DeleteGroupsResponse = ResponseOf<typeof deleteGroups>

/** What a group needs to know of a request besides its body. */
export interface RequestContext {
  apiVersion: number
  /** null and '' alike name no client. */
  clientId: string | null
  /** As Kafka prints an address: `/127.0.0.1`. */
  clientHost: string
}

export interface TopicPartitions {
  topic: string
  partitions: readonly number[]
}

export type Command =
  | { kind: 'join'; request: JoinGroupRequest; context: RequestContext }
  | { kind: 'sync'; request: SyncGroupRequest }
  | { kind: 'heartbeat'; request: HeartbeatRequest }
  | { kind: 'leave'; groupId: string; members: readonly LeavingMember[] }
  | { kind: 'commit'; request: OffsetCommitRequest }
  | { kind: 'txnCommit'; request: TxnOffsetCommitRequest }
  | { kind: 'fetch'; group: OffsetFetchGroup; requireStable: boolean }
  | { kind: 'describe'; groupId: string }
  | { kind: 'list'; states: ReadonlySet<string>; types: ReadonlySet<string> }
  | { kind: 'delete'; groupId: string }
  | { kind: 'partitionsDeleted'; deleted: readonly TopicPartitions[] }
  | { kind: 'sessionExpired'; groupId: string; memberId: string }
  | { kind: 'joinPhaseOver'; groupId: string }
  | { kind: 'syncPhaseOver'; groupId: string }
  | { kind: 'overfull'; groupId: string }
  | { kind: 'expireOffsets' }

/** An answer of a shard; the facade asked, so it knows which. */
export type Reply =
  | JoinGroupResponse
  | SyncGroupResponse
  | HeartbeatResponse
  | LeaveGroupResponse
  | OffsetCommitResponse
  | TxnOffsetCommitResponse
  | OffsetFetchGroupResult
  | DescribedGroup
  | ListedGroup[]
  | { errorCode: number }
  | { more: boolean }

export function joinRefused(errorCode: number, memberId: string): JoinGroupResponse {
  return {
    throttleTimeMs: 0,
    errorCode,
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  }
}

export function syncRefused(errorCode: number): SyncGroupResponse {
  return { throttleTimeMs: 0, errorCode, protocolType: null, protocolName: null, assignment: Buffer.alloc(0) }
}
