// JoinGroup, SyncGroup, Heartbeat and LeaveGroup in the protocol's own types, and the commands that they and
// the timers become inside a shard.

import type { heartbeat } from '../../../protocol/apis/heartbeat.ts'
import type { joinGroup } from '../../../protocol/apis/join-group.ts'
import type { leaveGroup } from '../../../protocol/apis/leave-group.ts'
import type { syncGroup } from '../../../protocol/apis/sync-group.ts'
import type { RequestOf, ResponseOf } from '../../../protocol/message.ts'
import type { RequestContext } from '../messages.ts'

export type JoinGroupRequest = RequestOf<typeof joinGroup>
export type JoinGroupResponse = ResponseOf<typeof joinGroup>
export type SyncGroupRequest = RequestOf<typeof syncGroup>
export type SyncGroupResponse = ResponseOf<typeof syncGroup>
export type HeartbeatRequest = RequestOf<typeof heartbeat>
export type HeartbeatResponse = ResponseOf<typeof heartbeat>
export type LeaveGroupRequest = RequestOf<typeof leaveGroup>
export type LeaveGroupResponse = ResponseOf<typeof leaveGroup>
export type LeavingMember = LeaveGroupRequest['members'][number]

export type ClassicCommand =
  | { kind: 'join'; request: JoinGroupRequest; context: RequestContext }
  | { kind: 'sync'; request: SyncGroupRequest }
  | { kind: 'heartbeat'; request: HeartbeatRequest }
  | { kind: 'leave'; groupId: string; members: readonly LeavingMember[] }
  | { kind: 'sessionExpired'; groupId: string; memberId: string }
  | { kind: 'joinPhaseOver'; groupId: string }
  | { kind: 'syncPhaseOver'; groupId: string }
  | { kind: 'overfull'; groupId: string }

export type ClassicReply = JoinGroupResponse | SyncGroupResponse | HeartbeatResponse | LeaveGroupResponse
