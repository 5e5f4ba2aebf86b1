// One decision about one consumer group while it is being made: facts are applied to a copy of the group as they
// are made, so that the next step sees them, and nothing outside the copy changes.

import type { RequestId } from '../../machine.ts'
import { emptyDecision, type GroupDecision } from '../decision.ts'
import type { Fact, Note } from '../facts.ts'
import type { Reply } from '../messages.ts'
import { assignRange } from '../modern/assignor/range.ts'
import { type Assignor, NOTHING, sameAssignment } from '../modern/assignor/assignment.ts'
import { assignUniform } from '../modern/assignor/uniform.ts'
import { freshFrom, isStale } from '../modern/modern-group.ts'
import type { ShardView } from '../shard-view.ts'
import { consumerSettings } from './config.ts'
import { ConsumerGroup } from './consumer-group.ts'
import { type ConsumerFact, standingOf, subscriptionOf } from './facts.ts'
import {
  type ConsumerMember,
  isReconciled,
  LEFT_FOR_A_WHILE,
  memberStates,
  sameNames,
  sameStanding,
  sameSubscription,
} from './member.ts'
import { reconcile, type Reconciliation } from './reconcile.ts'
import { revocationTimer, sessionTimer, timersOf } from './timers.ts'

/** Where members differ more than that, comparing them costs as much as it saves. */
const MOST_SHARED_SUBSCRIPTIONS = 16

const assignors: Record<string, Assignor> = { uniform: assignUniform, range: assignRange }

export class ConsumerTurn {
  readonly shard: ShardView
  readonly nowMs: number
  private working: ConsumerGroup
  private isCopy: boolean
  private readonly decision = emptyDecision()

  /** `group` is copied with the first fact; a group that is just being made is the turn's own. */
  constructor(shard: ShardView, group: ConsumerGroup | string, nowMs: number) {
    this.shard = shard
    this.nowMs = nowMs
    this.isCopy = typeof group === 'string'
    this.working = typeof group === 'string' ? new ConsumerGroup(group) : group
  }

  get group(): ConsumerGroup {
    return this.working
  }

  get groupId(): string {
    return this.working.groupId
  }

  done(): GroupDecision {
    return this.decision
  }

  emit(...facts: ConsumerFact[]): void {
    if (!this.isCopy && facts.length > 0) {
      this.working = this.working.copy()
      this.isCopy = true
    }
    for (const fact of facts) {
      this.working.apply(fact)
      this.decision.facts.push(fact)
    }
  }

  /** Facts that concern another kind of group under this name. */
  emitOther(...facts: Fact[]): void {
    this.decision.facts.push(...facts)
  }

  note(note: Note): void {
    this.decision.notes.push(note)
  }

  reply(to: RequestId, body: Reply): void {
    this.decision.replies.push({ to, body })
  }

  timer(key: string, afterMs: number | null): void {
    this.decision.timers.push({ key, afterMs })
  }

  /** Classic members bring a session timeout of their own. */
  restartSession({ memberId, classic }: ConsumerMember): void {
    const { config, groupConfigs } = this.shard
    const ofGroup = consumerSettings(config.consumer, groupConfigs, this.groupId)
    this.timer(sessionTimer(this.groupId, memberId), classic?.sessionTimeoutMs ?? ofGroup.sessionTimeoutMs)
  }

  /** Writes what a member says of itself, if that is new. */
  subscribe(former: ConsumerMember, member: ConsumerMember): boolean {
    if (sameSubscription(former, member)) return false
    const { memberId } = member
    this.emit({ kind: 'consumerMember', groupId: this.groupId, memberId, value: subscriptionOf(member) })
    return true
  }

  /** Compares the metadata with what the group knows; bumps the epoch if it differs, or if `mustBump`. */
  refreshMetadata(mustBump: boolean): void {
    const { groupId, group, shard } = this
    if (!mustBump && !isStale(group, this.nowMs)) return
    const metadataHash = shard.topicHashes.ofGroup(group.subscribedTopics(), shard.metadata)
    if (mustBump || metadataHash !== group.metadataHash) this.bumpEpoch(metadataHash)
    const freshness = freshFrom(this.nowMs, this.group.groupEpoch)
    this.note({ kind: 'metadataFreshness', groupId, freshness })
    if (this.group.hasPartitionMetadata)
      this.emit({ kind: 'consumerPartitionMetadata', groupId, value: null })
  }

  bumpEpoch(metadataHash: bigint): void {
    const { groupId, group } = this
    this.emit({ kind: 'consumerGroup', groupId, value: { epoch: group.groupEpoch + 1, metadataHash } })
  }

  /** A new target assignment, if the group's epoch has moved on and the last one is not too recent. */
  assign(): void {
    const { groupId, group, nowMs, shard } = this
    if (group.assignmentEpoch >= group.groupEpoch) return
    const { config, groupConfigs, metadata } = shard
    const { assignmentIntervalMs } = consumerSettings(config.consumer, groupConfigs, groupId)
    const since = group.assignmentTimestampMs
    if (since !== 0 && assignmentIntervalMs !== 0 && nowMs < since + assignmentIntervalMs) return
    const topicIdsOf = this.sharedTopicIds()
    const members = new Map(
      [...group.members.values()].map((member) => [
        member.memberId,
        {
          instanceId: member.instanceId,
          topicIds: topicIdsOf(member),
          assigned: group.targets.get(member.memberId) ?? NOTHING,
        },
      ]),
    )
    const partitionCount = (topicId: string): number => metadata.topicById(topicId)?.partitionCount ?? 0
    const targets = this.assignor()({ members, partitionCount })
    for (const [memberId, value] of targets) {
      const former = group.targets.get(memberId)
      if (former === undefined || !sameAssignment(former, value))
        this.emit({ kind: 'consumerTarget', groupId, memberId, value })
    }
    const value = { assignmentEpoch: group.groupEpoch, assignmentTimestampMs: nowMs }
    this.emit({ kind: 'consumerTargets', groupId, value })
  }

  /** Brings the member nearer to its target; returns it as it is then. */
  reconcile(memberId: string, subscriptionChanged: boolean, owned: Reconciliation['owned']): ConsumerMember {
    const { groupId, group } = this
    const member = group.members.get(memberId)
    if (member === undefined) throw new Error(`group ${groupId} has no member ${memberId}`)
    if (!subscriptionChanged && isReconciled(member, group.assignmentEpoch)) return member
    const next = reconcile({
      member,
      targetEpoch: group.assignmentEpoch,
      target: group.targetOf(memberId),
      topicIds: this.topicIdsOf(member),
      subscriptionChanged,
      owned,
      isOwned: (topicId, partition) => group.isOwned(topicId, partition),
    })
    if (sameStanding(member, next)) return member
    this.stand(next)
    if (next.classic === null) {
      const isDue = next.state === memberStates.UnrevokedPartitions
      this.timer(revocationTimer(groupId, memberId), isDue ? next.rebalanceTimeoutMs : null)
    }
    return next
  }

  stand(member: ConsumerMember): void {
    const { memberId } = member
    this.emit({ kind: 'consumerStanding', groupId: this.groupId, memberId, value: standingOf(member) })
  }

  /** A static member comes back under a new id, or in another protocol: it takes the place of its former self. */
  replaceMember(former: ConsumerMember, memberId: string): ConsumerMember {
    const { groupId } = this
    const target = this.group.targetOf(former.memberId)
    const member = { ...former, memberId, memberEpoch: 0, previousMemberEpoch: 0 }
    // Its timers find nobody any more.
    this.emit(...tombstonesOf(groupId, former.memberId))
    this.emit({ kind: 'consumerMember', groupId, memberId, value: subscriptionOf(member) })
    this.emit({ kind: 'consumerTarget', groupId, memberId, value: target })
    this.stand(member)
    return member
  }

  /** Takes members out, and expressions that nobody else uses; the others share what they had. */
  removeMembers(members: readonly ConsumerMember[]): void {
    const { groupId } = this
    for (const { memberId } of members) {
      this.emit(...tombstonesOf(groupId, memberId))
      for (const key of timersOf(groupId, memberId)) this.timer(key, null)
    }
    for (const { topicRegex } of members) this.forgetUnusedRegex(topicRegex)
    this.bumpEpoch(this.shard.topicHashes.ofGroup(this.group.subscribedTopics(), this.shard.metadata))
  }

  forgetUnusedRegex(regex: string): void {
    if (!this.group.regexes.has(regex) || this.group.regexSubscribers.has(regex)) return
    this.emit({ kind: 'consumerRegex', groupId: this.groupId, regex, value: null })
  }

  topicIdsOf(member: ConsumerMember): Set<string> {
    const ids = new Set<string>()
    for (const name of this.group.topicsOf(member)) {
      const topic = this.shard.metadata.topic(name)
      if (topic !== undefined) ids.add(topic.topicId)
    }
    return ids
  }

  /** Members of a group tend to subscribe to the same: they share one set then, which assignors know by its identity. */
  private sharedTopicIds(): (member: ConsumerMember) => ReadonlySet<string> {
    const known: { member: ConsumerMember; topicIds: ReadonlySet<string> }[] = []
    return (member) => {
      const { topicNames, topicRegex } = member
      const same = known.find(
        (other) => other.member.topicRegex === topicRegex && sameNames(other.member.topicNames, topicNames),
      )
      if (same !== undefined) return same.topicIds
      const topicIds = this.topicIdsOf(member)
      if (known.length < MOST_SHARED_SUBSCRIPTIONS) known.push({ member, topicIds })
      return topicIds
    }
  }

  /** Whoever is away for a while votes, too, as in Kafka. */
  private assignor(): Assignor {
    const name = preferredAssignor(this.group) ?? this.shard.config.consumer.assignors[0]
    const assignor = assignors[name ?? '']
    if (assignor === undefined) throw new Error(`there is no assignor ${name}`)
    return assignor
  }
}

/** The one that most members ask for; the first of them where they are even. */
export function preferredAssignor({ assignorVotes }: ConsumerGroup): string | undefined {
  let preferred: [string, number] | undefined
  for (const vote of assignorVotes) if (preferred === undefined || vote[1] > preferred[1]) preferred = vote
  return preferred?.[0]
}

export function tombstonesOf(groupId: string, memberId: string): ConsumerFact[] {
  return [
    { kind: 'consumerStanding', groupId, memberId, value: null },
    { kind: 'consumerTarget', groupId, memberId, value: null },
    { kind: 'consumerMember', groupId, memberId, value: null },
  ]
}

/** Everything that forgets the group, in the order in which its parts need each other. */
export function groupTombstones(group: ConsumerGroup): ConsumerFact[] {
  const { groupId } = group
  const memberIds = [...group.members.keys()]
  return [
    ...memberIds.map(
      (memberId): ConsumerFact => ({ kind: 'consumerStanding', groupId, memberId, value: null }),
    ),
    ...memberIds.map(
      (memberId): ConsumerFact => ({ kind: 'consumerTarget', groupId, memberId, value: null }),
    ),
    { kind: 'consumerTargets', groupId, value: null },
    ...memberIds.map(
      (memberId): ConsumerFact => ({ kind: 'consumerMember', groupId, memberId, value: null }),
    ),
    ...[...group.regexes.keys()].map(
      (regex): ConsumerFact => ({ kind: 'consumerRegex', groupId, regex, value: null }),
    ),
    { kind: 'consumerPartitionMetadata', groupId, value: null },
    { kind: 'consumerGroup', groupId, value: null },
  ]
}

export function isAway({ memberEpoch }: ConsumerMember): boolean {
  return memberEpoch === LEFT_FOR_A_WHILE
}
