// Consumer groups of the new protocol among the kinds of groups: which command is decided where, and who may commit
// and fetch offsets in a group's name.

import { errorCodes } from '../../../protocol/errors.ts'
import { answer, emptyDecision, type GroupDecision, type TimerSetting } from '../decision.ts'
import type { Committer, GroupKind, PartitionCheck } from '../group-kind.ts'
import { Refused } from '../modern/refused.ts'
import type { ShardView } from '../shard-view.ts'
import { consumerHeartbeatRefused } from './answers.ts'
import { consumerSettings } from './config.ts'
import { ConsumerGroup } from './consumer-group.ts'
import { describeConsumerGroup, describeConsumerRefused } from './describe.ts'
import type { ConsumerFact, RejoinNote } from './facts.ts'
import { fenceMembers } from './fence.ts'
import { consumerGroup, heartbeat } from './heartbeat.ts'
import { type ConsumerMember, memberStates } from './member.ts'
import type { ConsumerCommand } from './messages.ts'
import { consumerRecords, decodeConsumer, encodeConsumer } from './records.ts'
import { resolveRegexes } from './regex.ts'
import { consumerTimers, regexTimer, revocationTimer, sessionTimer, timersOf } from './timers.ts'
import { ConsumerTurn, groupTombstones, isAway } from './turn.ts'

/** First version of OffsetCommit that carries a member epoch. */
const MEMBER_EPOCH_FROM = 9

export const consumerKind: GroupKind<ConsumerGroup, ConsumerCommand, ConsumerFact | RejoinNote> = {
  type: 'consumer',

  commands: [
    'consumerHeartbeat',
    'consumerDescribe',
    'consumerSessionExpired',
    'consumerRevocationOverdue',
    'consumerRejoinOverdue',
    'consumerSyncOverdue',
    'consumerResolveRegexes',
  ],
  decide(shard, command, requestId, nowMs) {
    switch (command.kind) {
      case 'consumerHeartbeat':
        try {
          return heartbeat(shard, command.request, command.context, requestId, nowMs)
        } catch (error) {
          if (!(error instanceof Refused)) throw error
          return answer(requestId, consumerHeartbeatRefused(error.errorCode, error.message))
        }
      case 'consumerDescribe':
        try {
          return answer(requestId, describeConsumerGroup(shard, consumerGroup(shard, command.groupId)))
        } catch (error) {
          if (!(error instanceof Refused)) throw error
          return answer(requestId, describeConsumerRefused(command.groupId, error.errorCode, error.message))
        }
      case 'consumerRevocationOverdue':
        // Who is away has given everything up: it has its session to come back.
        return fence(
          shard,
          command,
          nowMs,
          (member) => member.state === memberStates.UnrevokedPartitions && !isAway(member),
        )
      case 'consumerRejoinOverdue':
        return fence(shard, command, nowMs, (member, group) => group.rejoining.has(member.memberId))
      case 'consumerSessionExpired':
      case 'consumerSyncOverdue':
        return fence(shard, command, nowMs, () => true)
      case 'consumerResolveRegexes': {
        const group = shard.group(command.groupId)
        if (!(group instanceof ConsumerGroup)) return emptyDecision()
        const turn = new ConsumerTurn(shard, group, nowMs)
        resolveRegexes(turn)
        return turn.done()
      }
    }
  },

  timers: consumerTimers,
  timersAfterReplay({ config, groupConfigs }, { groupId, members }) {
    const { sessionTimeoutMs } = consumerSettings(config.consumer, groupConfigs, groupId)
    return [...members.values()].flatMap(({ memberId, classic, state, rebalanceTimeoutMs }) => {
      const sessionMs = classic?.sessionTimeoutMs ?? sessionTimeoutMs
      const timers: TimerSetting[] = [{ key: sessionTimer(groupId, memberId), afterMs: sessionMs }]
      if (state === memberStates.UnrevokedPartitions)
        timers.push({ key: revocationTimer(groupId, memberId), afterMs: rebalanceTimeoutMs })
      return timers
    })
  },

  records: consumerRecords,
  encode: (fact) => encodeConsumer(fact as ConsumerFact),
  decode: decodeConsumer,
  notes: ['consumerRejoin'],
  apply(group, change, groupId) {
    // A tombstone, or a note, for a group that is gone.
    const isGone = change.kind === 'consumerRejoin' || change.value === null
    if (group === undefined && isGone) return undefined
    const changed = group ?? new ConsumerGroup(groupId)
    return changed.apply(change) ? changed : undefined
  },

  stateName: ({ state }) => state,
  protocolType: () => 'consumer',
  isEmpty: ({ members }) => members.size === 0,
  isSubscribedTo: (group, topic) => group.isSubscribedTo(topic),

  refuseCommit(group, committer, transactional) {
    const { memberId, groupInstanceId, generationIdOrMemberEpoch: epoch, apiVersion } = committer
    // From an admin client, or a consumer that assigns its partitions itself.
    if (epoch < 0 && group.members.size === 0) return undefined
    if (transactional && epoch === -1 && memberId === '' && groupInstanceId === null) return undefined
    const member = group.members.get(memberId)
    if (member === undefined) return errorCodes.UNKNOWN_MEMBER_ID
    if (!transactional && member.classic === null && apiVersion < MEMBER_EPOCH_FROM)
      return errorCodes.UNSUPPORTED_VERSION
    if (epoch === member.memberEpoch) return undefined
    return epoch > member.memberEpoch ? staleCode(member) : partitionCheck(member, committer)
  },
  refuseFetch(group, memberId, memberEpoch) {
    if (memberId === null && memberEpoch < 0) return undefined
    const member = group.members.get(memberId ?? '')
    if (member === undefined) return errorCodes.UNKNOWN_MEMBER_ID
    return member.memberEpoch === memberEpoch ? undefined : staleCode(member)
  },
  refuseOffsetDelete: () => undefined,
  refuseDelete: ({ members }) => (members.size === 0 ? undefined : errorCodes.NON_EMPTY_GROUP),
  // Sessions live by heartbeats alone.
  sessionsOnCommit: () => [],
  expiryStart: () => (value) => value.commitTimestampMs,
  mayExpire: () => true,
  forget(group) {
    const { groupId, members } = group
    const keys = [regexTimer(groupId), ...[...members.keys()].flatMap((id) => timersOf(groupId, id))]
    return { facts: groupTombstones(group), timers: keys.map((key) => ({ key, afterMs: null })) }
  },
}

function fence(
  shard: ShardView,
  { groupId, memberId }: { groupId: string; memberId: string },
  nowMs: number,
  isDue: (member: ConsumerMember, group: ConsumerGroup) => boolean,
): GroupDecision {
  const group = shard.group(groupId)
  if (!(group instanceof ConsumerGroup)) return emptyDecision()
  const member = group.members.get(memberId)
  if (member === undefined || !isDue(member, group)) return emptyDecision()
  return fenceMembers(new ConsumerTurn(shard, group, nowMs), [member])
}

function staleCode({ classic }: ConsumerMember): number {
  return classic === null ? errorCodes.STALE_MEMBER_EPOCH : errorCodes.ILLEGAL_GENERATION
}

/** A member that is behind may still commit what it had in that epoch and has not given up (KIP-1251). */
function partitionCheck(
  member: ConsumerMember,
  { generationIdOrMemberEpoch: epoch }: Committer,
): PartitionCheck {
  return (topicId, partition) => {
    const sinceEpoch =
      member.assigned.get(topicId)?.get(partition) ?? member.pendingRevocation.get(topicId)?.get(partition)
    return sinceEpoch !== undefined && epoch >= sinceEpoch ? undefined : staleCode(member)
  }
}
