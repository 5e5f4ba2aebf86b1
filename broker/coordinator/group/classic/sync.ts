// SyncGroup: the leader's brings the assignment, everyone's asks for its own part of it. The assignment
// is answered only when it is in the log. Kafka: GroupMetadataManager.classicGroupSync.

import { errorCodes } from '../../../protocol/errors.ts'
import type { RequestId } from '../../machine.ts'
import { type ClassicGroup, memberOf, NO_ASSIGNMENT } from './group.ts'
import type { SyncGroupRequest, SyncGroupResponse } from './messages.ts'
import { syncPhaseTimer } from './timers.ts'
import type { Turn } from './turn.ts'
import { refuseMember } from './validate.ts'

export function refuseSync(group: ClassicGroup | undefined, request: SyncGroupRequest): number | undefined {
  if (group === undefined) return errorCodes.UNKNOWN_MEMBER_ID
  const refusal = refuseMember(group, request.memberId, request.groupInstanceId)
  if (refusal !== undefined) return refusal
  if (request.generationId !== group.generationId) return errorCodes.ILLEGAL_GENERATION
  if (
    differs(request.protocolType, group.protocolType) ||
    differs(request.protocolName, group.protocolName)
  ) {
    return errorCodes.INCONSISTENT_GROUP_PROTOCOL
  }
  if (group.state === 'Empty') return errorCodes.UNKNOWN_MEMBER_ID
  if (group.state === 'PreparingRebalance') return errorCodes.REBALANCE_IN_PROGRESS
  return undefined
}

/** Before v5 a client does not say; then there is nothing to compare. */
function differs(said: string | null, known: string | null): boolean {
  return said !== null && known !== null && said !== known
}

export function sync(turn: Turn, request: SyncGroupRequest, requestId: RequestId): void {
  const { group } = turn
  const { memberId } = request
  group.pendingSyncMembers.delete(memberId)
  if (group.pendingSyncMembers.size === 0) turn.timer(syncPhaseTimer(group.groupId), null)
  if (group.state === 'Stable') {
    turn.reply(requestId, synced(group, memberId))
    return
  }
  turn.awaitSync(memberId, requestId)
  if (memberId !== group.leaderId) return
  const assignments = new Map(request.assignments.map((entry) => [entry.memberId, entry.assignment]))
  // A member that the leader left out gets nothing; one that is not in the group is not believed.
  for (const id of group.members.keys()) {
    turn.update(id, { assignment: assignments.get(id) ?? NO_ASSIGNMENT })
  }
  turn.enter('Stable')
  turn.persist()
  for (const id of group.members.keys()) {
    if (turn.answerSync(id, synced(group, id))) turn.restartSession(memberOf(group, id))
  }
}

function synced(group: ClassicGroup, memberId: string): SyncGroupResponse {
  return {
    throttleTimeMs: 0,
    errorCode: errorCodes.NONE,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    assignment: memberOf(group, memberId).assignment,
  }
}
