// One consumer of the simulated world: of the new protocol, or a classic one. It knows only what it was told, holds
// partitions until it gives them up, and is slow, mute, stubborn or dead as the dice fall.

import type * as body from '../../../broker/coordinator/group/messages.ts'
import { errorCodes } from '../../../broker/protocol/errors.ts'
import {
  consumerProtocolAssignment,
  consumerProtocolSubscription,
} from '../../../broker/protocol/records/consumer-protocol.ts'
import { decodeVersioned, encodeVersioned } from '../../../broker/protocol/records/versioned.ts'
import type { ConsumerGroupWorld } from './world.ts'

export const GROUP = 'group'
export const SESSION_MS = 15_000
export const REBALANCE_MS = 20_000

export interface Subscription {
  names: string[]
  /** Empty: none. */
  regex: string
}

export abstract class Member {
  readonly world: ConsumerGroupWorld
  memberId: string
  epoch = 0
  /** `topic-0`, what it works on. */
  held = new Set<string>()
  subscription: Subscription
  /** What it had and gave up, with the epoch of that time: a commit may still be on its way. */
  readonly formerly = new Map<string, number>()
  isDead = false
  /** When the last request was sent that was answered well: its session runs from then at least. */
  protected heardMs = Number.NEGATIVE_INFINITY
  protected inFlight = false

  constructor(world: ConsumerGroupWorld, memberId: string, subscription: Subscription) {
    this.world = world
    this.memberId = memberId
    this.subscription = subscription
  }

  /** Does the next thing that such a consumer does. */
  abstract act(): void
  /** Whether nothing is left to do: it has what it was told, and was told what it shall have. */
  abstract get isAtRest(): boolean
  abstract readonly isClassic: boolean

  /** As far as it can know itself: nobody else may have been given what it holds. */
  get isEntitled(): boolean {
    return !this.isDead && this.world.clock.now() < this.heardMs + SESSION_MS
  }

  die(): void {
    this.isDead = true
  }

  toString(): string {
    return `${this.memberId}@${this.epoch} {${[...this.held].join(' ')}}`
  }

  /** Commits one partition that it holds, or held once. */
  commit(partition: string): void {
    const { world, memberId } = this
    const epoch = this.held.has(partition) ? this.epoch : (this.formerly.get(partition) ?? this.epoch)
    const at = partition.lastIndexOf('-')
    const name = partition.slice(0, at)
    const sentAt = world.step
    const request: body.OffsetCommitRequest = {
      groupId: GROUP,
      memberId,
      generationIdOrMemberEpoch: epoch,
      groupInstanceId: null,
      retentionTimeMs: -1n,
      topics: [
        {
          name,
          topicId: world.topicId(name),
          partitions: [
            {
              partitionIndex: Number(partition.slice(at + 1)),
              committedOffset: BigInt(sentAt),
              committedLeaderEpoch: -1,
              committedMetadata: '',
            },
          ],
        },
      ],
    }
    // In the epoch that the group knows it in, a member may commit what it likes, as in Kafka: also one that died, or
    // takes itself for gone, while its session goes on. That is decided when it is asked, in the same turn.
    const isBehind = world.epochOf(memberId) !== epoch
    world.send<body.OffsetCommitResponse>({ kind: 'commit', request, apiVersion: 10 }, (reply) => {
      const errorCode = typeof reply === 'number' ? reply : reply.topics[0]?.partitions[0]?.errorCode
      if (errorCode === errorCodes.NONE) world.committed(this, partition, isBehind ? sentAt : -1)
      else if (errorCode === errorCodes.STALE_MEMBER_EPOCH || errorCode === errorCodes.UNKNOWN_MEMBER_ID)
        world.counters.fencedCommits++
    })
  }

  protected dropAll(): void {
    this.held = new Set()
    this.epoch = 0
  }

  protected maySay(): boolean {
    return !this.isDead && !this.inFlight
  }
}

export class ModernMember extends Member {
  readonly isClassic = false
  readonly instanceId: string | null
  /** What it was told to have; undefined until it was told. */
  private told: Set<string> | undefined
  /** Says everything with the next heartbeat: it may have missed an answer. */
  private full = true
  /** Goes on with its heartbeats but never gives anything up. */
  isStubborn = false
  private revokeByMs = Number.POSITIVE_INFINITY
  /** When the first request was sent whose answer never came: what it said counts from then. */
  private unheardMs = Number.POSITIVE_INFINITY
  private hasChangedSubscription = false
  /** What it last said that it had. */
  private said = new Set<string>()

  constructor(
    world: ConsumerGroupWorld,
    memberId: string,
    subscription: Subscription,
    instanceId: string | null,
  ) {
    super(world, memberId, subscription)
    this.instanceId = instanceId
  }

  override get isEntitled(): boolean {
    return super.isEntitled && this.world.clock.now() < this.revokeByMs
  }

  get isAtRest(): boolean {
    return this.epoch > 0 && !this.inFlight && this.told !== undefined && same(this.told, this.held)
  }

  changeSubscription(subscription: Subscription): void {
    this.subscription = subscription
    this.hasChangedSubscription = true
  }

  act(): void {
    if (!this.maySay()) return
    const { random } = this.world
    // Giving up takes its time; what is new begins when that is done.
    const { told } = this
    // What was told before an answer was lost may be another's by now: the heartbeat that went unanswered said that
    // it was not taken up yet.
    if (
      told !== undefined &&
      !this.full &&
      !(this.isStubborn && this.mustGiveUp(told)) &&
      random.chance(0.6)
    ) {
      for (const partition of this.held) if (!told.has(partition)) this.formerly.set(partition, this.epoch)
      this.held = new Set(told)
    }
    if (this.epoch > 0 && this.world.faults && random.chance(0.015)) this.leave()
    else this.heartbeat(this.full || random.chance(0.1))
  }

  /** Goes in good order: a static member for a while. */
  leave(): void {
    const memberEpoch = this.instanceId === null ? -1 : -2
    const request = { ...this.request(), memberEpoch }
    this.held = new Set()
    this.isDead = true
    this.world.counters[memberEpoch === -1 ? 'leaves' : 'staticLeaves']++
    this.world.heartbeat(request, () => {})
  }

  private heartbeat(full: boolean): void {
    const { world } = this
    const sentMs = world.clock.now()
    const joins = this.epoch === 0
    const says = full || joins || this.hasChangedSubscription
    const request: body.ConsumerHeartbeatRequest = {
      ...this.request(),
      rebalanceTimeoutMs: says ? REBALANCE_MS : -1,
      subscribedTopicNames: says ? this.subscription.names : null,
      subscribedTopicRegex: says ? this.subscription.regex : null,
      // A heartbeat that says nothing of partitions says that nothing has changed.
      topicPartitions:
        says || !same(this.held, this.said) || world.random.chance(0.5) ? world.byTopicId(this.held) : null,
    }
    if (request.topicPartitions !== null) this.said = new Set(this.held)
    this.hasChangedSubscription = false
    this.inFlight = true
    const lost = world.faults && world.random.chance(0.05)
    const twice = world.faults && world.random.chance(0.05)
    const hear = (reply: body.ConsumerHeartbeatResponse | number): void => {
      this.inFlight = false
      if (this.isDead) return
      if (lost) {
        world.counters.lostAnswers++
        this.full = true
        this.unheardMs = Math.min(this.unheardMs, sentMs)
        return
      }
      this.heard(typeof reply === 'number' ? reply : reply.errorCode, reply, sentMs)
    }
    world.heartbeat(request, hear)
    if (twice) {
      world.counters.duplicates++
      world.heartbeat(request, () => {})
    }
  }

  private heard(errorCode: number, reply: body.ConsumerHeartbeatResponse | number, sentMs: number): void {
    const { world } = this
    if (errorCode === errorCodes.NONE && typeof reply !== 'number') {
      this.full = false
      this.heardMs = sentMs
      world.epochHeard(this, reply.memberEpoch)
      this.epoch = reply.memberEpoch
      const sinceMs = Math.min(this.unheardMs, sentMs)
      this.unheardMs = Number.POSITIVE_INFINITY
      if (reply.assignment !== null) this.take(world.byName(reply.assignment.topicPartitions), sinceMs)
      // It gave up in time: the coordinator says so by going on.
      else if (!this.mustGiveUp(this.told ?? this.held)) this.revokeByMs = Number.POSITIVE_INFINITY
      return
    }
    this.full = true
    this.unheardMs = Math.min(this.unheardMs, sentMs)
    switch (errorCode) {
      case errorCodes.FENCED_MEMBER_EPOCH:
      case errorCodes.UNKNOWN_MEMBER_ID:
      case errorCodes.GROUP_ID_NOT_FOUND:
      case errorCodes.FENCED_INSTANCE_ID:
        world.counters.fenced++
        this.dropAll()
        this.told = undefined
        this.isStubborn = false
        this.revokeByMs = Number.POSITIVE_INFINITY
        // A new process does not have its old name.
        if (errorCode === errorCodes.FENCED_INSTANCE_ID) this.memberId = world.newMemberId()
        break
      case errorCodes.UNRELEASED_INSTANCE_ID:
        world.counters.unreleased++
        break
    }
  }

  private take(told: Set<string>, sinceMs: number): void {
    this.told = told
    for (const partition of told) this.world.given(this, partition)
    if (!this.mustGiveUp(told)) this.revokeByMs = Number.POSITIVE_INFINITY
    else this.revokeByMs = Math.min(this.revokeByMs, sinceMs + REBALANCE_MS)
  }

  private mustGiveUp(told: ReadonlySet<string>): boolean {
    return [...this.held].some((partition) => !told.has(partition))
  }

  private request(): body.ConsumerHeartbeatRequest {
    return {
      groupId: GROUP,
      memberId: this.memberId,
      memberEpoch: this.epoch,
      instanceId: this.instanceId,
      rackId: null,
      rebalanceTimeoutMs: -1,
      subscribedTopicNames: null,
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: null,
    }
  }
}

/** Eager: gives everything up before it joins again. As a leader it deals partitions out in turn. */
export class ClassicMember extends Member {
  readonly isClassic = true
  private phase: 'out' | 'joined' | 'in' = 'out'
  private leads: body.JoinGroupResponse['members'] = []
  private protocolName: string | null = null

  get isAtRest(): boolean {
    return this.phase === 'in' && !this.inFlight
  }

  act(): void {
    if (!this.maySay()) return
    if (this.phase === 'out') this.join()
    else if (this.phase === 'joined') this.sync()
    else this.beat()
  }

  private join(): void {
    this.held = new Set()
    const metadata = encodeVersioned(consumerProtocolSubscription, 1, {
      topics: this.subscription.names,
      userData: null,
      ownedPartitions: [],
    })
    const request: body.JoinGroupRequest = {
      groupId: GROUP,
      sessionTimeoutMs: SESSION_MS,
      rebalanceTimeoutMs: REBALANCE_MS,
      memberId: this.memberId,
      groupInstanceId: null,
      protocolType: 'consumer',
      protocols: [{ name: 'eager', metadata }],
      reason: null,
    }
    const context = { apiVersion: 9, clientId: 'classic', clientHost: '/127.0.0.1' }
    this.say<body.JoinGroupResponse>({ kind: 'join', request, context }, (reply, sentMs) => {
      const errorCode = typeof reply === 'number' ? reply : reply.errorCode
      if (errorCode === errorCodes.NONE && typeof reply !== 'number') {
        this.heardMs = sentMs
        this.epoch = reply.generationId
        this.leads = reply.leader === this.memberId ? reply.members : []
        this.protocolName = reply.protocolName
        this.phase = 'joined'
      } else if (errorCode === errorCodes.MEMBER_ID_REQUIRED && typeof reply !== 'number') {
        this.memberId = reply.memberId
      } else if (errorCode === errorCodes.UNKNOWN_MEMBER_ID || errorCode === errorCodes.GROUP_ID_NOT_FOUND) {
        this.memberId = ''
      }
    })
  }

  private sync(): void {
    const assignments = this.deal()
    const request: body.SyncGroupRequest = {
      groupId: GROUP,
      generationId: this.epoch,
      memberId: this.memberId,
      groupInstanceId: null,
      protocolType: 'consumer',
      protocolName: this.protocolName,
      assignments,
    }
    this.say<body.SyncGroupResponse>({ kind: 'sync', request }, (reply, sentMs) => {
      const errorCode = typeof reply === 'number' ? reply : reply.errorCode
      if (errorCode === errorCodes.NONE && typeof reply !== 'number') {
        this.heardMs = sentMs
        this.held = new Set()
        if (reply.assignment.length > 0) {
          const { assignedPartitions } = decodeVersioned(consumerProtocolAssignment, reply.assignment).value
          for (const { topic, partitions } of assignedPartitions)
            for (const partition of partitions) this.held.add(`${topic}-${partition}`)
        }
        // A generation counts from its assignment on: before that a restart gives its number out again.
        this.world.epochHeard(this, this.epoch)
        for (const partition of this.held) this.world.given(this, partition)
        this.phase = 'in'
      } else if (typeof reply !== 'number') this.startOver(errorCode)
    })
  }

  private beat(): void {
    const request = {
      groupId: GROUP,
      generationId: this.epoch,
      memberId: this.memberId,
      groupInstanceId: null,
    }
    this.say<body.HeartbeatResponse>({ kind: 'heartbeat', request }, (reply, sentMs) => {
      if (typeof reply === 'number') return
      if (reply.errorCode === errorCodes.NONE) this.heardMs = sentMs
      else this.startOver(reply.errorCode)
    })
  }

  private startOver(errorCode: number): void {
    const { counters } = this.world
    if (errorCode === errorCodes.REBALANCE_IN_PROGRESS) counters.classicRejoins++
    else {
      counters.fenced++
      if (errorCode !== errorCodes.ILLEGAL_GENERATION) this.memberId = ''
    }
    this.held = new Set()
    this.phase = 'out'
  }

  /** Partitions in turn among those that subscribe. */
  private deal(): body.SyncGroupRequest['assignments'] {
    if (this.leads.length === 0) return []
    const dealt = new Map(this.leads.map(({ memberId }) => [memberId, new Map<string, number[]>()]))
    const subscribers = this.leads.map(({ memberId, metadata }) => ({
      memberId,
      topics: decodeVersioned(consumerProtocolSubscription, metadata).value.topics,
    }))
    for (const [topic, count] of this.world.topics) {
      const takers = subscribers.filter(({ topics }) => topics.includes(topic))
      for (let partition = 0; partition < count && takers.length > 0; partition++) {
        const ofTaker = dealt.get(takers[partition % takers.length]?.memberId ?? '')
        ofTaker?.set(topic, [...(ofTaker.get(topic) ?? []), partition])
      }
    }
    return [...dealt].map(([memberId, topics]) => ({
      memberId,
      assignment: encodeVersioned(consumerProtocolAssignment, 1, {
        assignedPartitions: [...topics].map(([topic, partitions]) => ({ topic, partitions })),
        userData: null,
      }),
    }))
  }

  private say<Body extends body.Reply>(
    command: body.Command,
    hear: (reply: Body | number, sentMs: number) => void,
  ): void {
    const sentMs = this.world.clock.now()
    this.inFlight = true
    this.world.send<Body>(command, (reply) => {
      this.inFlight = false
      if (!this.isDead) hear(reply, sentMs)
    })
  }
}

function same(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((item) => b.has(item))
}
