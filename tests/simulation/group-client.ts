// One consumer as real clients behave: it joins (with the id it is given), syncs (assigning when it leads),
// heartbeats, commits, and starts again when it is told to. It remembers what it once was, so that its
// past selves can speak up late.

import type * as body from '../../broker/coordinator/group/messages.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import type { ClassicGroup as Group } from '../../broker/coordinator/group/classic/group.ts'
import type { Random } from '../world/random.ts'

const PARTITIONS = [0, 1, 2, 3, 4, 5]

/** What a client asks of its world, and tells it. */
export interface ClientWorld {
  readonly random: Random
  readonly counters: { fenced: number; staticJoins: number }
  unique(): number
  group(groupId: string): Group | undefined
  promisedGeneration(groupId: string): number
  send<Body extends body.Reply>(command: body.Command, heard: (reply: Body | number) => void): void
  joined(groupId: string, generation: number): void
  assigned(groupId: string, generation: number, owner: string, partitions: readonly number[]): void
  commit(request: body.OffsetCommitRequest, mustFail: boolean, heard: (errorCode: number) => void): void
  commitInTransaction(request: Omit<body.TxnOffsetCommitRequest, 'producerId' | 'producerEpoch'>): void
  fetch(groupId: string, topic: string, partition: number, requireStable: boolean): void
}

interface Identity {
  memberId: string
  groupInstanceId: string | null
  generation: number
}

type Phase = 'out' | 'asking' | 'joined' | 'stable'

export class GroupClient {
  private readonly world: ClientWorld
  readonly groupId: string
  private readonly groupInstanceId: string | null
  private memberId = ''
  private generation = -1
  private phase: Phase = 'out'
  private leads = false
  private members: body.JoinGroupResponse['members'] = []
  private protocol: { type: string | null; name: string | null } = { type: null, name: null }
  private subscription = 0
  /** Answers to an earlier life are not heard. */
  private life = 0
  private heartbeatOk = false
  isRetired = false
  private past: Identity[] = []

  constructor(world: ClientWorld, groupId: string, groupInstanceId: string | null) {
    this.world = world
    this.groupId = groupId
    this.groupInstanceId = groupInstanceId
  }

  describe(): string {
    const group = this.world.group(this.groupId)
    return (
      `${this.memberId || 'nobody'} ${this.phase} in generation ${this.generation} of ${this.groupId} ` +
      `(${group?.state}, generation ${group?.generationId}, ${group?.members.size} members)`
    )
  }

  /** One step of a life with whims. */
  act(): void {
    const { random } = this.world
    const dice = random.below(100)
    if (dice < 6 && this.past.length > 0) this.haunt()
    else if (this.phase === 'stable' && dice < 35) this.commit()
    else if (this.phase === 'stable' && dice < 45) this.fetch()
    else if (this.phase === 'stable' && dice < 50) this.commitInTransaction()
    else if (this.phase === 'stable' && dice < 53) this.leave()
    else if (this.phase === 'stable' && dice < 56) this.changeSubscription()
    else if (this.phase === 'asking' && dice < 12) this.giveUpAndRetry()
    else this.goOn()
  }

  /** One step of a life without. */
  goOn(): void {
    if (this.phase === 'out') this.join()
    else if (this.phase === 'joined') this.sync()
    else if (this.phase === 'stable') this.heartbeat()
  }

  isSettled(memberCount: number): boolean {
    const group = this.world.group(this.groupId)
    return (
      this.phase === 'stable' &&
      this.heartbeatOk &&
      group?.state === 'Stable' &&
      group.generationId === this.generation &&
      group.members.size === memberCount &&
      group.members.has(this.memberId)
    )
  }

  /** The process is gone without a word, and another begins in its place. */
  die(): void {
    this.life++
    this.forgetMembership()
  }

  retire(): void {
    this.die()
    this.isRetired = true
  }

  private forgetMembership(): void {
    this.memberId = ''
    this.generation = -1
    this.phase = 'out'
    this.heartbeatOk = false
  }

  /** Runs `hear` unless the client has died since. */
  private listen<T>(hear: (reply: T) => void): (reply: T) => void {
    const { life } = this
    return (reply) => {
      if (life === this.life) hear(reply)
    }
  }

  private join(): void {
    const { world, groupId, groupInstanceId, memberId } = this
    this.phase = 'asking'
    if (memberId === '' && groupInstanceId !== null) world.counters.staticJoins++
    // The number of the subscription makes its metadata differ.
    const metadata = Buffer.from([0, 0, 0, 0, 0, 1, 0, 5, 0x74, 0x6f, 0x70, 0x69, 0x63, this.subscription])
    const request: body.JoinGroupRequest = {
      groupId,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 20_000,
      memberId,
      groupInstanceId,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata }],
      reason: null,
    }
    const apiVersion = world.random.pick([3, 5, 9])
    const context = { apiVersion, clientId: 'client', clientHost: '/127.0.0.1' }
    world.send<body.JoinGroupResponse>(
      { kind: 'join', request, context },
      this.listen((reply) => {
        if (typeof reply !== 'number' && reply.errorCode === errorCodes.NONE) {
          world.joined(groupId, reply.generationId)
          this.memberId = reply.memberId
          this.generation = reply.generationId
          this.leads = reply.leader === reply.memberId && !reply.skipAssignment
          this.members = reply.members
          this.protocol = { type: reply.protocolType, name: reply.protocolName }
          this.phase = 'joined'
        } else if (typeof reply !== 'number' && reply.errorCode === errorCodes.MEMBER_ID_REQUIRED) {
          this.memberId = reply.memberId
          this.phase = 'out'
        } else this.refused(typeof reply === 'number' ? reply : reply.errorCode)
      }),
    )
  }

  private sync(): void {
    const { world, groupId, groupInstanceId, memberId, generation } = this
    this.phase = 'asking'
    const assignments = this.leads
      ? this.members.map((member, i) => ({
          memberId: member.memberId,
          assignment: Buffer.from(PARTITIONS.filter((partition) => partition % this.members.length === i)),
        }))
      : []
    const request: body.SyncGroupRequest = {
      groupId,
      generationId: generation,
      memberId,
      groupInstanceId,
      protocolType: this.protocol.type,
      protocolName: this.protocol.name,
      assignments,
    }
    world.send<body.SyncGroupResponse>(
      { kind: 'sync', request },
      this.listen((reply) => {
        if (typeof reply === 'number' || reply.errorCode !== errorCodes.NONE) {
          this.refused(typeof reply === 'number' ? reply : reply.errorCode)
          return
        }
        world.assigned(groupId, generation, groupInstanceId ?? memberId, [...reply.assignment])
        this.past.push(this.identity())
        if (this.past.length > 5) this.past.shift()
        this.phase = 'stable'
      }),
    )
  }

  private heartbeat(): void {
    const { groupId, groupInstanceId, memberId, generation } = this
    const request = { groupId, groupInstanceId, memberId, generationId: generation }
    this.heartbeatOk = false
    this.world.send<body.HeartbeatResponse>(
      { kind: 'heartbeat', request },
      this.listen((reply) => {
        const errorCode = typeof reply === 'number' ? reply : reply.errorCode
        this.heartbeatOk = errorCode === errorCodes.NONE
        this.refused(errorCode)
      }),
    )
  }

  private commit(): void {
    const { world } = this
    const commit = { partition: world.random.below(3), value: BigInt(world.unique()) }
    const request = commitRequest(this.groupId, commit, this.identity())
    const mustFail = this.generation < world.promisedGeneration(this.groupId)
    world.commit(
      request,
      mustFail,
      this.listen((errorCode) => this.refused(errorCode)),
    )
  }

  /** A past self, paused for long, goes on as if nothing had happened. */
  private haunt(): void {
    const { world, groupId } = this
    const identity = world.random.pick(this.past)
    const replaced =
      identity.groupInstanceId !== null &&
      world.group(groupId)?.staticMembers.get(identity.groupInstanceId) !== identity.memberId
    const mustFail = replaced || identity.generation < world.promisedGeneration(groupId)
    const commit = { partition: world.random.below(3), value: BigInt(world.unique()) }
    world.commit(commitRequest(groupId, commit, identity), mustFail, () => {})
  }

  private commitInTransaction(): void {
    const { world, groupId, groupInstanceId, memberId, generation } = this
    const partitions = [
      {
        partitionIndex: world.random.below(3),
        committedOffset: BigInt(world.unique()),
        committedLeaderEpoch: -1,
        committedMetadata: 'in a transaction',
      },
    ]
    const topics = [{ name: 'topic', partitions }]
    const request = {
      groupId,
      transactionalId: 't',
      generationId: generation,
      memberId,
      groupInstanceId,
      topics,
    }
    world.commitInTransaction(request)
  }

  private fetch(): void {
    const { random } = this.world
    this.world.fetch(this.groupId, 'topic', random.below(3), random.chance(0.3))
  }

  private leave(): void {
    const { groupId, memberId, groupInstanceId } = this
    const members = [{ memberId, groupInstanceId, reason: null }]
    this.world.send<body.LeaveGroupResponse>({ kind: 'leave', groupId, members }, () => {})
    this.forgetMembership()
  }

  private changeSubscription(): void {
    this.subscription = (this.subscription + 1) % 4
    this.join()
  }

  /** The connection broke while the client waited: it asks again under the same id, or begins anew. */
  private giveUpAndRetry(): void {
    this.life++
    this.phase = 'out'
    if (this.memberId === '') return
    this.join()
  }

  private refused(errorCode: number): void {
    const { world } = this
    if (errorCode === errorCodes.NONE) return
    if (isFencing(errorCode)) {
      world.counters.fenced++
      this.forgetMembership()
    } else if (errorCode === errorCodes.REBALANCE_IN_PROGRESS || this.phase === 'asking') this.phase = 'out'
  }

  private identity(): Identity {
    return { memberId: this.memberId, groupInstanceId: this.groupInstanceId, generation: this.generation }
  }
}

export function isFencing(errorCode: number): boolean {
  return (
    errorCode === errorCodes.ILLEGAL_GENERATION ||
    errorCode === errorCodes.UNKNOWN_MEMBER_ID ||
    errorCode === errorCodes.FENCED_INSTANCE_ID
  )
}

export function commitRequest(
  groupId: string,
  { partition, value }: { partition: number; value: bigint },
  member: { memberId: string; groupInstanceId: string | null; generation: number } = {
    memberId: '',
    groupInstanceId: null,
    generation: -1,
  },
): body.OffsetCommitRequest {
  const { memberId, groupInstanceId, generation } = member
  const partitions = [
    { partitionIndex: partition, committedOffset: value, committedLeaderEpoch: -1, committedMetadata: null },
  ]
  return {
    groupId,
    memberId,
    groupInstanceId,
    generationIdOrMemberEpoch: generation,
    retentionTimeMs: -1n,
    topics: [{ name: 'topic', topicId: '', partitions }],
  }
}
