// ConsumerGroupHeartbeat: the one request by which a member joins (epoch 0), stays, and leaves (-1, or -2 for a static
// member that comes back). A heartbeat makes or changes the member, sees whether a new target assignment is due, and
// brings this member nearer to it. Kafka: GroupMetadataManager.consumerGroupHeartbeat and consumerGroupLeave.

import { errorCodes } from '../../../protocol/errors.ts'
import type { RequestId } from '../../machine.ts'
import type { ClassicGroup } from '../classic/group.ts'
import type { GroupDecision } from '../decision.ts'
import type { RequestContext } from '../messages.ts'
import { Refused } from '../modern/refused.ts'
import type { ShardView } from '../shard-view.ts'
import { consumerSettings } from './config.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import { fenceMembers } from './fence.ts'
import {
  type ConsumerMember,
  LEFT,
  LEFT_FOR_A_WHILE,
  NONE_OWNED,
  newMember,
  type OwnedPartitions,
  owns,
  sameNames,
  sameOwned,
} from './member.ts'
import type { ConsumerHeartbeatRequest, ConsumerHeartbeatResponse } from './messages.ts'
import { upgrade } from './migration.ts'
import { followRegex } from './regex.ts'
import { ConsumerTurn, isAway } from './turn.ts'

const JOINING = 0
/** From this version on members bring their own id. */
export const OWN_MEMBER_ID_FROM = 1

/** What needs no state: GroupCoordinatorService.throwIfConsumerGroupHeartbeatRequestIsInvalid. */
export function checkHeartbeat(
  request: ConsumerHeartbeatRequest,
  apiVersion: number,
  assignors: readonly string[],
): void {
  const { memberId, memberEpoch, groupId, instanceId, rackId, serverAssignor } = request
  const invalid = (message: string): never => {
    throw new Refused(errorCodes.INVALID_REQUEST, message)
  }
  const notEmpty = (text: string | null, name: string): void => {
    if (text !== null && text.trim() === '') invalid(`${name} can't be empty.`)
  }
  if (apiVersion >= OWN_MEMBER_ID_FROM || memberEpoch > 0 || memberEpoch === LEFT)
    notEmpty(memberId, 'MemberId')
  notEmpty(groupId, 'GroupId')
  notEmpty(instanceId, 'InstanceId')
  notEmpty(rackId, 'RackId')
  if (memberEpoch === JOINING) {
    if (request.rebalanceTimeoutMs === -1) invalid('RebalanceTimeoutMs must be provided in first request.')
    if (request.topicPartitions === null || request.topicPartitions.length > 0)
      invalid('TopicPartitions must be empty when (re-)joining.')
    if (request.subscribedTopicNames === null && request.subscribedTopicRegex === null)
      invalid('Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.')
  } else if (memberEpoch === LEFT_FOR_A_WHILE) {
    if (instanceId === null) invalid("InstanceId can't be null.")
  } else if (memberEpoch < LEFT_FOR_A_WHILE) invalid('MemberEpoch is invalid.')
  if (serverAssignor !== null && !assignors.includes(serverAssignor)) {
    throw new Refused(
      errorCodes.UNSUPPORTED_ASSIGNOR,
      `ServerAssignor ${serverAssignor} is not supported. Supported assignors: ${assignors.join(', ')}.`,
    )
  }
}

export function heartbeat(
  shard: ShardView,
  request: ConsumerHeartbeatRequest,
  context: RequestContext,
  requestId: RequestId,
  nowMs: number,
): GroupDecision {
  if (request.memberEpoch === LEFT || request.memberEpoch === LEFT_FOR_A_WHILE)
    return leave(shard, request, requestId, nowMs)
  const { groupId, memberEpoch, instanceId, topicPartitions: owned } = request
  const joins = memberEpoch === JOINING
  const turn = joins
    ? turnToJoin(shard, groupId, nowMs)
    : new ConsumerTurn(shard, existing(shard, groupId), nowMs)
  // Version 0 lets the coordinator name the member.
  const memberId = request.memberId === '' ? shard.newUuid() : request.memberId
  refuseFull(turn, memberId)
  const former =
    instanceId === null
      ? dynamicMember(turn, memberId, memberEpoch, owned)
      : staticMember(turn, memberId, memberEpoch, instanceId, owned)
  const member = withRequest(former, request, context)
  turn.subscribe(former, member)
  const namesChanged = !sameNames(former.topicNames, member.topicNames)
  const regexChange = followRegex(turn, former, member)
  // An expression that is not resolved yet bumps the epoch when it is.
  turn.refreshMetadata(namesChanged || regexChange === 'changedAndResolved')
  turn.assign()
  const next = turn.reconcile(memberId, namesChanged || regexChange !== 'none', owned)
  turn.restartSession(next)
  // The assignment is told when it changed, and to whoever may not know it.
  const isFull =
    request.rebalanceTimeoutMs !== -1 &&
    (request.subscribedTopicNames !== null || request.subscribedTopicRegex !== null) &&
    owned !== null
  const tells = joins || isFull || !sameOwned(former.assigned, next.assigned)
  turn.reply(requestId, heartbeatResponse(shard, groupId, next, tells))
  return turn.done()
}

function heartbeatResponse(
  { config, groupConfigs }: ShardView,
  groupId: string,
  { memberId, memberEpoch, assigned }: ConsumerMember,
  tells: boolean,
): ConsumerHeartbeatResponse {
  return {
    throttleTimeMs: 0,
    errorCode: errorCodes.NONE,
    errorMessage: null,
    memberId,
    memberEpoch,
    heartbeatIntervalMs: consumerSettings(config.consumer, groupConfigs, groupId).heartbeatIntervalMs,
    assignment: tells ? { topicPartitions: topicPartitions(assigned) } : null,
  }
}

function topicPartitions(owned: OwnedPartitions): { topicId: string; partitions: number[] }[] {
  return [...owned].map(([topicId, partitions]) => ({ topicId, partitions: [...partitions.keys()] }))
}

/** The group that a member joins: the consumer group, a new one, or what was a classic one. */
function turnToJoin(shard: ShardView, groupId: string, nowMs: number): ConsumerTurn {
  const group = shard.group(groupId)
  if (group === undefined) return new ConsumerTurn(shard, groupId, nowMs)
  if (group.type === 'consumer') return new ConsumerTurn(shard, group as ConsumerGroup, nowMs)
  if (group.type === 'classic') return upgrade(shard, group as ClassicGroup, nowMs)
  throw new Refused(errorCodes.GROUP_ID_NOT_FOUND, `Group ${groupId} is not a consumer group.`)
}

function existing(shard: ShardView, groupId: string): ConsumerGroup {
  const group = shard.group(groupId)
  if (group === undefined)
    throw new Refused(errorCodes.GROUP_ID_NOT_FOUND, `Consumer group ${groupId} not found.`)
  if (group.type !== 'consumer')
    throw new Refused(errorCodes.GROUP_ID_NOT_FOUND, `Group ${groupId} is not a consumer group.`)
  return group as ConsumerGroup
}

/** As `existing`, in the words of requests that only look a group up. */
export function consumerGroup(shard: ShardView, groupId: string): ConsumerGroup {
  if (shard.group(groupId) === undefined)
    throw new Refused(errorCodes.GROUP_ID_NOT_FOUND, `Group ${groupId} not found.`)
  return existing(shard, groupId)
}

export function refuseFull(turn: ConsumerTurn, memberId: string): void {
  const { maxSize } = turn.shard.config.consumer
  const { members } = turn.group
  if (members.size < maxSize || members.has(memberId)) return
  throw new Refused(
    errorCodes.GROUP_MAX_SIZE_REACHED,
    `The consumer group has reached its maximum capacity of ${maxSize} members.`,
  )
}

function dynamicMember(
  turn: ConsumerTurn,
  memberId: string,
  memberEpoch: number,
  owned: ConsumerHeartbeatRequest['topicPartitions'],
): ConsumerMember {
  const known = turn.group.members.get(memberId)
  if (known === undefined) {
    if (memberEpoch === JOINING) return newMember(memberId)
    throw unknownMember(memberId, turn.groupId)
  }
  refuseEpoch(known, memberEpoch, owned)
  return known
}

function staticMember(
  turn: ConsumerTurn,
  memberId: string,
  memberEpoch: number,
  instanceId: string,
  owned: ConsumerHeartbeatRequest['topicPartitions'],
): ConsumerMember {
  const known = turn.group.staticMember(instanceId)
  if (memberEpoch === JOINING) {
    if (known === undefined) return turn.group.members.get(memberId) ?? newMember(memberId)
    if (known.classic === null && !isAway(known)) {
      throw new Refused(
        errorCodes.UNRELEASED_INSTANCE_ID,
        `Static member ${memberId} with instance id ${instanceId} cannot join the group because the instance id is ` +
          `owned by ${known.memberId} member.`,
      )
    }
    return turn.replaceMember(known, memberId)
  }
  const member = instanceOf(known, memberId, instanceId)
  refuseEpoch(member, memberEpoch, owned)
  return member
}

/** The member that holds the instance id, which must be the one that speaks. */
export function instanceOf(
  known: ConsumerMember | undefined,
  memberId: string,
  instanceId: string,
): ConsumerMember {
  if (known === undefined)
    throw new Refused(errorCodes.UNKNOWN_MEMBER_ID, `Instance id ${instanceId} is unknown.`)
  if (known.memberId !== memberId) {
    throw new Refused(
      errorCodes.FENCED_INSTANCE_ID,
      `Static member ${memberId} with instance id ${instanceId} was fenced by member ${known.memberId}.`,
    )
  }
  return known
}

export function unknownMember(memberId: string, groupId: string): Refused {
  return new Refused(errorCodes.UNKNOWN_MEMBER_ID, `Member ${memberId} is not a member of group ${groupId}.`)
}

/** A member one epoch behind may not have heard of the last one, if it holds no more than it was given. */
function refuseEpoch(
  member: ConsumerMember,
  memberEpoch: number,
  owned: ConsumerHeartbeatRequest['topicPartitions'],
): void {
  if (memberEpoch === JOINING || memberEpoch === member.memberEpoch) return
  const missedTheLast = memberEpoch < member.memberEpoch && memberEpoch === member.previousMemberEpoch
  if (missedTheLast && isWithin(owned, member.assigned)) return
  const which = memberEpoch > member.memberEpoch ? 'greater' : 'smaller'
  throw new Refused(
    errorCodes.FENCED_MEMBER_EPOCH,
    `The consumer group member has a ${which} member epoch (${memberEpoch}) than the one known by the group ` +
      `coordinator (${member.memberEpoch}). The member must abandon all its partitions and rejoin.`,
  )
}

function isWithin(owned: ConsumerHeartbeatRequest['topicPartitions'], assigned: OwnedPartitions): boolean {
  return (
    owned?.every(({ topicId, partitions }) =>
      partitions.every((partition) => owns(assigned, topicId, partition)),
    ) ?? false
  )
}

/** Fields that are null did not change. */
function withRequest(
  member: ConsumerMember,
  request: ConsumerHeartbeatRequest,
  context: RequestContext,
): ConsumerMember {
  const { subscribedTopicNames: names } = request
  return {
    ...member,
    instanceId: request.instanceId ?? member.instanceId,
    rackId: request.rackId ?? member.rackId,
    rebalanceTimeoutMs:
      request.rebalanceTimeoutMs === -1 ? member.rebalanceTimeoutMs : request.rebalanceTimeoutMs,
    assignorName: request.serverAssignor ?? member.assignorName,
    topicNames: names === null ? member.topicNames : [...new Set(names)].sort(),
    topicRegex: request.subscribedTopicRegex ?? member.topicRegex,
    clientId: context.clientId ?? '',
    clientHost: context.clientHost,
    classic: null,
  }
}

function leave(
  shard: ShardView,
  { groupId, memberId, memberEpoch, instanceId }: ConsumerHeartbeatRequest,
  requestId: RequestId,
  nowMs: number,
): GroupDecision {
  const group = consumerGroup(shard, groupId)
  const turn = new ConsumerTurn(shard, group, nowMs)
  const response = (epoch: number): ConsumerHeartbeatResponse => ({
    throttleTimeMs: 0,
    errorCode: errorCodes.NONE,
    errorMessage: null,
    memberId,
    memberEpoch: epoch,
    heartbeatIntervalMs: 0,
    assignment: null,
  })
  const member =
    instanceId === null
      ? group.members.get(memberId)
      : instanceOf(group.staticMember(instanceId), memberId, instanceId)
  if (member === undefined) throw unknownMember(memberId, groupId)
  if (instanceId !== null && memberEpoch === LEFT_FOR_A_WHILE) {
    // Its partitions stay its own until it comes back or its session ends. Whoever comes may commit them at once.
    turn.stand({
      ...member,
      memberEpoch: LEFT_FOR_A_WHILE,
      pendingRevocation: NONE_OWNED,
      assigned: sinceEpochZero(member.assigned),
    })
    turn.reply(requestId, response(LEFT_FOR_A_WHILE))
    return turn.done()
  }
  turn.reply(requestId, response(memberEpoch))
  return fenceMembers(turn, [member])
}

function sinceEpochZero(owned: OwnedPartitions): OwnedPartitions {
  return new Map(
    [...owned].map(([topicId, partitions]) => [
      topicId,
      new Map([...partitions.keys()].map((partition) => [partition, 0])),
    ]),
  )
}
