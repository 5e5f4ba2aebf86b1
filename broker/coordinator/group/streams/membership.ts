// Leaving a streams group: a member that says so, one that is not heard from, one that does not give its tasks up
// in time. Kafka: streamsGroupLeave, streamsGroupFenceMember, computeDelayedTargetAssignment.

import { errorCodes } from '../../../protocol/errors.ts'
import type { TimerSetting } from '../decision.ts'
import type { ShardView } from '../shard-view.ts'
import { streamsConfigOf } from './config.ts'
import type { StreamsFact, StreamsNote } from './facts.ts'
import type { HeartbeatDecision } from './heartbeat.ts'
import { heartbeatAnswer, type StreamsHeartbeatRequest } from './messages.ts'
import { Refusal } from './refusal.ts'
import type { StreamsGroup } from './streams-group.ts'
import { targetFor } from './target.ts'
import { initialDelayTimer, revocationTimer, sessionTimer } from './timers.ts'

export function leave(group: StreamsGroup, request: StreamsHeartbeatRequest): HeartbeatDecision {
  const { groupId } = group
  const { memberId, memberEpoch, shutdownApplication } = request
  if (!group.members.has(memberId)) {
    throw new Refusal(errorCodes.UNKNOWN_MEMBER_ID, `Member ${memberId} is not a member of group ${groupId}.`)
  }
  const notes: StreamsNote[] = []
  // Whoever leaves last has nobody to tell.
  if (shutdownApplication && group.soft.shutdownRequestedBy === null && group.members.size > 1)
    notes.push({ kind: 'streamsSoft', groupId, soft: { shutdownRequestedBy: memberId } })
  return { result: heartbeatAnswer({ memberId, memberEpoch }), notes, ...removal(group, memberId) }
}

/** Forgets a member; the group epoch moves on, and the next heartbeat makes a new target. */
export function removal(
  group: StreamsGroup,
  memberId: string,
): { facts: StreamsFact[]; timers: TimerSetting[] } {
  const { groupId, groupEpoch, metadataHash, validatedTopologyEpoch, assignmentConfigs } = group
  const epoch = groupEpoch + 1
  return {
    facts: [
      { kind: 'streamsAssignment', groupId, memberId, value: null },
      { kind: 'streamsTarget', groupId, memberId, value: null },
      { kind: 'streamsMember', groupId, memberId, value: null },
      {
        kind: 'streamsGroup',
        groupId,
        value: { epoch, metadataHash, validatedTopologyEpoch, assignmentConfigs },
      },
    ],
    timers: [
      { key: sessionTimer(groupId, memberId), afterMs: null },
      { key: revocationTimer(groupId, memberId), afterMs: null },
    ],
  }
}

/** The members that came during the initial delay share the tasks, if all that they need is known by now. */
export function initialDelayOver(
  shard: ShardView,
  group: StreamsGroup,
  nowMs: number,
): { facts: StreamsFact[]; notes: StreamsNote[] } {
  const { groupId, groupEpoch, members, assignmentConfigs } = group
  const notes: StreamsNote[] = [{ kind: 'streamsSoft', groupId, soft: { initialDelay: false } }]
  const { configured } = group.soft
  if (members.size === 0 || configured === null) return { facts: [], notes }
  const { assignmentIntervalMs } = streamsConfigOf(shard, groupId)
  const waited = { ...group, soft: { ...group.soft, initialDelay: false } }
  const input = {
    group: waited,
    groupEpoch,
    member: null,
    configured,
    assignmentConfigs,
    assignmentIntervalMs,
    nowMs,
  }
  return { facts: targetFor(input).facts, notes }
}

export function revocationIsOverdue(group: StreamsGroup, memberId: string): boolean {
  return group.members.get(memberId)?.state === 'UnrevokedTasks'
}

/** Everything that forgets a group, its members first. */
export function forgetStreams(group: StreamsGroup): { facts: StreamsFact[]; timers: TimerSetting[] } {
  const { groupId } = group
  const memberIds = [...group.members.keys()]
  return {
    facts: [
      ...memberIds.map(
        (memberId) => ({ kind: 'streamsAssignment', groupId, memberId, value: null }) as const,
      ),
      ...memberIds.map((memberId) => ({ kind: 'streamsTarget', groupId, memberId, value: null }) as const),
      { kind: 'streamsTargetEpoch', groupId, value: null },
      ...memberIds.map((memberId) => ({ kind: 'streamsMember', groupId, memberId, value: null }) as const),
      { kind: 'streamsGroup', groupId, value: null },
      { kind: 'streamsTopology', groupId, value: null },
    ],
    timers: [
      { key: initialDelayTimer(groupId), afterMs: null },
      ...memberIds.flatMap((memberId) => [
        { key: sessionTimer(groupId, memberId), afterMs: null },
        { key: revocationTimer(groupId, memberId), afterMs: null },
      ]),
    ],
  }
}
