// ShareGroupHeartbeat as a decision: join and stay (epoch 0 and above), leave (-1). What members subscribe to or what
// is kept for the group bumps the group epoch; a group epoch without its assignment gets one; the member takes over
// what is its own at once, for nobody has to give up a partition first. Kafka: GroupMetadataManager.shareGroupHeartbeat.

import { errorCodes } from '../../../protocol/errors.ts'
import type { TimerSetting } from '../decision.ts'
import { type Assignment, NOTHING, sameAssignment } from '../modern/assignor/assignment.ts'
import { freshFrom, isStale, type MetadataNote } from '../modern/modern-group.ts'
import { Refused } from '../modern/refused.ts'
import type { ShardView } from '../shard-view.ts'
import { shareGroupConfigOf } from './config.ts'
import type { ShareFact } from './facts.ts'
import { initializing, missingOf } from './kept-topics.ts'
import {
  heartbeatAnswer,
  type ShareClient,
  type ShareHeartbeatRequest,
  type ShareHeartbeatResult,
  type ToInitialize,
} from './messages.ts'
import {
  newShareGroup,
  newShareMember,
  type ShareGroup,
  type ShareMember,
  subscribedTopics,
} from './share-group.ts'
import { assignSimply } from './simple-assignor.ts'
import { sessionTimer } from './timers.ts'

export interface HeartbeatDecision {
  result: ShareHeartbeatResult
  facts: ShareFact[]
  notes: MetadataNote[]
  timers: TimerSetting[]
}

const JOINING = 0

/** `known` is undefined when there is no group yet. Throws Refused. */
export function heartbeat(
  shard: ShardView,
  known: ShareGroup | undefined,
  request: ShareHeartbeatRequest,
  client: ShareClient,
  nowMs: number,
): HeartbeatDecision {
  const { groupId, memberId, memberEpoch, subscribedTopicNames } = request
  const group = known ?? newShareGroup(groupId)
  const config = shareGroupConfigOf(shard, groupId)
  const member = memberOf(shard, group, request)
  const updated: ShareMember = {
    ...member,
    rackId: request.rackId ?? member.rackId,
    clientId: client.clientId,
    clientHost: client.clientHost,
    subscribedTopicNames:
      subscribedTopicNames === null ? member.subscribedTopicNames : [...new Set(subscribedTopicNames)].sort(),
  }
  const facts: ShareFact[] = []
  const notes: MetadataNote[] = []
  let bump = writeMember(groupId, member, updated, facts)
  const members = new Map(group.members).set(memberId, updated)
  if (group.assignmentEpoch >= group.groupEpoch && isAssignmentPending(shard, group)) bump = true
  let groupEpoch = group.groupEpoch
  const topics = subscribedTopics(members.values())
  if (bump || isStale(group, nowMs)) {
    const metadataHash = shard.topicHashes.ofGroup(topics, shard.metadata)
    if (metadataHash !== group.metadataHash) bump = true
    if (bump) facts.push({ kind: 'shareGroup', groupId, value: { epoch: ++groupEpoch, metadataHash } })
    if (known !== undefined)
      notes.push({ kind: 'metadataFreshness', groupId, freshness: freshFrom(nowMs, groupEpoch) })
  }
  const target = targetFor(
    shard,
    group,
    groupEpoch,
    members,
    memberId,
    config.assignmentIntervalMs,
    nowMs,
    facts,
  )
  const reconciled = reconcile(shard, updated, target, bump)
  if (reconciled !== updated) {
    const { memberEpoch: epoch, previousMemberEpoch, assigned } = reconciled
    const value = { memberEpoch: epoch, previousMemberEpoch, assigned }
    facts.push({ kind: 'shareAssignment', groupId, memberId, value })
  }
  const isTold =
    memberEpoch === JOINING ||
    subscribedTopicNames !== null ||
    !sameAssignment(member.assigned, reconciled.assigned)
  const response = heartbeatAnswer({
    memberId,
    memberEpoch: reconciled.memberEpoch,
    heartbeatIntervalMs: config.heartbeatIntervalMs,
    assignment: isTold ? { topicPartitions: topicPartitions(reconciled.assigned) } : null,
  })
  const toInitialize = initialize(shard, group, groupEpoch, topics, nowMs, facts)
  const timers = [{ key: sessionTimer(groupId, memberId), afterMs: config.sessionTimeoutMs }]
  return { result: { response, toInitialize }, facts, notes, timers }
}

export function leave(
  shard: ShardView,
  group: ShareGroup,
  request: ShareHeartbeatRequest,
): HeartbeatDecision {
  const { memberId, memberEpoch } = request
  if (!group.members.has(memberId)) throw unknownMember(group, memberId)
  const response = heartbeatAnswer({ memberId, memberEpoch })
  return { result: { response, toInitialize: null }, notes: [], ...removal(shard, group, memberId) }
}

/** Forgets a member; the group epoch moves on, and the next heartbeat makes a new target. */
export function removal(
  shard: ShardView,
  group: ShareGroup,
  memberId: string,
): { facts: ShareFact[]; timers: TimerSetting[] } {
  const { groupId, groupEpoch, members } = group
  const left = [...members.values()].filter((member) => member.memberId !== memberId)
  const metadataHash = shard.topicHashes.ofGroup(subscribedTopics(left), shard.metadata)
  return {
    facts: [
      { kind: 'shareAssignment', groupId, memberId, value: null },
      { kind: 'shareTarget', groupId, memberId, value: null },
      { kind: 'shareMember', groupId, memberId, value: null },
      { kind: 'shareGroup', groupId, value: { epoch: groupEpoch + 1, metadataHash } },
    ],
    timers: [{ key: sessionTimer(groupId, memberId), afterMs: null }],
  }
}

export function topicPartitions(assignment: Assignment): { topicId: string; partitions: number[] }[] {
  return [...assignment].map(([topicId, partitions]) => ({ topicId, partitions: [...partitions] }))
}

function memberOf(shard: ShardView, group: ShareGroup, request: ShareHeartbeatRequest): ShareMember {
  const { memberId, memberEpoch } = request
  const { maxSize } = shard.config.share
  const member = group.members.get(memberId)
  if (member === undefined && group.members.size >= maxSize) {
    throw new Refused(
      errorCodes.GROUP_MAX_SIZE_REACHED,
      `The share group has reached its maximum capacity of ${maxSize} members.`,
    )
  }
  if (member === undefined) {
    if (memberEpoch === JOINING) return newShareMember(memberId)
    throw unknownMember(group, memberId)
  }
  const known = member.memberEpoch
  const fenced = (text: string): Refused => new Refused(errorCodes.FENCED_MEMBER_EPOCH, text)
  if (memberEpoch > known)
    throw fenced(
      `The share group member has a greater member epoch (${memberEpoch}) than the one known by the group coordinator (${known}). The member must abandon all its partitions and rejoin.`,
    )
  // The answer that told the newest epoch may be lost: the one before is let pass.
  if (memberEpoch !== JOINING && memberEpoch < known && memberEpoch !== member.previousMemberEpoch)
    throw fenced(
      `The share group member has a smaller member epoch (${memberEpoch}) than the one known by the group coordinator (${known}), and it does not match the previous member epoch (${member.previousMemberEpoch}). The member must abandon all its partitions and rejoin.`,
    )
  return member
}

function unknownMember({ groupId }: ShareGroup, memberId: string): Refused {
  return new Refused(errorCodes.UNKNOWN_MEMBER_ID, `Member ${memberId} is not a member of group ${groupId}.`)
}

/** Whether what it subscribes to has changed. */
function writeMember(groupId: string, before: ShareMember, after: ShareMember, facts: ShareFact[]): boolean {
  const { memberId, rackId, clientId, clientHost, subscribedTopicNames } = after
  const isResubscribed =
    before.subscribedTopicNames.length !== subscribedTopicNames.length ||
    before.subscribedTopicNames.some((name, index) => name !== subscribedTopicNames[index])
  const isSame =
    !isResubscribed &&
    before.rackId === rackId &&
    before.clientId === clientId &&
    before.clientHost === clientHost
  if (!isSame) {
    const value = { rackId, clientId, clientHost, subscribedTopicNames }
    facts.push({ kind: 'shareMember', groupId, memberId, value })
  }
  return isResubscribed
}

/**
 * States were made for partitions since the last assignment: they may be given out. Those of a topic that is gone, whose
 * name another one may have by now, never will be.
 */
function isAssignmentPending({ metadata }: ShardView, { members, keptTopics, targets }: ShareGroup): boolean {
  if (members.size === 0 || keptTopics === null) return false
  const topics = subscribedTopics(members.values())
  for (const [topicId, { name, partitions }] of keptTopics.initialized) {
    if (!topics.has(name) || metadata.topic(name)?.topicId !== topicId) continue
    const assigned = new Set([...targets.values()].flatMap((target) => [...(target.get(topicId) ?? [])]))
    if (assigned.size !== partitions.size || [...partitions].some((index) => !assigned.has(index)))
      return true
  }
  return false
}

interface Target {
  epoch: number
  assignment: Assignment
}

function targetFor(
  shard: ShardView,
  group: ShareGroup,
  groupEpoch: number,
  members: ReadonlyMap<string, ShareMember>,
  memberId: string,
  assignmentIntervalMs: number,
  nowMs: number,
  facts: ShareFact[],
): Target {
  const { groupId, assignmentEpoch, assignmentTimestampMs, targets } = group
  const isEarly =
    assignmentTimestampMs !== 0 &&
    assignmentIntervalMs !== 0 &&
    nowMs < assignmentTimestampMs + assignmentIntervalMs
  if (assignmentEpoch >= groupEpoch || isEarly)
    return { epoch: assignmentEpoch, assignment: targets.get(memberId) ?? NOTHING }
  const kept = group.keptTopics?.initialized ?? new Map()
  const assignable = new Map([...kept].map(([topicId, { partitions }]) => [topicId, partitions]))
  const subscribers = new Map(
    [...members.values()].map((member) => [
      member.memberId,
      { topicIds: topicIdsOf(shard, member), assigned: targets.get(member.memberId) ?? NOTHING },
    ]),
  )
  const assigned = assignSimply(subscribers, assignable)
  for (const [id, value] of assigned) {
    const before = targets.get(id)
    if (before === undefined || !sameAssignment(before, value))
      facts.push({ kind: 'shareTarget', groupId, memberId: id, value })
  }
  const value = { assignmentEpoch: groupEpoch, assignmentTimestampMs: nowMs }
  facts.push({ kind: 'shareTargetEpoch', groupId, value })
  return { epoch: groupEpoch, assignment: assigned.get(memberId) ?? NOTHING }
}

function reconcile(shard: ShardView, member: ShareMember, target: Target, bump: boolean): ShareMember {
  if (!bump && member.memberEpoch === target.epoch) return member
  const topicIds = topicIdsOf(shard, member)
  const assigned = new Map([...target.assignment].filter(([topicId]) => topicIds.has(topicId)))
  if (member.memberEpoch === target.epoch)
    return sameAssignment(assigned, member.assigned) ? member : { ...member, assigned }
  return { ...member, assigned, memberEpoch: target.epoch, previousMemberEpoch: member.memberEpoch }
}

function topicIdsOf({ metadata }: ShardView, { subscribedTopicNames }: ShareMember): Set<string> {
  return new Set(subscribedTopicNames.flatMap((name) => metadata.topic(name)?.topicId ?? []))
}

/** Of topics that nothing is kept of yet: the share coordinator is asked to, once the answer is on its way. */
function initialize(
  shard: ShardView,
  group: ShareGroup,
  groupEpoch: number,
  topics: ReadonlySet<string>,
  nowMs: number,
  facts: ShareFact[],
): ToInitialize | null {
  const existing = [...topics].flatMap((name) => shard.metadata.topic(name) ?? [])
  const missing = missingOf(group.keptTopics, existing, shard.config.share.initializeRetryIntervalMs, nowMs)
  if (missing.size === 0) return null
  const value = initializing(group.keptTopics, missing, nowMs)
  facts.push({ kind: 'shareKeptTopics', groupId: group.groupId, value })
  return {
    stateEpoch: groupEpoch,
    topics: new Map(
      [...missing].map(([topicId, { name, partitions }]) => [
        topicId,
        { name, startOffsets: new Map([...partitions].map((partition) => [partition, undefined])) },
      ]),
    ),
  }
}
