// Streams groups (KIP-1071) among the kinds of groups: which of their commands is decided where. All of a group but
// its soft state is in the log.

import { errorCodes } from '../../../protocol/errors.ts'
import type { RequestId } from '../../machine.ts'
import { classicKind } from '../classic/classic-kind.ts'
import type { ClassicGroup } from '../classic/group.ts'
import { answer, emptyDecision, type GroupDecision, type TimerSetting } from '../decision.ts'
import type { Fact } from '../facts.ts'
import type { GroupKind } from '../group-kind.ts'
import type { ShardView } from '../shard-view.ts'
import { applyStreams } from './apply.ts'
import { streamsConfigOf } from './config.ts'
import { describeStreams, describeStreamsRefused } from './describe.ts'
import type { StreamsFact, StreamsNote } from './facts.ts'
import { heartbeat, type HeartbeatDecision } from './heartbeat.ts'
import { forgetStreams, initialDelayOver, leave, removal, revocationIsOverdue } from './membership.ts'
import { heartbeatRefused, type StreamsCommand } from './messages.ts'
import { refuseCommit, refuseFetch } from './offset-fence.ts'
import { decodeStreams, encodeStreams, streamsRecordTypes } from './records.ts'
import { Refusal } from './refusal.ts'
import { stateOf, type StreamsGroup } from './streams-group.ts'
import { revocationTimer, sessionTimer, streamsTimers } from './timers.ts'
import { requiredTopics, sourcesOf } from './topology.ts'

type CommandOf<Kind extends StreamsCommand['kind']> = Extract<StreamsCommand, { kind: Kind }>

const JOINING = 0

export const streamsKind: GroupKind<StreamsGroup, StreamsCommand, StreamsFact | StreamsNote> = {
  type: 'streams',

  commands: [
    'streamsHeartbeat',
    'streamsDescribe',
    'streamsSessionExpired',
    'streamsRevocationOver',
    'streamsInitialDelayOver',
  ],
  decide(shard, command, requestId, nowMs) {
    switch (command.kind) {
      case 'streamsHeartbeat':
        return decideHeartbeat(shard, command, requestId, nowMs)
      case 'streamsDescribe':
        return decideDescribe(shard, command.groupId, requestId)
      case 'streamsSessionExpired':
        return decideRemoval(shard, command, (group, memberId) => group.members.has(memberId))
      case 'streamsRevocationOver':
        return decideRemoval(shard, command, revocationIsOverdue)
      case 'streamsInitialDelayOver': {
        const group = streamsGroup(shard, command.groupId)
        if (group === undefined) return emptyDecision()
        return { ...emptyDecision(), ...initialDelayOver(shard, group, nowMs) }
      }
    }
  },

  timers: streamsTimers,
  timersAfterReplay(shard, { groupId, members }) {
    const { sessionTimeoutMs } = streamsConfigOf(shard, groupId)
    const timers: TimerSetting[] = []
    for (const { memberId, state, rebalanceTimeoutMs } of members.values()) {
      timers.push({ key: sessionTimer(groupId, memberId), afterMs: sessionTimeoutMs })
      if (state === 'UnrevokedTasks')
        timers.push({ key: revocationTimer(groupId, memberId), afterMs: rebalanceTimeoutMs })
    }
    return timers
  },

  records: streamsRecordTypes,
  encode: (fact) => encodeStreams(fact as StreamsFact),
  decode: decodeStreams,
  notes: ['streamsSoft'],
  apply: applyStreams,

  stateName: stateOf,
  protocolType: () => 'streams',
  isEmpty: ({ members }) => members.size === 0,
  isSubscribedTo,
  // Internal topics too, and those of a group that is empty now: whoever joins next must not rely on what is gone.
  dependsOn: ({ topology }, topic) => topology !== null && requiredTopics(topology).has(topic),

  refuseCommit,
  refuseFetch,
  refuseOffsetDelete: () => undefined,
  refuseDelete: ({ members }) => (members.size === 0 ? undefined : errorCodes.NON_EMPTY_GROUP),
  // Only heartbeats say that a member lives.
  sessionsOnCommit: () => [],
  expiryStart: () => (value) => value.commitTimestampMs,
  mayExpire: ({ members }) => members.size === 0,
  forget: forgetStreams,
}

/** The group if it is there and a streams group. */
function streamsGroup(shard: ShardView, groupId: string): StreamsGroup | undefined {
  const group = shard.group(groupId)
  return group?.type === 'streams' ? (group as StreamsGroup) : undefined
}

function isSubscribedTo({ members, topology }: StreamsGroup, topic: string): boolean {
  if (members.size === 0 || topology === null) return false
  return topology.subtopologies.some((subtopology) => sourcesOf(subtopology).includes(topic))
}

function decideHeartbeat(
  shard: ShardView,
  { request, client }: CommandOf<'streamsHeartbeat'>,
  requestId: RequestId,
  nowMs: number,
): GroupDecision {
  const { groupId, memberEpoch } = request
  try {
    const converted: Fact[] = []
    const group =
      memberEpoch === JOINING ? joinable(shard, groupId, converted) : existing(shard, groupId, memberEpoch)
    const { result, facts, notes, timers }: HeartbeatDecision =
      group !== undefined && memberEpoch < JOINING
        ? leave(group, request)
        : heartbeat(shard, group, request, client, nowMs)
    return { replies: [{ to: requestId, body: result }], facts: [...converted, ...facts], notes, timers }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return answer(requestId, heartbeatRefused(error.errorCode, error.message))
  }
}

/** The group to join; an empty classic group of the name gives way. */
function joinable(shard: ShardView, groupId: string, facts: Fact[]): StreamsGroup | undefined {
  const group = shard.group(groupId)
  if (group?.type !== 'classic') return existingStreams(shard, groupId)
  const classic = group as ClassicGroup
  if (!classicKind.isEmpty(classic)) throw notStreams(groupId)
  facts.push(...classicKind.forget(classic).facts)
  return undefined
}

function existing(shard: ShardView, groupId: string, memberEpoch: number): StreamsGroup {
  const group = existingStreams(shard, groupId)
  if (group !== undefined) return group
  const name = memberEpoch < JOINING ? 'Group' : 'Streams group'
  throw new Refusal(errorCodes.GROUP_ID_NOT_FOUND, `${name} ${groupId} not found.`)
}

function existingStreams(shard: ShardView, groupId: string): StreamsGroup | undefined {
  const group = shard.group(groupId)
  if (group === undefined) return undefined
  if (group.type !== 'streams') throw notStreams(groupId)
  return group as StreamsGroup
}

const notStreams = (groupId: string): Refusal =>
  new Refusal(errorCodes.GROUP_ID_NOT_FOUND, `Group ${groupId} is not a streams group.`)

function decideDescribe(shard: ShardView, groupId: string, requestId: RequestId): GroupDecision {
  const group = shard.group(groupId)
  if (group?.type === 'streams') return answer(requestId, describeStreams(group as StreamsGroup))
  const message =
    group === undefined ? `Group ${groupId} not found.` : `Group ${groupId} is not a streams group.`
  return answer(requestId, describeStreamsRefused(groupId, errorCodes.GROUP_ID_NOT_FOUND, message))
}

function decideRemoval(
  shard: ShardView,
  { groupId, memberId }: { groupId: string; memberId: string },
  isDue: (group: StreamsGroup, memberId: string) => boolean,
): GroupDecision {
  const group = streamsGroup(shard, groupId)
  if (group === undefined || !isDue(group, memberId)) return emptyDecision()
  return { ...emptyDecision(), ...removal(group, memberId) }
}
