// Online migration between the two protocols (KIP-848): the first member of the new protocol turns a classic group
// into a consumer group with classic members in it, the last one to leave turns it back. Offsets stay, epochs go on
// from generations and back. Kafka: convertToConsumerGroup, convertToClassicGroup and what they ask before.

import { errorCodes } from '../../../protocol/errors.ts'
import {
  consumerProtocolAssignment,
  consumerProtocolSubscription,
} from '../../../protocol/records/consumer-protocol.ts'
import { decodeVersioned, encodeVersioned, versionPrefix } from '../../../protocol/records/versioned.ts'
import { joinRefused, syncRefused } from '../classic/answers.ts'
import { recordOf } from '../classic/facts.ts'
import {
  type ClassicGroup,
  type Member as ClassicMember,
  type MemberProtocol,
  metadataFor,
  newGroup,
  selectProtocol,
} from '../classic/group.ts'
import { prepareRebalance } from '../classic/rebalance.ts'
import { subscribedTopicsOf } from '../classic/subscription.ts'
import {
  joinPhaseTimer,
  sessionTimer as classicSessionTimer,
  overfullTimer,
  syncPhaseTimer,
} from '../classic/timers.ts'
import { Turn } from '../classic/turn.ts'
import type { MetadataView } from '../metadata-view.ts'
import { type Assignment, NOTHING } from '../modern/assignor/assignment.ts'
import { Refused } from '../modern/refused.ts'
import type { ShardView } from '../shard-view.ts'
import { standingOf, subscriptionOf } from './facts.ts'
import { type ConsumerMember, isReconciled, memberStates, newMember } from './member.ts'
import { sessionTimer, timersOf } from './timers.ts'
import { ConsumerTurn, groupTombstones } from './turn.ts'

const CONSUMER = 'consumer'
const VERSION_BYTES = 2

/** A turn on the consumer group that the classic group becomes; throws Refused where it may not. */
export function upgrade(shard: ShardView, classic: ClassicGroup, nowMs: number): ConsumerTurn {
  const { groupId } = classic
  const turn = new ConsumerTurn(shard, groupId, nowMs)
  // A group without members leaves nothing but its offsets.
  if (classic.state !== 'Empty') refuseUpgrade(shard, classic)
  for (const key of classicTimers(classic)) turn.timer(key, null)
  if (classic.protocolType !== null || classic.stateTimestampMs !== null || classic.members.size > 0)
    turn.emitOther({ kind: 'group', groupId, value: null })
  if (classic.state === 'Empty') return turn
  // Who waits is told of another rebalance, and comes back to the group as it will be then.
  for (const { memberId, awaitingJoin, awaitingSync } of classic.members.values()) {
    const errorCode = errorCodes.REBALANCE_IN_PROGRESS
    if (awaitingJoin !== null) turn.reply(awaitingJoin, joinRefused(errorCode, memberId))
    if (awaitingSync !== null) turn.reply(awaitingSync, syncRefused(errorCode))
  }
  convert(turn, classic)
  return turn
}

function refuseUpgrade({ config }: ShardView, classic: ClassicGroup): void {
  const refused = (why: string): never => {
    const message = `Cannot upgrade classic group ${classic.groupId} to consumer group because ${why}.`
    throw new Refused(errorCodes.GROUP_ID_NOT_FOUND, message)
  }
  const { migrationPolicy, maxSize } = config.consumer
  if (migrationPolicy !== 'bidirectional' && migrationPolicy !== 'upgrade')
    refused('online upgrade is disabled')
  if (classic.protocolType !== CONSUMER) refused('the group does not use the consumer embedded protocol')
  if (classic.members.size > maxSize) refused('the group size exceeds the consumer group maximum size')
}

/** Everyone stands where the classic group had it: in its generation, with its last assignment, owing nothing. */
function convert(turn: ConsumerTurn, classic: ClassicGroup): void {
  const { groupId, generationId } = classic
  const { metadata, topicHashes } = turn.shard
  const protocolName = classic.protocolName ?? (classic.members.size > 0 ? selectProtocol(classic) : null)
  const members = [...classic.members.values()].map((member) => {
    const assigned = assignmentOf(member, groupId, metadata)
    return { member: converted(member, generationId, protocolName, assigned, groupId), assigned }
  })
  for (const { member } of members) {
    const { memberId } = member
    turn.emit({ kind: 'consumerMember', groupId, memberId, value: subscriptionOf(member) })
  }
  const metadataHash = topicHashes.ofGroup(turn.group.subscribedTopics(), metadata)
  turn.emit({ kind: 'consumerGroup', groupId, value: { epoch: generationId, metadataHash } })
  for (const { member, assigned } of members)
    turn.emit({ kind: 'consumerTarget', groupId, memberId: member.memberId, value: assigned })
  const value = { assignmentEpoch: generationId, assignmentTimestampMs: 0 }
  turn.emit({ kind: 'consumerTargets', groupId, value })
  for (const { member } of members) {
    turn.emit({ kind: 'consumerStanding', groupId, memberId: member.memberId, value: standingOf(member) })
    turn.timer(sessionTimer(groupId, member.memberId), member.classic?.sessionTimeoutMs ?? null)
  }
}

function converted(
  member: ClassicMember,
  generationId: number,
  protocolName: string | null,
  assigned: Assignment,
  groupId: string,
): ConsumerMember {
  const { topics, rackId } = understood(groupId, () =>
    decodeVersioned(consumerProtocolSubscription, metadataFor(member, protocolName)),
  ).value
  return {
    ...newMember(member.memberId),
    instanceId: member.groupInstanceId,
    rackId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    topicNames: [...new Set(topics)].sort(),
    classic: { sessionTimeoutMs: member.sessionTimeoutMs, protocols: member.protocols },
    memberEpoch: generationId,
    previousMemberEpoch: generationId,
    state: memberStates.Stable,
    assigned: new Map(
      [...assigned].map(([topicId, partitions]) => [
        topicId,
        new Map([...partitions].map((partition) => [partition, generationId])),
      ]),
    ),
  }
}

/** Who has just joined has none yet. */
function assignmentOf({ assignment }: ClassicMember, groupId: string, metadata: MetadataView): Assignment {
  if (assignment.length === 0) return NOTHING
  const { assignedPartitions, userData } = understood(groupId, () =>
    decodeVersioned(consumerProtocolAssignment, assignment),
  ).value
  if (userData !== null && userData.length > 0) {
    throw new Refused(
      errorCodes.GROUP_ID_NOT_FOUND,
      `Cannot upgrade classic group ${groupId} to consumer group because an unsupported custom assignor is in use. ` +
        'Please refer to the documentation or switch to a default assignor before re-attempting the upgrade.',
    )
  }
  return byId(assignedPartitions, metadata)
}

function understood<T>(groupId: string, decode: () => T): T {
  try {
    return decode()
  } catch {
    throw new Refused(
      errorCodes.GROUP_ID_NOT_FOUND,
      `Cannot upgrade classic group ${groupId} to consumer group because the embedded consumer protocol is malformed.`,
    )
  }
}

function* classicTimers({ groupId, members, pendingJoinMembers }: ClassicGroup): Iterable<string> {
  for (const memberId of [...members.keys(), ...pendingJoinMembers])
    yield classicSessionTimer(groupId, memberId)
  yield joinPhaseTimer(groupId)
  yield syncPhaseTimer(groupId)
  yield overfullTimer(groupId)
}

/** Whether a group of these members is to be a classic one. */
export function mayDowngrade({ shard }: ConsumerTurn, staying: readonly ConsumerMember[]): boolean {
  const { migrationPolicy } = shard.config.consumer
  return (
    staying.length > 0 &&
    staying.every(({ classic }) => classic !== null) &&
    (migrationPolicy === 'bidirectional' || migrationPolicy === 'downgrade') &&
    staying.length <= shard.config.maxSize
  )
}

/**
 * The consumer group is forgotten, a classic one of `staying` takes its place. `rebalance` when it must begin anew;
 * it does, too, where somebody does not have yet what it shall have.
 */
export function downgrade(turn: ConsumerTurn, staying: readonly ConsumerMember[], rebalance: boolean): void {
  const { group, groupId, shard, nowMs } = turn
  const classic = classicOf(turn, staying)
  for (const memberId of group.members.keys())
    for (const key of timersOf(groupId, memberId)) turn.timer(key, null)
  turn.emitOther(...groupTombstones(group), { kind: 'group', groupId, value: recordOf(classic) })
  const next = new Turn(classic, shard.config, nowMs)
  for (const member of classic.members.values()) next.restartSession(member)
  if (rebalance || staying.some((member) => !isReconciled(member, group.groupEpoch))) prepareRebalance(next)
  const { facts, notes, replies, timers } = next.done()
  turn.emitOther(...facts)
  for (const note of notes) turn.note(note)
  for (const { to, body } of replies) turn.reply(to, body)
  for (const { key, afterMs } of timers) turn.timer(key, afterMs)
}

function classicOf(turn: ConsumerTurn, staying: readonly ConsumerMember[]): ClassicGroup {
  const { group, groupId, nowMs } = turn
  const classic = newGroup(groupId, nowMs)
  classic.state = 'Stable'
  classic.previousState = 'Stable'
  classic.generationId = group.groupEpoch
  classic.protocolType = CONSUMER
  for (const member of staying) {
    const { memberId, instanceId } = member
    classic.members.set(memberId, {
      memberId,
      groupInstanceId: instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      sessionTimeoutMs: classicOfMember(member).sessionTimeoutMs,
      protocols: classicOfMember(member).protocols,
      assignment: Buffer.alloc(0),
      isNew: false,
      awaitingJoin: null,
      awaitingSync: null,
    })
    if (instanceId !== null) classic.staticMembers.set(instanceId, memberId)
  }
  classic.leaderId = classic.members.keys().next().value ?? null
  classic.protocolName = selectProtocol(classic)
  classic.subscribedTopics = subscribedTopicsOf(classic)
  for (const [memberId, member] of classic.members) {
    const metadata = metadataFor(member, classic.protocolName)
    const assignment = encodeAssignment(ownedBy(group.members.get(memberId)), metadata, turn.shard.metadata)
    classic.members.set(memberId, { ...member, assignment })
  }
  return classic
}

/**
 * What the member may work on until it hears otherwise. Kafka writes what it shall have: then a member of the new
 * protocol that joins at once is given what this one has not given up yet.
 */
function ownedBy(member: ConsumerMember | undefined): Assignment {
  const owned = new Map<string, Set<number>>()
  for (const partitions of [member?.assigned ?? [], member?.pendingRevocation ?? []]) {
    for (const [topicId, ofTopic] of partitions)
      owned.set(topicId, new Set([...(owned.get(topicId) ?? []), ...ofTopic.keys()]))
  }
  return owned
}

function classicOfMember({ classic, memberId }: ConsumerMember): NonNullable<ConsumerMember['classic']> {
  if (classic === null) throw new Error(`member ${memberId} does not speak the classic protocol`)
  return classic
}

/** A classic member's assignment, in the version of the subscription that it sent; in the lowest where it sent none. */
export function encodeAssignment(
  assignment: Assignment,
  subscription: Buffer,
  metadata: MetadataView,
): Buffer {
  const [lowest, highest] = consumerProtocolAssignment.versions
  const said = subscription.length < VERSION_BYTES ? lowest : versionPrefix(subscription)
  const version = Math.min(Math.max(said, lowest), highest)
  const assignedPartitions = [...assignment].flatMap(([topicId, partitions]) => {
    const topic = metadata.topicById(topicId)?.name
    return topic === undefined ? [] : [{ topic, partitions: [...partitions] }]
  })
  return encodeVersioned(consumerProtocolAssignment, version, { assignedPartitions, userData: null })
}

/** Partitions by topic name as partitions by id; topics that do not exist are left out. */
export function byId(
  topics: readonly { topic: string; partitions: readonly number[] }[],
  metadata: MetadataView,
): Assignment {
  const assignment = new Map<string, ReadonlySet<number>>()
  for (const { topic, partitions } of topics) {
    const topicId = metadata.topic(topic)?.topicId
    if (topicId !== undefined) assignment.set(topicId, new Set(partitions))
  }
  return assignment
}

/** The protocol that a classic member of a consumer group is told: its first. */
export function protocolOf(member: ConsumerMember): MemberProtocol {
  const [first] = classicOfMember(member).protocols
  if (first === undefined) throw new Error(`member ${member.memberId} has no protocol`)
  return first
}
