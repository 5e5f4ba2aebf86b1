// Classic members inside a consumer group: JoinGroup, SyncGroup, Heartbeat and LeaveGroup are answered out of the
// server's assignment, generations being member epochs. A member learns by REBALANCE_IN_PROGRESS that it has to join
// again: to give something up, to get something, or to reach a new epoch. Kafka: classicGroup…ToConsumerGroup.

import { errorCodes } from '../../../protocol/errors.ts'
import { consumerProtocolSubscription } from '../../../protocol/records/consumer-protocol.ts'
import { decodeVersioned } from '../../../protocol/records/versioned.ts'
import type { MessageOf } from '../../../protocol/message.ts'
import type { RequestId } from '../../machine.ts'
import { joinRefused, syncRefused } from '../classic/answers.ts'
import type {
  ClassicCommand,
  ClassicReply,
  HeartbeatRequest,
  JoinGroupRequest,
  LeaveGroupResponse,
  LeavingMember,
  SyncGroupRequest,
} from '../classic/messages.ts'
import { answer, type GroupDecision } from '../decision.ts'
import type { RequestContext } from '../messages.ts'
import { Refused } from '../modern/refused.ts'
import type { ShardView } from '../shard-view.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import { fenceMembers } from './fence.ts'
import { instanceOf, refuseFull, unknownMember } from './heartbeat.ts'
import { type ConsumerMember, memberStates, newMember, sameNames } from './member.ts'
import { byId, downgrade, encodeAssignment, mayDowngrade, protocolOf } from './migration.ts'
import { followRegex } from './regex.ts'
import { rejoinTimer, syncTimer } from './timers.ts'
import { ConsumerTurn, isAway } from './turn.ts'

const CONSUMER = 'consumer'
/** From this version on a dynamic member must come back with the id that it was given (KIP-394). */
const KNOWN_MEMBER_ID_FROM = 4

type MemberCommand = Extract<ClassicCommand, { kind: 'join' | 'sync' | 'heartbeat' | 'leave' }>

export function decideForClassicMember(
  shard: ShardView,
  group: ConsumerGroup,
  command: MemberCommand,
  requestId: RequestId,
  nowMs: number,
): GroupDecision {
  try {
    switch (command.kind) {
      case 'join':
        return joinClassic(shard, group, command.request, command.context, requestId, nowMs)
      case 'sync':
        return syncClassic(shard, group, command.request, requestId, nowMs)
      case 'heartbeat':
        return heartbeatClassic(shard, group, command.request, requestId, nowMs)
      case 'leave':
        return leaveClassic(shard, group, command.members, requestId, nowMs)
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return answer(requestId, refusedAnswer(command, error.errorCode))
  }
}

function refusedAnswer(command: MemberCommand, errorCode: number): ClassicReply {
  switch (command.kind) {
    case 'join':
      return joinRefused(errorCode, '')
    case 'sync':
      return syncRefused(errorCode)
    case 'heartbeat':
      return { throttleTimeMs: 0, errorCode }
    case 'leave':
      return { throttleTimeMs: 0, errorCode, members: [] }
  }
}

function joinClassic(
  shard: ShardView,
  group: ConsumerGroup,
  request: JoinGroupRequest,
  context: RequestContext,
  requestId: RequestId,
  nowMs: number,
): GroupDecision {
  if (shard.config.consumer.migrationPolicy === 'disabled') {
    throw new Refused(
      errorCodes.INCONSISTENT_GROUP_PROTOCOL,
      `Cannot join the consumer group ${group.groupId} with the classic protocol because the group migration is disabled.`,
    )
  }
  const turn = new ConsumerTurn(shard, group, nowMs)
  const { groupId } = turn
  const { groupInstanceId: instanceId } = request
  const isUnknown = request.memberId === ''
  const memberId = isUnknown ? shard.newUuid() : request.memberId
  refuseFull(turn, memberId)
  refuseProtocols(group, memberId, request)
  if (isUnknown && instanceId === null && context.apiVersion >= KNOWN_MEMBER_ID_FROM) {
    turn.reply(requestId, joinRefused(errorCodes.MEMBER_ID_REQUIRED, memberId))
    return turn.done()
  }
  const subscription = subscriptionIn(request)
  const replaced = instanceId === null ? undefined : group.staticMember(instanceId)
  const former =
    instanceId === null
      ? (group.members.get(memberId) ?? newMember(memberId))
      : classicStaticMember(turn, memberId, instanceId, isUnknown)
  const member: ConsumerMember = {
    ...former,
    instanceId: instanceId ?? former.instanceId,
    rackId: subscription.rackId ?? former.rackId,
    rebalanceTimeoutMs:
      request.rebalanceTimeoutMs === -1 ? former.rebalanceTimeoutMs : request.rebalanceTimeoutMs,
    topicNames: [...new Set(subscription.topics)].sort(),
    topicRegex: '',
    clientId: context.clientId ?? '',
    clientHost: context.clientHost,
    classic: { sessionTimeoutMs: request.sessionTimeoutMs, protocols: request.protocols },
  }
  turn.subscribe(former, member)
  const namesChanged = !sameNames(former.topicNames, member.topicNames)
  const changed = followRegex(turn, former, member) !== 'none' || namesChanged
  turn.refreshMetadata(changed)
  const owned = [...byId(subscription.ownedPartitions, shard.metadata)].map(([topicId, partitions]) => ({
    topicId,
    partitions: [...partitions],
  }))
  // The static member that came back as a classic one was the last of the new protocol.
  const staying = [...turn.group.members.values()]
  const downgrades = replaced !== undefined && replaced.classic === null && mayDowngrade(turn, staying)
  const rebalances = turn.group.assignmentEpoch < turn.group.groupEpoch
  if (!downgrades) turn.assign()
  const next = downgrades && rebalances ? member : turn.reconcile(memberId, changed, owned)
  if (downgrades) downgrade(turn, [...turn.group.members.values()], rebalances)
  turn.reply(requestId, {
    throttleTimeMs: 0,
    errorCode: errorCodes.NONE,
    generationId: next.memberEpoch,
    protocolType: CONSUMER,
    protocolName: protocolOf(next).name,
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  })
  if (downgrades) return turn.done()
  turn.timer(rejoinTimer(groupId, memberId), null)
  turn.note({ kind: 'consumerRejoin', groupId, memberId, awaited: false })
  turn.restartSession(next)
  // A member that has joined has as long as it wants for a rebalance to come for its assignment.
  turn.timer(syncTimer(groupId, memberId), next.rebalanceTimeoutMs)
  return turn.done()
}

function refuseProtocols(
  group: ConsumerGroup,
  memberId: string,
  { protocolType, protocols }: JoinGroupRequest,
): void {
  const classic = [...group.members.values()].filter((member) => member.classic !== null)
  const isShared = ({ name }: { name: string }): boolean =>
    classic.every((member) => member.classic?.protocols.some((protocol) => protocol.name === name))
  if (protocolType === CONSUMER && protocols.some(isShared)) return
  throw new Refused(
    errorCodes.INCONSISTENT_GROUP_PROTOCOL,
    `Member ${memberId}'s protocols are not supported.`,
  )
}

function subscriptionIn({ protocols }: JoinGroupRequest): MessageOf<typeof consumerProtocolSubscription> {
  try {
    return decodeVersioned(consumerProtocolSubscription, protocols[0]?.metadata ?? Buffer.alloc(0)).value
  } catch {
    throw new Refused(
      errorCodes.UNKNOWN_SERVER_ERROR,
      'Malformed embedded consumer protocol in subscription deserialization.',
    )
  }
}

function classicStaticMember(
  turn: ConsumerTurn,
  memberId: string,
  instanceId: string,
  isUnknown: boolean,
): ConsumerMember {
  const known = turn.group.staticMember(instanceId)
  if (!isUnknown) return instanceOf(known, memberId, instanceId)
  if (known === undefined) return newMember(memberId)
  return turn.replaceMember(known, memberId)
}

/** The member that a classic request speaks for; throws Refused where it may not. */
function speaker(
  group: ConsumerGroup,
  memberId: string,
  instanceId: string | null,
  generationId: number,
): ConsumerMember {
  const { groupId } = group
  const member = instanceId === null ? group.members.get(memberId) : group.staticMember(instanceId)
  if (member === undefined) throw unknownMember(memberId, groupId)
  if (instanceId !== null) instanceOf(member, memberId, instanceId)
  if (member.classic === null || isAway(member)) {
    throw new Refused(
      errorCodes.UNKNOWN_MEMBER_ID,
      `Member ${member.memberId} does not use the classic protocol.`,
    )
  }
  if (generationId !== member.memberEpoch) {
    throw new Refused(
      errorCodes.ILLEGAL_GENERATION,
      `The request generation id ${generationId} is not equal to the member epoch ${member.memberEpoch} of member ${member.memberId}.`,
    )
  }
  return member
}

function syncClassic(
  shard: ShardView,
  group: ConsumerGroup,
  request: SyncGroupRequest,
  requestId: RequestId,
  nowMs: number,
): GroupDecision {
  const { memberId, groupInstanceId, generationId, protocolType, protocolName } = request
  const member = speaker(group, memberId, groupInstanceId, generationId)
  const { name, metadata } = protocolOf(member)
  if (
    (protocolType !== null && protocolType !== CONSUMER) ||
    (protocolName !== null && protocolName !== name)
  ) {
    throw new Refused(
      errorCodes.INCONSISTENT_GROUP_PROTOCOL,
      `Member ${memberId} synchronizes with another protocol than it joined with.`,
    )
  }
  const turn = new ConsumerTurn(shard, group, nowMs)
  if (group.assignmentEpoch > member.memberEpoch && member.state !== memberStates.UnrevokedPartitions) {
    awaitRejoin(turn, member)
    turn.reply(requestId, syncRefused(errorCodes.REBALANCE_IN_PROGRESS))
    return turn.done()
  }
  turn.timer(syncTimer(group.groupId, memberId), null)
  turn.restartSession(member)
  const assignment = new Map(
    [...member.assigned].map(([topicId, partitions]) => [topicId, new Set(partitions.keys())]),
  )
  turn.reply(requestId, {
    throttleTimeMs: 0,
    errorCode: errorCodes.NONE,
    protocolType,
    protocolName,
    assignment: encodeAssignment(assignment, metadata, shard.metadata),
  })
  return turn.done()
}

function heartbeatClassic(
  shard: ShardView,
  group: ConsumerGroup,
  { memberId, groupInstanceId, generationId }: HeartbeatRequest,
  requestId: RequestId,
  nowMs: number,
): GroupDecision {
  const member = speaker(group, memberId, groupInstanceId, generationId)
  const turn = new ConsumerTurn(shard, group, nowMs)
  turn.restartSession(member)
  const rejoins =
    member.memberEpoch < group.assignmentEpoch ||
    member.state === memberStates.UnrevokedPartitions ||
    (member.state === memberStates.UnreleasedPartitions && !waitsStill(group, member))
  if (rejoins) awaitRejoin(turn, member)
  const errorCode = rejoins ? errorCodes.REBALANCE_IN_PROGRESS : errorCodes.NONE
  turn.reply(requestId, { throttleTimeMs: 0, errorCode })
  return turn.done()
}

/** Something that the member shall have is still another's. */
function waitsStill(group: ConsumerGroup, { memberId, assigned }: ConsumerMember): boolean {
  for (const [topicId, partitions] of group.targetOf(memberId)) {
    for (const partition of partitions) {
      if (assigned.get(topicId)?.has(partition) !== true && group.isOwned(topicId, partition)) return true
    }
  }
  return false
}

/** From the first time that it is told, the member has its rebalance timeout to join again. */
function awaitRejoin(turn: ConsumerTurn, { memberId, rebalanceTimeoutMs }: ConsumerMember): void {
  const { groupId, group } = turn
  if (group.rejoining.has(memberId)) return
  turn.timer(rejoinTimer(groupId, memberId), rebalanceTimeoutMs)
  turn.note({ kind: 'consumerRejoin', groupId, memberId, awaited: true })
}

/** Members of either protocol can be removed this way. */
function leaveClassic(
  shard: ShardView,
  group: ConsumerGroup,
  leaving: readonly LeavingMember[],
  requestId: RequestId,
  nowMs: number,
): GroupDecision {
  const members: LeaveGroupResponse['members'] = []
  const gone = new Map<string, ConsumerMember>()
  for (const { memberId, groupInstanceId } of leaving) {
    let errorCode: number = errorCodes.NONE
    try {
      const member = leavingMember(group, memberId, groupInstanceId)
      gone.set(member.memberId, member)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      errorCode = error.errorCode
    }
    members.push({ memberId, groupInstanceId, errorCode })
  }
  const turn = new ConsumerTurn(shard, group, nowMs)
  turn.reply(requestId, { throttleTimeMs: 0, errorCode: errorCodes.NONE, members })
  return fenceMembers(turn, [...gone.values()])
}

function leavingMember(group: ConsumerGroup, memberId: string, instanceId: string | null): ConsumerMember {
  if (instanceId !== null) {
    const known = group.staticMember(instanceId)
    // An administrator removes a static member by its instance id alone.
    return instanceOf(known, memberId === '' ? (known?.memberId ?? '') : memberId, instanceId)
  }
  const member = group.members.get(memberId)
  if (member === undefined) throw unknownMember(memberId, group.groupId)
  return member
}
