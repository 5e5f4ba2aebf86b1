// The rebalance itself: gathering all members (join phase), giving them one generation, and handing on
// the leader's assignment (sync phase). Kafka: GroupMetadataManager's prepareRebalance to
// completeClassicGroupJoin, and the timers of both phases.

import { errorCodes } from '../../../protocol/errors.ts'
import {
  allMembersJoined,
  type ClassicGroup,
  type Member,
  memberOf,
  metadataFor,
  NO_ASSIGNMENT,
  rebalanceTimeoutMs,
  selectProtocol,
} from './group.ts'
import { syncRefused } from './answers.ts'
import type { JoinGroupResponse } from './messages.ts'
import { subscribedTopicsOf } from './subscription.ts'
import { joinPhaseTimer, syncPhaseTimer } from './timers.ts'
import type { Turn } from './turn.ts'

/** A client may give its members no time at all to rejoin; silent static ones are still looked for no oftener than this. */
const SILENT_MEMBERS_CHECK_MS = 1000

/** Something changed that needs a rebalance: start one, or see whether the one under way can end. */
export function rebalanceOrCompleteJoin(turn: Turn): void {
  if (turn.group.state === 'PreparingRebalance') completeJoinIfAllJoined(turn)
  else prepareRebalance(turn)
}

export function prepareRebalance(turn: Turn): void {
  const { group, config } = turn
  if (group.state === 'CompletingRebalance') failSyncs(turn, errorCodes.REBALANCE_IN_PROGRESS)
  turn.timer(syncPhaseTimer(group.groupId), null)
  if (group.state === 'Empty') {
    // The first members of a group tend to start together: wait a little for the others.
    const delayMs = config.initialRebalanceDelayMs
    group.initialDelay = { delayMs, remainingMs: Math.max(rebalanceTimeoutMs(group) - delayMs, 0) }
    group.newMemberAdded = false
    turn.enter('PreparingRebalance')
    turn.timer(joinPhaseTimer(group.groupId), delayMs)
    return
  }
  group.initialDelay = null
  turn.enter('PreparingRebalance')
  if (allMembersJoined(group)) completeJoin(turn)
  else turn.timer(joinPhaseTimer(group.groupId), rebalanceTimeoutMs(group))
}

/** The initial delay is not cut short: more members may be about to come. */
export function completeJoinIfAllJoined(turn: Turn): void {
  const { group } = turn
  if (group.state !== 'PreparingRebalance' || group.initialDelay !== null) return
  if (allMembersJoined(group)) completeJoin(turn)
}

/** The join phase's time is up. */
export function joinPhaseOver(turn: Turn): void {
  const { group, config } = turn
  if (group.state !== 'PreparingRebalance') return
  const delay = group.initialDelay
  if (delay !== null && group.newMemberAdded && delay.remainingMs > 0) {
    group.newMemberAdded = false
    const delayMs = Math.min(config.initialRebalanceDelayMs, delay.remainingMs)
    group.initialDelay = { delayMs, remainingMs: Math.max(delay.remainingMs - delayMs, 0) }
    turn.timer(joinPhaseTimer(group.groupId), delayMs)
    return
  }
  completeJoin(turn)
}

/** Members that did not send SyncGroup in time are taken for dead. */
export function syncPhaseOver(turn: Turn): void {
  const { group } = turn
  if (group.state !== 'CompletingRebalance' && group.state !== 'Stable') return
  if (group.pendingSyncMembers.size === 0) return
  for (const memberId of group.pendingSyncMembers) turn.remove(memberId)
  prepareRebalance(turn)
}

function completeJoin(turn: Turn): void {
  const { group } = turn
  turn.timer(joinPhaseTimer(group.groupId), null)
  for (const member of group.members.values()) {
    // Static members stay until their session ends: they may be restarting.
    if (member.awaitingJoin === null && member.groupInstanceId === null) turn.remove(member.memberId)
  }
  if (!leaderHasJoined(group) && group.members.size > 0) {
    // Nobody rejoined: wait on until the sessions of the silent members end.
    const againMs = Math.max(rebalanceTimeoutMs(group), SILENT_MEMBERS_CHECK_MS)
    turn.timer(joinPhaseTimer(group.groupId), againMs)
    group.initialDelay = null
    return
  }
  beginGeneration(turn)
  if (group.state === 'Empty') {
    turn.persist()
    return
  }
  const leaderView = describeMembers(group)
  for (const member of group.members.values()) {
    const isLeader = member.memberId === group.leaderId
    turn.answerJoin(member.memberId, joined(group, member.memberId, isLeader ? leaderView : []))
    turn.restartSession(turn.update(member.memberId, { isNew: false }))
    group.pendingSyncMembers.add(member.memberId)
  }
  turn.timer(syncPhaseTimer(group.groupId), rebalanceTimeoutMs(group))
}

function beginGeneration(turn: Turn): void {
  const { group } = turn
  group.generationId++
  group.initialDelay = null
  group.pendingSyncMembers.clear()
  const empty = group.members.size === 0
  group.protocolName = empty ? null : selectProtocol(group)
  group.subscribedTopics = subscribedTopicsOf(group)
  turn.enter(empty ? 'Empty' : 'CompletingRebalance')
}

/** The leader has joined, or another member that has is made leader. */
function leaderHasJoined(group: ClassicGroup): boolean {
  if (group.leaderId === null) return false
  if (memberOf(group, group.leaderId).awaitingJoin !== null) return true
  for (const member of group.members.values()) {
    if (member.awaitingJoin === null) continue
    group.leaderId = member.memberId
    return true
  }
  return false
}

export function joined(
  group: ClassicGroup,
  memberId: string,
  members: JoinGroupResponse['members'],
  leader = group.leaderId ?? '',
): JoinGroupResponse {
  return {
    throttleTimeMs: 0,
    errorCode: errorCodes.NONE,
    generationId: group.generationId,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    leader,
    skipAssignment: false,
    memberId,
    members,
  }
}

/** What the leader is told to make an assignment from. */
export function describeMembers(group: ClassicGroup): JoinGroupResponse['members'] {
  return [...group.members.values()].map((member) => ({
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    metadata: metadataFor(member, group.protocolName),
  }))
}

function failSyncs(turn: Turn, errorCode: number): void {
  for (const { memberId } of turn.group.members.values()) {
    const answered = turn.answerSync(memberId, syncRefused(errorCode))
    const member: Member = turn.update(memberId, { assignment: NO_ASSIGNMENT })
    if (answered) turn.restartSession(member)
  }
}
