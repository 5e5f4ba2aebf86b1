// Share groups (KIP-932) among the kinds of groups: which of their commands is decided where.

import { errorCodes } from '../../../protocol/errors.ts'
import type { RequestId } from '../../machine.ts'
import { answer, emptyDecision, type GroupDecision } from '../decision.ts'
import type { GroupKind } from '../group-kind.ts'
import { Refused } from '../modern/refused.ts'
import type { ShardView } from '../shard-view.ts'
import { applyShare } from './apply.ts'
import { shareGroupConfigOf } from './config.ts'
import { describeShare, describeShareRefused } from './describe.ts'
import type { ShareFact } from './facts.ts'
import { heartbeat, type HeartbeatDecision, leave, removal } from './heartbeat.ts'
import { initialized, type KeptTopics, NONE_KEPT, notInitialized, withoutTopics } from './kept-topics.ts'
import {
  alterRefused,
  deleteRefused,
  heartbeatRefused,
  type KeptTopicMap,
  type ShareCommand,
  type ShareReply,
} from './messages.ts'
import { alterOffsets, beginDelete, deleteOffsets } from './offsets-admin.ts'
import { decodeShare, encodeShare, shareRecordTypes } from './records.ts'
import type { ShareGroup } from './share-group.ts'
import { sessionTimer, shareTimers } from './timers.ts'

type CommandOf<Kind extends ShareCommand['kind']> = Extract<ShareCommand, { kind: Kind }>

const JOINING = 0

export const shareKind: GroupKind<ShareGroup, ShareCommand, ShareFact> = {
  type: 'share',

  commands: [
    'shareHeartbeat',
    'shareDescribe',
    'shareSessionExpired',
    'shareInitialized',
    'shareNotInitialized',
    'shareKept',
    'shareAlterOffsets',
    'shareDeleteOffsets',
    'shareDeleted',
    'shareBeginDelete',
    'shareTopicsDeleted',
  ],
  decide(shard, command, requestId, nowMs) {
    switch (command.kind) {
      case 'shareHeartbeat':
        return decideHeartbeat(shard, command, requestId, nowMs)
      case 'shareDescribe':
        return decideDescribe(shard, command.groupId, requestId)
      case 'shareSessionExpired': {
        const group = shareGroup(shard, command.groupId)
        if (group === undefined || !group.members.has(command.memberId)) return emptyDecision()
        return { ...emptyDecision(), ...removal(shard, group, command.memberId) }
      }
      case 'shareInitialized':
        return rewritten(shard, command, requestId, (kept) =>
          initialized(kept, existingOf(shard, command.topics), nowMs),
        )
      case 'shareNotInitialized':
        return rewritten(shard, command, requestId, (kept) => notInitialized(kept, command.topics, nowMs))
      case 'shareDeleted':
        return rewritten(shard, command, requestId, (kept) => ({
          ...kept,
          deleting: new Map([...kept.deleting].filter(([topicId]) => !command.topicIds.has(topicId))),
        }))
      case 'shareKept': {
        const kept = shareGroup(shard, command.groupId)?.keptTopics?.initialized ?? new Map()
        return answer(requestId, { kept })
      }
      case 'shareAlterOffsets':
        return guarded(requestId, alterRefused, () =>
          alterOffsets(shard, joinable(shard, command.request.groupId), command.request, nowMs),
        )
      case 'shareDeleteOffsets':
        return guarded(requestId, deleteRefused, () =>
          deleteOffsets(shard, existing(shard, command.request.groupId, 'Group'), command.request),
        )
      case 'shareBeginDelete': {
        const group = shareGroup(shard, command.groupId)
        if (group === undefined) return answer(requestId, deleteRefused(errorCodes.NONE, null))
        return guarded(requestId, deleteRefused, () => beginDelete(shard, group))
      }
      case 'shareTopicsDeleted':
        return topicsDeleted(shard, command.topicIds, requestId, nowMs)
    }
  },

  timers: shareTimers,
  timersAfterReplay(shard, { groupId, members }) {
    const { sessionTimeoutMs } = shareGroupConfigOf(shard, groupId)
    return [...members.keys()].map((memberId) => ({
      key: sessionTimer(groupId, memberId),
      afterMs: sessionTimeoutMs,
    }))
  },

  records: shareRecordTypes,
  encode: (fact) => encodeShare(fact as ShareFact),
  decode: decodeShare,
  notes: [],
  apply: applyShare,

  stateName: ({ members }) => (members.size === 0 ? 'Empty' : 'Stable'),
  protocolType: () => 'share',
  isEmpty: ({ members }) => members.size === 0,
  isSubscribedTo: ({ members }, topic) =>
    [...members.values()].some(({ subscribedTopicNames }) => subscribedTopicNames.includes(topic)),

  // A share group has no committed offsets.
  refuseCommit: () => errorCodes.GROUP_ID_NOT_FOUND,
  refuseFetch: () => errorCodes.GROUP_ID_NOT_FOUND,
  refuseOffsetDelete: () => errorCodes.GROUP_ID_NOT_FOUND,
  refuseDelete: ({ members }) => (members.size === 0 ? undefined : errorCodes.NON_EMPTY_GROUP),
  sessionsOnCommit: () => [],
  expiryStart: () => null,
  mayExpire: () => false,
  forget({ groupId, members, targets }) {
    const memberIds = [...members.keys()]
    const gone = (
      kind: 'shareAssignment' | 'shareTarget' | 'shareMember',
      ids: readonly string[],
    ): ShareFact[] => ids.map((memberId) => ({ kind, groupId, memberId, value: null }))
    return {
      facts: [
        ...gone('shareAssignment', memberIds),
        ...gone('shareTarget', [...targets.keys()]),
        { kind: 'shareTargetEpoch', groupId, value: null },
        ...gone('shareMember', memberIds),
        { kind: 'shareKeptTopics', groupId, value: null },
        { kind: 'shareGroup', groupId, value: null },
      ],
      timers: memberIds.map((memberId) => ({ key: sessionTimer(groupId, memberId), afterMs: null })),
    }
  },
}

/** The group if it is there and a share group. */
function shareGroup(shard: ShardView, groupId: string): ShareGroup | undefined {
  const group = shard.group(groupId)
  return group?.type === 'share' ? (group as ShareGroup) : undefined
}

function joinable(shard: ShardView, groupId: string): ShareGroup | undefined {
  const group = shard.group(groupId)
  if (group !== undefined && group.type !== 'share') throw notShare(groupId)
  return group as ShareGroup | undefined
}

function existing(shard: ShardView, groupId: string, name: string): ShareGroup {
  const group = joinable(shard, groupId)
  if (group === undefined) throw new Refused(errorCodes.GROUP_ID_NOT_FOUND, `${name} ${groupId} not found.`)
  return group
}

const notShare = (groupId: string): Refused =>
  new Refused(errorCodes.GROUP_ID_NOT_FOUND, `Group ${groupId} is not a share group.`)

function guarded<Result extends ShareReply>(
  requestId: RequestId,
  refused: (errorCode: number, errorMessage: string | null) => Result,
  decide: () => { result: Result; facts: ShareFact[] },
): GroupDecision {
  try {
    const { result, facts } = decide()
    return { ...answer(requestId, result), facts }
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return answer(requestId, refused(error.errorCode, error.message))
  }
}

function decideHeartbeat(
  shard: ShardView,
  { request, client }: CommandOf<'shareHeartbeat'>,
  requestId: RequestId,
  nowMs: number,
): GroupDecision {
  const { groupId, memberEpoch } = request
  try {
    const { result, facts, notes, timers }: HeartbeatDecision =
      memberEpoch < JOINING
        ? leave(shard, existing(shard, groupId, 'Group'), request)
        : heartbeat(
            shard,
            memberEpoch === JOINING ? joinable(shard, groupId) : existing(shard, groupId, 'Share group'),
            request,
            client,
            nowMs,
          )
    return { replies: [{ to: requestId, body: result }], facts, notes, timers }
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return answer(requestId, heartbeatRefused(error.errorCode, error.message))
  }
}

function decideDescribe(shard: ShardView, groupId: string, requestId: RequestId): GroupDecision {
  try {
    return answer(requestId, describeShare(shard, existing(shard, groupId, 'Group')))
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return answer(requestId, describeShareRefused(groupId, error.errorCode, error.message))
  }
}

/** What is kept, as it is from now on; a group that is gone meanwhile stays gone. */
function rewritten(
  shard: ShardView,
  { groupId }: { groupId: string },
  requestId: RequestId,
  change: (kept: KeptTopics) => KeptTopics,
): GroupDecision {
  const decision = answer(requestId, { errorCode: errorCodes.NONE })
  const group = shareGroup(shard, groupId)
  if (group === undefined) return decision
  const value = change(group.keptTopics ?? NONE_KEPT)
  return { ...decision, facts: [{ kind: 'shareKeptTopics', groupId, value }] }
}

/** What was deleted while its states were made is not kept: nobody would forget it any more. */
function existingOf({ metadata }: ShardView, topics: KeptTopicMap): KeptTopicMap {
  return new Map([...topics].filter(([topicId]) => metadata.topicById(topicId) !== undefined))
}

function topicsDeleted(
  shard: ShardView,
  topicIds: ReadonlySet<string>,
  requestId: RequestId,
  nowMs: number,
): GroupDecision {
  const facts: ShareFact[] = []
  for (const group of shard.groups()) {
    const kept = group.type === 'share' ? (group as ShareGroup).keptTopics : null
    if (kept === null) continue
    const known = [kept.initializing, kept.initialized, kept.deleting].some((topics) =>
      [...topicIds].some((topicId) => topics.has(topicId)),
    )
    if (!known) continue
    const value = withoutTopics(kept, topicIds, nowMs)
    facts.push({ kind: 'shareKeptTopics', groupId: group.groupId, value })
  }
  return { ...answer(requestId, { errorCode: errorCodes.NONE }), facts }
}
