// JoinGroup. v4+ dynamic members are first given an id and must come back with it (KIP-394), so that a
// client that gives up on a slow first answer leaves no member behind. Static members (KIP-345) are known
// by their instance id and replace their former selves. Kafka: GroupMetadataManager.classicGroupJoin.

import { errorCodes } from '../../../protocol/errors.ts'
import type { RequestId } from '../../machine.ts'
import { NEW_MEMBER_JOIN_TIMEOUT_MS } from '../config.ts'
import {
  awaitingJoinCount,
  type Member,
  NO_ASSIGNMENT,
  sameProtocols,
  selectProtocol,
  supportsProtocols,
} from './group.ts'
import type { RequestContext } from '../messages.ts'
import { joinRefused, syncRefused } from './answers.ts'
import type { JoinGroupRequest } from './messages.ts'
import { describeMembers, joined, prepareRebalance, rebalanceOrCompleteJoin } from './rebalance.ts'
import { sessionTimer } from './timers.ts'
import type { Turn } from './turn.ts'
import { refuseMember } from './validate.ts'

export interface Join {
  turn: Turn
  request: JoinGroupRequest
  context: RequestContext
  requestId: RequestId
  newUuid: () => string
}

/** Returns false when the request was refused without touching the group. */
export function join(attempt: Join): boolean {
  const { turn, request, requestId } = attempt
  const { group } = turn
  const { memberId } = request
  if (!hasRoomFor(turn, memberId)) {
    turn.remove(memberId)
    turn.reply(requestId, joinRefused(errorCodes.GROUP_MAX_SIZE_REACHED, ''))
    return true
  }
  if (!supportsProtocols(group, request.protocolType, request.protocols)) {
    turn.reply(requestId, joinRefused(errorCodes.INCONSISTENT_GROUP_PROTOCOL, memberId))
    return false
  }
  if (memberId === '') joinAsNewMember(attempt)
  else if (group.pendingJoinMembers.has(memberId)) joinAsPendingMember(attempt)
  else return joinAsMember(attempt)
  return true
}

/** The awaiting members count during a rebalance: those that do not come back make room. */
function hasRoomFor({ group, config }: Turn, memberId: string): boolean {
  const member = group.members.get(memberId)
  switch (group.state) {
    case 'Empty':
      return true
    case 'PreparingRebalance':
      return (
        (member !== undefined && member.awaitingJoin !== null) || awaitingJoinCount(group) < config.maxSize
      )
    default:
      return member !== undefined || group.members.size < config.maxSize
  }
}

function joinAsNewMember(attempt: Join): void {
  const { turn, request, context, requestId, newUuid } = attempt
  const { group } = turn
  const { groupInstanceId } = request
  const newMemberId = `${groupInstanceId ?? context.clientId ?? ''}-${newUuid()}`
  if (groupInstanceId !== null) {
    const formerMemberId = group.staticMembers.get(groupInstanceId)
    if (formerMemberId === undefined) addMember(attempt, newMemberId)
    else replaceStaticMember(attempt, formerMemberId, newMemberId)
  } else if (context.apiVersion >= 4) {
    group.pendingJoinMembers.add(newMemberId)
    turn.reply(requestId, joinRefused(errorCodes.MEMBER_ID_REQUIRED, newMemberId))
    turn.timer(sessionTimer(group.groupId, newMemberId), request.sessionTimeoutMs)
  } else {
    addMember(attempt, newMemberId)
  }
}

function joinAsPendingMember(attempt: Join): void {
  const { turn, request, requestId } = attempt
  if (request.groupInstanceId !== null) {
    // Ids are only handed out to dynamic members: this instance id belongs to someone else's member id.
    turn.reply(requestId, joinRefused(errorCodes.UNKNOWN_MEMBER_ID, request.memberId))
    return
  }
  addMember(attempt, request.memberId)
}

function joinAsMember(attempt: Join): boolean {
  const { turn, request, requestId } = attempt
  const { group } = turn
  const { memberId } = request
  const refusal = refuseMember(group, memberId, request.groupInstanceId)
  const member = group.members.get(memberId)
  if (refusal !== undefined || member === undefined || group.state === 'Empty') {
    turn.reply(requestId, joinRefused(refusal ?? errorCodes.UNKNOWN_MEMBER_ID, memberId))
    return false
  }
  const isLeader = group.leaderId === memberId
  const unchanged = sameProtocols(member.protocols, request.protocols)
  // A retry of a JoinGroup whose answer was lost, or a follower that was told of a rebalance that is over.
  if (unchanged && (group.state === 'CompletingRebalance' || (group.state === 'Stable' && !isLeader))) {
    turn.reply(requestId, joined(group, memberId, isLeader ? describeMembers(group) : []))
    return true
  }
  updateMember(attempt, memberId)
  rebalanceOrCompleteJoin(turn)
  return true
}

function updateMember({ turn, request, requestId }: Join, memberId: string): Member {
  turn.awaitJoin(memberId, requestId)
  return turn.update(memberId, {
    protocols: request.protocols,
    rebalanceTimeoutMs: rebalanceTimeoutOf(request),
    sessionTimeoutMs: request.sessionTimeoutMs,
  })
}

function addMember({ turn, request, context, requestId }: Join, memberId: string): void {
  const { group } = turn
  const member: Member = {
    memberId,
    groupInstanceId: request.groupInstanceId,
    clientId: context.clientId ?? '',
    clientHost: context.clientHost,
    rebalanceTimeoutMs: rebalanceTimeoutOf(request),
    sessionTimeoutMs: request.sessionTimeoutMs,
    protocols: request.protocols,
    assignment: NO_ASSIGNMENT,
    isNew: true,
    awaitingJoin: requestId,
    awaitingSync: null,
  }
  if (group.members.size === 0) group.protocolType = request.protocolType
  turn.add(member)
  if (group.initialDelay !== null) group.newMemberAdded = true
  turn.restartSession(member, NEW_MEMBER_JOIN_TIMEOUT_MS)
  rebalanceOrCompleteJoin(turn)
}

/**
 * A static member came back with no id: it takes the place of its former self. In a stable group whose
 * protocol stays selected nothing is rebalanced; the new id is written and the assignment stands.
 */
function replaceStaticMember(attempt: Join, formerId: string, memberId: string): void {
  const { turn, context } = attempt
  const { group } = turn
  const formerLeader = group.leaderId
  renameMember(turn, formerId, memberId)
  const member = updateMember(attempt, memberId)
  turn.restartSession(member)
  if (group.state !== 'Stable' || selectProtocol(group) !== group.protocolName) {
    // While the leader makes an assignment it knows only the former id: gather everyone again.
    if (group.state === 'CompletingRebalance') prepareRebalance(turn)
    else rebalanceOrCompleteJoin(turn)
    return
  }
  const isLeader = group.leaderId === memberId
  // v9+ (KIP-814): the leader learns that it is the leader but must not assign. Before, it was told its
  // former id as the leader, so that it takes itself for a follower.
  const skips = context.apiVersion >= 9
  const body = skips
    ? joined(group, memberId, isLeader ? describeMembers(group) : [])
    : joined(group, memberId, [], formerLeader ?? '')
  turn.answerJoin(memberId, { ...body, skipAssignment: skips && isLeader })
  turn.persist()
}

function renameMember(turn: Turn, formerId: string, memberId: string): void {
  const { group } = turn
  // Whoever still waits under the former id is a duplicate of this instance.
  turn.answerJoin(formerId, joinRefused(errorCodes.FENCED_INSTANCE_ID, formerId))
  turn.answerSync(formerId, syncRefused(errorCodes.FENCED_INSTANCE_ID))
  turn.endSession(formerId)
  const members = [...group.members.values()].map((member) =>
    member.memberId === formerId ? { ...member, memberId } : member,
  )
  group.members = new Map(members.map((member) => [member.memberId, member]))
  for (const member of members) {
    if (member.memberId === memberId && member.groupInstanceId !== null) {
      group.staticMembers.set(member.groupInstanceId, memberId)
    }
  }
  if (group.leaderId === formerId) group.leaderId = memberId
  if (group.pendingSyncMembers.delete(formerId)) group.pendingSyncMembers.add(memberId)
}

function rebalanceTimeoutOf(request: JoinGroupRequest): number {
  // v0 has none.
  return request.rebalanceTimeoutMs < 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs
}
