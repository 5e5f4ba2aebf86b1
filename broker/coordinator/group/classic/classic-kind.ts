// Classic groups among the kinds of groups: which of their commands is decided where, and how their facts and
// notes change them. A fact alone gives the state of a restart; live traffic adds its note to that.

import { errorCodes } from '../../../protocol/errors.ts'
import type { RequestId } from '../../machine.ts'
import { answer, emptyDecision, type GroupDecision, type TimerSetting } from '../decision.ts'
import type { GroupKind } from '../group-kind.ts'
import type { ShardView } from '../shard-view.ts'
import { type GroupFact, groupOf, type LiveNote } from './facts.ts'
import { type ClassicGroup, newGroup } from './group.ts'
import { join } from './join.ts'
import { heartbeat, leave, overfull, sessionExpired, sessionRestart } from './membership.ts'
import { joinRefused, syncRefused } from './answers.ts'
import type { ClassicCommand } from './messages.ts'
import { joinPhaseOver, syncPhaseOver } from './rebalance.ts'
import { decodeGroup, encodeGroup, GROUP_KEY } from './records.ts'
import { refuseSync, sync } from './sync.ts'
import { classicTimers, overfullTimer } from './timers.ts'
import { Turn } from './turn.ts'
import { refuseCommit } from './validate.ts'

type CommandOf<Kind extends ClassicCommand['kind']> = Extract<ClassicCommand, { kind: Kind }>

export const classicKind: GroupKind<ClassicGroup, ClassicCommand, GroupFact | LiveNote> = {
  type: 'classic',

  commands: [
    'join',
    'sync',
    'heartbeat',
    'leave',
    'sessionExpired',
    'joinPhaseOver',
    'syncPhaseOver',
    'overfull',
  ],
  decide(shard, command, requestId, nowMs) {
    switch (command.kind) {
      case 'join':
        return decideJoin(shard, command, requestId, nowMs)
      case 'sync':
        return decideSync(shard, command, requestId, nowMs)
      case 'heartbeat':
        return heartbeat(classicGroup(shard, command.request.groupId), command.request, requestId)
      case 'leave':
        return decideLeave(shard, command, requestId, nowMs)
      case 'sessionExpired':
        return change(shard, command.groupId, nowMs, (turn) => sessionExpired(turn, command.memberId))
      case 'joinPhaseOver':
        return change(shard, command.groupId, nowMs, joinPhaseOver)
      case 'syncPhaseOver':
        return change(shard, command.groupId, nowMs, syncPhaseOver)
      case 'overfull':
        return change(shard, command.groupId, nowMs, overfull)
    }
  },

  timers: classicTimers,
  timersAfterReplay({ config }, group) {
    const timers: TimerSetting[] = []
    for (const memberId of group.members.keys()) timers.push(sessionRestart(group, memberId))
    if (group.members.size > config.maxSize) timers.push({ key: overfullTimer(group.groupId), afterMs: 0 })
    return timers
  },

  records: [{ recordType: GROUP_KEY, fact: 'group' }],
  encode: (fact) => encodeGroup(fact as GroupFact),
  decode: (_, key, value) => decodeGroup(key, value),
  notes: ['live'],
  apply(group, change) {
    if (change.kind === 'group')
      return change.value === null ? undefined : groupOf(change.groupId, change.value)
    const { groupId, generationId } = change.group
    const current = group?.generationId ?? 0
    // I13: a generation that was given out is never given out again.
    if (generationId < current)
      throw new Error(`group ${groupId} goes from generation ${current} to ${generationId}`)
    return change.group
  },

  stateName: ({ state }) => state,
  protocolType: ({ protocolType }) => protocolType ?? '',
  isEmpty: ({ state }) => state === 'Empty',
  isSubscribedTo: (group, topic) => group.subscribedTopics?.has(topic) ?? group.protocolType === 'consumer',

  refuseCommit,
  // Classic members never said who they are when they fetched.
  refuseFetch: () => undefined,
  // Of a consumer group the topics are looked at one by one.
  refuseOffsetDelete: ({ state, protocolType }) =>
    state === 'Empty' || protocolType === 'consumer' ? undefined : errorCodes.NON_EMPTY_GROUP,
  refuseDelete: ({ state }) => (state === 'Empty' ? undefined : errorCodes.NON_EMPTY_GROUP),
  // Who commits is alive.
  sessionsOnCommit: (group, memberId) =>
    group.members.has(memberId) ? [sessionRestart(group, memberId)] : [],
  expiryStart(group) {
    const sinceCommit = (value: { commitTimestampMs: number }): number => value.commitTimestampMs
    if (group.protocolType === null) return sinceCommit
    if (group.state === 'Empty') return (value) => group.stateTimestampMs ?? value.commitTimestampMs
    const topicsKnown = group.protocolType === 'consumer' && group.subscribedTopics !== null
    return group.state === 'Stable' && topicsKnown ? sinceCommit : null
  },
  mayExpire: () => true,
  forget: ({ groupId }) => ({ facts: [{ kind: 'group', groupId, value: null }], timers: [] }),
}

/** The group if it is there and a classic one. */
export function classicGroup(shard: ShardView, groupId: string): ClassicGroup | undefined {
  const group = shard.group(groupId)
  return group?.type === 'classic' ? (group as ClassicGroup) : undefined
}

function decideJoin(
  shard: ShardView,
  { request, context }: CommandOf<'join'>,
  requestId: RequestId,
  nowMs: number,
): GroupDecision {
  const { groupId, memberId } = request
  const known = shard.group(groupId)
  if (known !== undefined && known.type !== 'classic') {
    return answer(requestId, joinRefused(errorCodes.INCONSISTENT_GROUP_PROTOCOL, ''))
  }
  if (known === undefined && memberId !== '') {
    return answer(requestId, joinRefused(errorCodes.UNKNOWN_MEMBER_ID, memberId))
  }
  const turn = new Turn(classicGroup(shard, groupId) ?? newGroup(groupId, nowMs), shard.config, nowMs)
  const changed = join({ turn, request, context, requestId, newUuid: () => shard.newUuid() })
  // A new group is written at once, so that it outlives a restart between join and sync.
  if (changed && known === undefined && !turn.persisted) turn.persistNew()
  return changed ? turn.done() : turn.refused()
}

function decideSync(
  shard: ShardView,
  { request }: CommandOf<'sync'>,
  requestId: RequestId,
  nowMs: number,
): GroupDecision {
  const group = classicGroup(shard, request.groupId)
  const refusal = refuseSync(group, request)
  if (group === undefined || refusal !== undefined) {
    return answer(requestId, syncRefused(refusal ?? errorCodes.UNKNOWN_MEMBER_ID))
  }
  return change(shard, group.groupId, nowMs, (turn) => sync(turn, request, requestId))
}

function decideLeave(
  shard: ShardView,
  { groupId, members }: CommandOf<'leave'>,
  requestId: RequestId,
  nowMs: number,
): GroupDecision {
  if (classicGroup(shard, groupId) !== undefined)
    return change(shard, groupId, nowMs, (turn) => leave(turn, members, requestId))
  const errorCode = errorCodes.UNKNOWN_MEMBER_ID
  return answer(requestId, {
    throttleTimeMs: 0,
    errorCode: errorCodes.NONE,
    members: members.map(({ memberId, groupInstanceId }) => ({ memberId, groupInstanceId, errorCode })),
  })
}

/** Lets `work` change a copy of a group; when it returns false, or there is no group, nothing happens. */
function change(
  shard: ShardView,
  groupId: string,
  nowMs: number,
  work: (turn: Turn) => boolean | void,
): GroupDecision {
  const group = classicGroup(shard, groupId)
  if (group === undefined) return emptyDecision()
  const turn = new Turn(group, shard.config, nowMs)
  return work(turn) === false ? emptyDecision() : turn.done()
}
