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
  /** Classic members that were told to join again. */
  readonly rejoining: Set<string>
  /** Topic id → partition → member epoch of its owner; of a copy only the topics that it has changed. */
  private readonly owners = new Map<string, Map<number, number>>()
  private readonly original: ConsumerGroup | undefined
  private readonly parts: Parts
  /** Parts of a copy that are still its original's. */
  private readonly shared: Set<keyof Parts>
  /** null until the first record of the epoch: an upgraded group may begin at 0. */
  private recordedEpoch: number | null = null

  constructor(groupId: string, from?: ConsumerGroup) {
    this.groupId = groupId
    this.original = from
    this.parts = from === undefined ? noParts() : { ...from.parts }
    this.shared = new Set(from === undefined ? [] : (Object.keys(from.parts) as (keyof Parts)[]))
    this.rejoining = new Set(from?.rejoining)
    if (from === undefined) return
    this.groupEpoch = from.groupEpoch
    this.assignmentEpoch = from.assignmentEpoch
    this.assignmentTimestampMs = from.assignmentTimestampMs
    this.metadataHash = from.metadataHash
    this.freshness = from.freshness
    this.hasPartitionMetadata = from.hasPartitionMetadata
    this.recordedEpoch = from.recordedEpoch
  }

  /** What is not changed is shared: a copy is good until its original changes. */
  copy(): ConsumerGroup {
    return new ConsumerGroup(this.groupId, this)
  }

  get members(): ReadonlyMap<string, ConsumerMember> {
    return this.parts.members
  }

  get targets(): ReadonlyMap<string, Assignment> {
    return this.parts.targets
  }

  get regexes(): ReadonlyMap<string, ResolvedRegex> {
    return this.parts.regexes
  }

  /** Instance id → member id. */
  get staticMembers(): ReadonlyMap<string, string> {
    return this.parts.staticMembers
  }

  /** Topic name → members that name it. */
  get nameSubscribers(): ReadonlyMap<string, number> {
    return this.parts.nameSubscribers
  }

  /** Expression → members that use it. */
  get regexSubscribers(): ReadonlyMap<string, number> {
    return this.parts.regexSubscribers
  }

  /** Assignor → members that want it. */
  get assignorVotes(): ReadonlyMap<string, number> {
    return this.parts.assignorVotes
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
    return this.ownersAt(topicId)?.has(partition) === true
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
        else this.resubscribe({ ...this.memberOrNew(change.memberId), ...change.value })
        break
      case 'consumerTargets':
        this.assignmentEpoch = change.value?.assignmentEpoch ?? NO_ASSIGNMENT_EPOCH
        this.assignmentTimestampMs = change.value?.assignmentTimestampMs ?? 0
        break
      case 'consumerTarget':
        if (change.value === null) this.mine('targets').delete(change.memberId)
        else this.mine('targets').set(change.memberId, change.value)
        break
      case 'consumerStanding': {
        const { memberId, value } = change
        if (value !== null || this.members.has(memberId))
          this.restand({ ...this.memberOrNew(memberId), ...(value ?? GONE) })
        break
      }
      case 'consumerRegex':
        if (change.value === null) this.mine('regexes').delete(change.regex)
        else this.mine('regexes').set(change.regex, change.value)
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

  /** The member as it says it is now; what it has stays. */
  private resubscribe(member: ConsumerMember): void {
    const { memberId, instanceId } = member
    const former = this.members.get(memberId)
    if (former !== undefined) this.uncount(former)
    this.mine('members').set(memberId, member)
    this.count(member, 1)
    if (instanceId !== null) this.mine('staticMembers').set(instanceId, memberId)
  }

  /** The member as the coordinator decided; what it says of itself stays. */
  private restand(member: ConsumerMember): void {
    const former = this.members.get(member.memberId)
    if (former !== undefined) this.release(former)
    this.mine('members').set(member.memberId, member)
    this.take(member.assigned, member)
    this.take(member.pendingRevocation, member)
  }

  private remove(memberId: string): void {
    const former = this.members.get(memberId)
    if (former === undefined) return
    this.uncount(former)
    this.release(former)
    this.mine('members').delete(memberId)
    this.rejoining.delete(memberId)
  }

  private uncount(member: ConsumerMember): void {
    this.count(member, -1)
    const { instanceId, memberId } = member
    if (instanceId !== null && this.staticMembers.get(instanceId) === memberId)
      this.mine('staticMembers').delete(instanceId)
  }

  private count({ topicNames, topicRegex, assignorName }: ConsumerMember, by: number): void {
    for (const topic of topicNames) count(this.mine('nameSubscribers'), topic, by)
    if (topicRegex !== '') count(this.mine('regexSubscribers'), topicRegex, by)
    if (assignorName !== null) count(this.mine('assignorVotes'), assignorName, by)
  }

  private take(partitions: OwnedPartitions, { memberId, memberEpoch }: ConsumerMember): void {
    for (const [topicId, ofTopic] of partitions) {
      const owners = this.ownersOf(topicId)
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

  private release({ assigned, pendingRevocation }: ConsumerMember): void {
    for (const partitions of [assigned, pendingRevocation]) {
      for (const [topicId, ofTopic] of partitions) {
        const owners = this.ownersOf(topicId)
        for (const partition of ofTopic.keys()) owners.delete(partition)
        if (owners.size === 0 && this.original === undefined) this.owners.delete(topicId)
      }
    }
  }

  private ownersAt(topicId: string): ReadonlyMap<number, number> | undefined {
    return this.owners.get(topicId) ?? this.original?.ownersAt(topicId)
  }

  /** To be changed. */
  private ownersOf(topicId: string): Map<number, number> {
    let owners = this.owners.get(topicId)
    if (owners === undefined) {
      owners = new Map(this.original?.ownersAt(topicId))
      this.owners.set(topicId, owners)
    }
    return owners
  }

  /** A part of the group, to be changed. */
  private mine<K extends keyof Parts>(part: K): Parts[K] {
    if (this.shared.delete(part))
      Object.assign(this.parts, { [part]: new Map<string, unknown>(this.parts[part]) })
    return this.parts[part]
  }
}

/** By member id, instance id, topic, expression and assignor. */
interface Parts {
  members: Map<string, ConsumerMember>
  targets: Map<string, Assignment>
  regexes: Map<string, ResolvedRegex>
  staticMembers: Map<string, string>
  nameSubscribers: Map<string, number>
  regexSubscribers: Map<string, number>
  assignorVotes: Map<string, number>
}

function noParts(): Parts {
  return {
    members: new Map(),
    targets: new Map(),
    regexes: new Map(),
    staticMembers: new Map(),
    nameSubscribers: new Map(),
    regexSubscribers: new Map(),
    assignorVotes: new Map(),
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
