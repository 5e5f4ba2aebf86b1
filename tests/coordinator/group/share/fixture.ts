// Members of a share group that speak to a coordinator in as few words as a story needs, and a share coordinator that
// keeps states, refuses, or takes its time.

import {
  defaultShareGroupConfig,
  type ShareGroupBrokerConfig,
} from '../../../../broker/coordinator/group/share/config.ts'
import type * as body from '../../../../broker/coordinator/group/share/messages.ts'
import { ShareGroups } from '../../../../broker/coordinator/group/share/share-groups.ts'
import type {
  KeeperOutcome,
  KeptPartition,
  KeptSummary,
  StateKeeper,
} from '../../../../broker/coordinator/group/share/state-keeper.ts'
import { Topics } from '../../../world/topics.ts'
import { World } from '../fixture.ts'

const GROUP = 'group'
const KEPT: KeeperOutcome = { errorCode: 0, errorMessage: null }

/** The share coordinator's part. */
class Keeper implements StateKeeper {
  /** What it was asked, in order: `make orders-0@2`, `delete orders-0`. */
  readonly asked: string[] = []
  /** Start offsets of what is kept, by `topicId-partition`. */
  readonly kept = new Map<string, bigint>()
  /** By partition; what is not named is done. */
  refusals = new Map<number, number>()
  /** Resolves when it may go on. */
  pause: Promise<void> = Promise.resolve()
  private readonly nameOf: (topicId: string) => string

  constructor(nameOf: (topicId: string) => string) {
    this.nameOf = nameOf
  }

  async initialize(key: KeptPartition, stateEpoch: number, startOffset = -1n): Promise<KeeperOutcome> {
    this.asked.push(`make ${this.nameOf(key.topicId)}-${key.partition}@${stateEpoch}`)
    await this.pause
    const errorCode = this.refusals.get(key.partition)
    if (errorCode !== undefined) return { errorCode, errorMessage: 'refused' }
    this.kept.set(`${key.topicId}-${key.partition}`, startOffset)
    return KEPT
  }

  async delete(key: KeptPartition): Promise<KeeperOutcome> {
    this.asked.push(`delete ${this.nameOf(key.topicId)}-${key.partition}`)
    await this.pause
    const errorCode = this.refusals.get(key.partition)
    if (errorCode !== undefined) return { errorCode, errorMessage: 'refused' }
    this.kept.delete(`${key.topicId}-${key.partition}`)
    return KEPT
  }

  async summary({ topicId, partition }: KeptPartition): Promise<KeptSummary> {
    const startOffset = this.kept.get(`${topicId}-${partition}`) ?? -1n
    return { ...KEPT, startOffset, deliveryCompleteCount: startOffset < 0n ? -1 : 0, leaderEpoch: 0 }
  }

  latestOffset(): bigint | undefined {
    return 10n
  }
}

export class ShareWorld extends World {
  readonly topics = new Topics()
  readonly keeper = new Keeper((topicId) => this.topics.topicById(topicId)?.name ?? '?')
  readonly warnings: string[] = []
  groups!: ShareGroups
  private members = 0

  static override async start(
    config: Partial<ShareGroupBrokerConfig> = {},
    topics: Record<string, number> = { orders: 4 },
  ): Promise<ShareWorld> {
    const share = { ...defaultShareGroupConfig, assignmentIntervalMs: 0, ...config }
    const world = new ShareWorld({ share })
    world.metadata = world.topics
    for (const [name, partitionCount] of Object.entries(topics)) world.topics.set(name, partitionCount)
    await world.restart()
    return world
  }

  override async restart(): Promise<void> {
    await super.restart()
    this.groups = new ShareGroups({
      ask: (groupId, command) => this.coordinator.share(groupId, command),
      keeper: this.keeper,
      metadata: this.topics,
      onWarning: (message) => void this.warnings.push(message),
    })
  }

  /** The cluster's topics have changed. */
  async changed(...names: string[]): Promise<void> {
    await this.coordinator.metadataChanged(names, true)
  }

  member(topics: readonly string[] = ['orders'], groupId = GROUP): ShareMember {
    return new ShareMember(this, `member-${++this.members}`, topics, groupId)
  }

  /** Members that joined, with states made and everything told. */
  async settled(count: number, topics?: readonly string[]): Promise<ShareMember[]> {
    const members = Array.from({ length: count }, () => this.member(topics))
    for (const member of members) await member.join()
    await this.settle(members)
    return members
  }

  /** Rounds of heartbeats until nothing changes any more: twice, for states are made beside an answer. */
  async settle(members: readonly ShareMember[]): Promise<void> {
    let quiet = 0
    for (let round = 0; round < 20 && quiet < 2; round++) {
      await this.turn()
      const before = members.join()
      for (const member of members) await member.beat()
      quiet = before === members.join() ? quiet + 1 : 0
    }
    if (quiet === 2) return
    throw new Error('the group does not settle')
  }

  /** What goes on beside an answer has gone on. */
  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve))
  }

  async described(groupId = GROUP): Promise<body.DescribedShareGroup> {
    const [described] = await this.groups.describe([groupId])
    return described as body.DescribedShareGroup
  }
}

export class ShareMember {
  readonly memberId: string
  epoch = 0
  /** `orders-0`, in order. */
  partitions: string[] = []
  private readonly world: ShareWorld
  private readonly topics: readonly string[]
  private readonly groupId: string

  constructor(world: ShareWorld, memberId: string, topics: readonly string[], groupId: string) {
    this.world = world
    this.memberId = memberId
    this.topics = topics
    this.groupId = groupId
  }

  toString(): string {
    return `${this.memberId}@${this.epoch}: ${this.partitions.join(' ')}`
  }

  /** Throws where it is refused. */
  async join(): Promise<this> {
    const { errorCode, errorMessage } = await this.send({
      memberEpoch: 0,
      subscribedTopicNames: [...this.topics],
    })
    if (errorCode !== 0) throw new Error(`refused: ${errorCode} ${errorMessage}`)
    return this
  }

  /** The error code. */
  async beat(more: Partial<body.ShareHeartbeatRequest> = {}): Promise<number> {
    return (await this.send(more)).errorCode
  }

  async leave(): Promise<number> {
    return (await this.send({ memberEpoch: -1 })).errorCode
  }

  async send(fields: Partial<body.ShareHeartbeatRequest>): Promise<body.ShareHeartbeatResponse> {
    const request = {
      groupId: this.groupId,
      memberId: this.memberId,
      memberEpoch: this.epoch,
      rackId: null,
      subscribedTopicNames: null,
      ...fields,
    }
    const response = await this.world.groups.heartbeat(request, this.world.context(1))
    if (response.errorCode === 0) this.take(response)
    return response
  }

  private take({ memberEpoch, assignment }: body.ShareHeartbeatResponse): void {
    this.epoch = memberEpoch
    if (assignment === null) return
    this.partitions = assignment.topicPartitions
      .flatMap(({ topicId, partitions }) =>
        partitions.map((partition) => `${this.world.topics.topicById(topicId)?.name}-${partition}`),
      )
      .sort()
  }
}
