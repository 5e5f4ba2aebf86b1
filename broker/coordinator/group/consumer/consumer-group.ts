// A consumer group of the new protocol (KIP-848): epochs, members, what each shall have. It is changed by its facts
// alone (`apply`), which live traffic and replay share; a decision applies them to a copy first to see what they
// make of the group (turn.ts).
//
//   group epoch ───► assignment epoch ───► member epochs      each follows the one before it
//
//   Empty         no members
//   Assigning     the assignment epoch is behind the group epoch
//   Reconciling   a member is behind the assignment epoch, or has partitions to give up or to wait for
//   Stable        everyone has what the target says
//
// Kafka: ConsumerGroup. It throws where a fact would give a partition to a second member: then log and state differ.

import { type Assignment, NOTHING } from '../modern/assignor/assignment.ts'
import { type MetadataFreshness, type ModernGroup, STALE } from '../modern/modern-group.ts'
import type { ConsumerFact, RejoinNote, ResolvedRegex } from './facts.ts'
import {
  type ConsumerMember,
  isReconciled,
  LEFT,
  newMember,
  NONE_OWNED,
  type OwnedPartitions,
} from './member.ts'

export type ConsumerGroupState = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable'

const INITIAL_EPOCH = 1
/** The target assignment is being forgotten with the group. */
const NO_ASSIGNMENT_EPOCH = -1

export class ConsumerGroup implements ModernGroup {
  readonly type = 'consumer'
  readonly groupId: string
  groupEpoch = INITIAL_EPOCH
  assignmentEpoch = INITIAL_EPOCH
  /** When the target was computed; 0: unknown. */
  assignmentTimestampMs = 0
  metadataHash = 0n
  freshness: MetadataFreshness = STALE
  /** A record from before 4.1 is to be forgotten. */
  hasPartitionMetadata = false
  readonly members: Map<string, ConsumerMember>
  readonly targets: Map<string, Assignment>
  readonly regexes: Map<string, ResolvedRegex>
  /** Classic members that were told to join again. */
  readonly rejoining: Set<string>
  /** Instance id → member id. */
  readonly staticMembers: Map<string, string>
  /** Topic name → members that name it; expression → members that use it; assignor → members that want it. */
  readonly nameSubscribers: Map<string, number>
  readonly regexSubscribers: Map<string, number>
  readonly assignorVotes: Map<string, number>
  /** Topic id → partition → member epoch of its owner. */
  private readonly owners: Map<string, Map<number, number>>
  /** null until the first record of the epoch: an upgraded group may begin at 0. */
  private recordedEpoch: number | null = null

  constructor(groupId: string, from?: ConsumerGroup) {
    this.groupId = groupId
    this.members = new Map(from?.members)
    this.targets = new Map(from?.targets)
    this.regexes = new Map(from?.regexes)
    this.rejoining = new Set(from?.rejoining)
    this.staticMembers = new Map(from?.staticMembers)
    this.nameSubscribers = new Map(from?.nameSubscribers)
    this.regexSubscribers = new Map(from?.regexSubscribers)
    this.assignorVotes = new Map(from?.assignorVotes)
    this.owners = new Map(
      from === undefined ? [] : [...from.owners].map(([id, owners]) => [id, new Map(owners)]),
    )
    if (from === undefined) return
    this.groupEpoch = from.groupEpoch
    this.assignmentEpoch = from.assignmentEpoch
    this.assignmentTimestampMs = from.assignmentTimestampMs
    this.metadataHash = from.metadataHash
    this.freshness = from.freshness
    this.hasPartitionMetadata = from.hasPartitionMetadata
    this.recordedEpoch = from.recordedEpoch
  }

  copy(): ConsumerGroup {
    return new ConsumerGroup(this.groupId, this)
  }

  get state(): ConsumerGroupState {
    if (this.members.size === 0) return 'Empty'
    if (this.groupEpoch > this.assignmentEpoch) return 'Assigning'
    for (const member of this.members.values())
      if (!isReconciled(member, this.assignmentEpoch)) return 'Reconciling'
    return 'Stable'
  }

  staticMember(instanceId: string): ConsumerMember | undefined {
    const memberId = this.staticMembers.get(instanceId)
    return memberId === undefined ? undefined : this.members.get(memberId)
  }

  targetOf(memberId: string): Assignment {
    return this.targets.get(memberId) ?? NOTHING
  }

  /** Whether some member owns the partition: it is assigned to it, or not given up yet. */
  isOwned(topicId: string, partition: number): boolean {
    return this.owners.get(topicId)?.has(partition) === true
  }

  isSubscribedTo(topic: string): boolean {
    if (this.nameSubscribers.has(topic)) return true
    for (const { topics } of this.regexes.values()) if (topics.has(topic)) return true
    return false
  }

  /** By name, or by what an expression resolved to. */
  subscribedTopics(): Set<string> {
    const topics = new Set(this.nameSubscribers.keys())
    for (const resolved of this.regexes.values()) for (const topic of resolved.topics) topics.add(topic)
    return topics
  }

  /** Topics of one member; an expression that is not resolved yet means none. */
  topicsOf({ topicNames, topicRegex }: ConsumerMember): Set<string> {
    const topics = new Set(topicNames)
    for (const topic of this.regexes.get(topicRegex)?.topics ?? []) topics.add(topic)
    return topics
  }

  get classicMembers(): number {
    let count = 0
    for (const { classic } of this.members.values()) if (classic !== null) count++
    return count
  }

  /** Returns false when the group is forgotten. */
  apply(change: ConsumerFact | RejoinNote): boolean {
    switch (change.kind) {
      case 'consumerGroup':
        if (change.value === null) return this.forget()
        this.setEpoch(change.value.epoch)
        this.metadataHash = change.value.metadataHash
        break
      case 'consumerPartitionMetadata':
        this.hasPartitionMetadata = change.value !== null
        break
      case 'consumerMember':
        if (change.value === null) this.remove(change.memberId)
        else this.put({ ...this.memberOrNew(change.memberId), ...change.value })
        break
      case 'consumerTargets':
        this.assignmentEpoch = change.value?.assignmentEpoch ?? NO_ASSIGNMENT_EPOCH
        this.assignmentTimestampMs = change.value?.assignmentTimestampMs ?? 0
        break
      case 'consumerTarget':
        if (change.value === null) this.targets.delete(change.memberId)
        else this.targets.set(change.memberId, change.value)
        break
      case 'consumerStanding': {
        const { memberId, value } = change
        if (value !== null) this.put({ ...this.memberOrNew(memberId), ...value })
        else if (this.members.has(memberId)) this.put({ ...this.memberOrNew(memberId), ...GONE })
        break
      }
      case 'consumerRegex':
        if (change.value === null) this.regexes.delete(change.regex)
        else this.regexes.set(change.regex, change.value)
        break
      case 'consumerRejoin':
        if (change.awaited) this.rejoining.add(change.memberId)
        else this.rejoining.delete(change.memberId)
    }
    return true
  }

  private setEpoch(epoch: number): void {
    if (this.recordedEpoch !== null && epoch < this.recordedEpoch) {
      throw new Error(`group ${this.groupId} goes back from epoch ${this.recordedEpoch} to ${epoch}`)
    }
    this.groupEpoch = epoch
    this.recordedEpoch = epoch
  }

  private forget(): boolean {
    const { members, targets, groupId } = this
    if (members.size === 0 && targets.size === 0) return false
    throw new Error(`group ${groupId} is forgotten with ${members.size} members and ${targets.size} targets`)
  }

  private memberOrNew(memberId: string): ConsumerMember {
    return this.members.get(memberId) ?? newMember(memberId)
  }

  private put(member: ConsumerMember): void {
    const former = this.members.get(member.memberId)
    if (former !== undefined) this.uncount(former)
    this.members.set(member.memberId, member)
    for (const topic of member.topicNames) count(this.nameSubscribers, topic, 1)
    if (member.topicRegex !== '') count(this.regexSubscribers, member.topicRegex, 1)
    if (member.assignorName !== null) count(this.assignorVotes, member.assignorName, 1)
    if (member.instanceId !== null) this.staticMembers.set(member.instanceId, member.memberId)
    this.own(member.assigned, member)
    this.own(member.pendingRevocation, member)
  }

  private remove(memberId: string): void {
    const former = this.members.get(memberId)
    if (former === undefined) return
    this.uncount(former)
    this.members.delete(memberId)
    this.rejoining.delete(memberId)
  }

  private uncount(member: ConsumerMember): void {
    for (const topic of member.topicNames) count(this.nameSubscribers, topic, -1)
    if (member.topicRegex !== '') count(this.regexSubscribers, member.topicRegex, -1)
    if (member.assignorName !== null) count(this.assignorVotes, member.assignorName, -1)
    const { instanceId, memberId } = member
    if (instanceId !== null && this.staticMembers.get(instanceId) === memberId)
      this.staticMembers.delete(instanceId)
    this.disown(member.assigned)
    this.disown(member.pendingRevocation)
  }

  private own(partitions: OwnedPartitions, { memberId, memberEpoch }: ConsumerMember): void {
    for (const [topicId, ofTopic] of partitions) {
      let owners = this.owners.get(topicId)
      if (owners === undefined) this.owners.set(topicId, (owners = new Map()))
      for (const partition of ofTopic.keys()) {
        // One owner at a time: what the whole protocol is for.
        const ownerEpoch = owners.get(partition)
        if (ownerEpoch !== undefined) {
          throw new Error(
            `group ${this.groupId}: ${memberId} gets ${topicId}-${partition} in epoch ${memberEpoch} ` +
              `while it is owned in epoch ${ownerEpoch}`,
          )
        }
        owners.set(partition, memberEpoch)
      }
    }
  }

  private disown(partitions: OwnedPartitions): void {
    for (const [topicId, ofTopic] of partitions) {
      const owners = this.owners.get(topicId)
      if (owners === undefined) continue
      for (const partition of ofTopic.keys()) owners.delete(partition)
      if (owners.size === 0) this.owners.delete(topicId)
    }
  }
}

const GONE = {
  memberEpoch: LEFT,
  previousMemberEpoch: LEFT,
  assigned: NONE_OWNED,
  pendingRevocation: NONE_OWNED,
}

function count(counts: Map<string, number>, key: string, by: number): void {
  const next = (counts.get(key) ?? 0) + by
  if (next === 0) counts.delete(key)
  else counts.set(key, next)
}
