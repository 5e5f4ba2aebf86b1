// Staying in a group and leaving it: Heartbeat, LeaveGroup, and the end of a session that nobody ended.
// Kafka: classicGroupHeartbeat, classicGroupLeave, expireClassicGroupMemberHeartbeat.

import { errorCodes } from '../../../protocol/errors.ts'
import type { RequestId } from '../../machine.ts'
import { type ClassicGroup, memberOf } from './group.ts'
import type { HeartbeatRequest, LeaveGroupResponse, LeavingMember } from './messages.ts'
import { completeJoinIfAllJoined, prepareRebalance, rebalanceOrCompleteJoin } from './rebalance.ts'
import { sessionTimer } from './timers.ts'
import { answer, type GroupDecision } from '../decision.ts'
import type { Turn } from './turn.ts'
import { refuseMember } from './validate.ts'

export function heartbeat(
  group: ClassicGroup | undefined,
  request: HeartbeatRequest,
  requestId: RequestId,
): GroupDecision {
  const respond = (errorCode: number): GroupDecision => answer(requestId, { throttleTimeMs: 0, errorCode })
  if (group === undefined) return respond(errorCodes.UNKNOWN_MEMBER_ID)
  const refusal = refuseMember(group, request.memberId, request.groupInstanceId)
  if (refusal !== undefined) return respond(refusal)
  if (request.generationId !== group.generationId) return respond(errorCodes.ILLEGAL_GENERATION)
  if (group.state === 'Empty') return respond(errorCodes.UNKNOWN_MEMBER_ID)
  const rebalancing = group.state === 'PreparingRebalance'
  const decision = respond(rebalancing ? errorCodes.REBALANCE_IN_PROGRESS : errorCodes.NONE)
  decision.timers.push(sessionRestart(group, request.memberId))
  return decision
}

/** The timer that says a member was heard from. */
export function sessionRestart(group: ClassicGroup, memberId: string): { key: string; afterMs: number } {
  return { key: sessionTimer(group.groupId, memberId), afterMs: memberOf(group, memberId).sessionTimeoutMs }
}

export function leave(turn: Turn, leaving: readonly LeavingMember[], requestId: RequestId): void {
  const { group } = turn
  const members: LeaveGroupResponse['members'] = []
  let left = 0
  for (const { memberId, groupInstanceId } of leaving) {
    // An administrator removes a static member by its instance id alone.
    const current =
      memberId === '' && groupInstanceId !== null ? group.staticMembers.get(groupInstanceId) : memberId
    const errorCode =
      current === undefined || current === ''
        ? errorCodes.UNKNOWN_MEMBER_ID
        : group.pendingJoinMembers.has(current)
          ? errorCodes.NONE
          : (refuseMember(group, current, groupInstanceId) ?? errorCodes.NONE)
    members.push({ memberId, groupInstanceId, errorCode })
    if (errorCode !== errorCodes.NONE) continue
    turn.remove(current as string)
    left++
  }
  turn.reply(requestId, { throttleTimeMs: 0, errorCode: errorCodes.NONE, members })
  if (left > 0 && group.state !== 'Empty') rebalanceOrCompleteJoin(turn)
}

/** Returns false when there is nothing to do. */
export function sessionExpired(turn: Turn, memberId: string): boolean {
  const { group } = turn
  const member = group.members.get(memberId)
  if (member === undefined) {
    if (!group.pendingJoinMembers.delete(memberId)) return false
    completeJoinIfAllJoined(turn)
    return true
  }
  // Whoever waits for the others cannot heartbeat; the session restarts with the answer. A new member
  // does not know its id yet: if its client is gone, nothing else would ever remove it.
  if (!member.isNew && (member.awaitingJoin !== null || member.awaitingSync !== null)) return false
  turn.remove(memberId)
  if (group.state !== 'Empty') rebalanceOrCompleteJoin(turn)
  return true
}

/** The size limit was lowered while the broker was down: a rebalance lets in as many as fit. */
export function overfull(turn: Turn): void {
  if (turn.group.state === 'Stable' && turn.group.members.size > turn.config.maxSize) prepareRebalance(turn)
}
