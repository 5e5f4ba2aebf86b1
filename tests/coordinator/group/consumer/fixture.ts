// Members of the new protocol that speak to a coordinator in as few words as a story needs. A member keeps what
// it was told (epoch, partitions) and sends it back, as clients do.

import type { ConsumerGroupConfig } from '../../../../broker/coordinator/group/consumer/config.ts'
import { defaultConsumerGroupConfig } from '../../../../broker/coordinator/group/consumer/config.ts'
import type * as body from '../../../../broker/coordinator/group/messages.ts'
import { topicsOf } from '../../../world/group-ports.ts'
import { World } from '../fixture.ts'

export interface MemberOptions {
  topics?: string[] | null
  regex?: string | null
  instanceId?: string | null
  assignor?: string | null
  rebalanceTimeoutMs?: number
  groupId?: string
  version?: number
}

export class ConsumerWorld extends World {
  private members = 0

  static override async start(
    config: Partial<ConsumerGroupConfig> = {},
    topics: Record<string, number> = { orders: 4 },
  ): Promise<ConsumerWorld> {
    const consumer = { ...defaultConsumerGroupConfig, assignmentIntervalMs: 0, ...config }
    const world = new ConsumerWorld({ consumer })
    world.topics(topics)
    await world.restart()
    return world
  }

  topics(topics: Record<string, number>): void {
    this.metadata = topicsOf(topics)
  }

  /** The cluster's topics are these from now on. */
  async changeTopics(topics: Record<string, number>): Promise<void> {
    this.topics(topics)
    await this.coordinator.metadataChanged(Object.keys(topics), true)
  }

  member(options: MemberOptions = {}): Member {
    return new Member(this, `member-${++this.members}`, options)
  }

  /** Members that joined and were told everything: nobody has anything to give up or to wait for. */
  async settled(...options: MemberOptions[]): Promise<Member[]> {
    const members = options.map((one) => this.member(one))
    for (const member of members) await member.join()
    await this.settle(members)
    return members
  }

  /** Rounds of heartbeats until nothing changes any more. */
  async settle(members: readonly Member[]): Promise<void> {
    for (let round = 0; round < 20; round++) {
      const before = members.map((member) => member.toString()).join()
      for (const member of members) await member.beat()
      if (before === members.map((member) => member.toString()).join()) return
    }
    throw new Error('the group does not settle')
  }

  async described(groupId = 'group'): Promise<body.DescribedConsumerGroup> {
    const request = { groupIds: [groupId], includeAuthorizedOperations: false }
    const { groups } = await this.coordinator.consumerGroupDescribe(request)
    return groups[0] as body.DescribedConsumerGroup
  }
}

export class Member {
  memberId: string
  epoch = 0
  /** `orders-0`, in order. */
  partitions: string[] = []
  /** What it has by topic id. */
  owned: { topicId: string; partitions: number[] }[] = []
  private readonly world: ConsumerWorld
  private readonly options: MemberOptions

  constructor(world: ConsumerWorld, memberId: string, options: MemberOptions) {
    this.world = world
    this.memberId = memberId
    this.options = options
  }

  toString(): string {
    return `${this.memberId}@${this.epoch}: ${this.partitions.join(' ')}`
  }

  /** Joins; throws where it is refused. */
  async join(more: Partial<body.ConsumerHeartbeatRequest> = {}): Promise<this> {
    this.epoch = 0
    this.owned = []
    this.partitions = []
    const { topics = ['orders'], regex = null, assignor = null, rebalanceTimeoutMs = 60_000 } = this.options
    const response = await this.send({
      rebalanceTimeoutMs,
      subscribedTopicNames: topics,
      subscribedTopicRegex: regex,
      serverAssignor: assignor,
      topicPartitions: [],
      ...more,
    })
    if (response.errorCode !== 0) throw new Error(`refused: ${response.errorCode} ${response.errorMessage}`)
    return this
  }

  /** An ordinary heartbeat: says what it has, and takes what it is told. */
  async beat(more: Partial<body.ConsumerHeartbeatRequest> = {}): Promise<number> {
    return (await this.send({ topicPartitions: this.owned, ...more })).errorCode
  }

  async send(fields: Partial<body.ConsumerHeartbeatRequest>): Promise<body.ConsumerHeartbeatResponse> {
    const response = await this.world.coordinator.consumerGroupHeartbeat(
      {
        groupId: this.options.groupId ?? 'group',
        memberId: this.memberId,
        memberEpoch: this.epoch,
        instanceId: this.options.instanceId ?? null,
        rackId: null,
        rebalanceTimeoutMs: -1,
        subscribedTopicNames: null,
        subscribedTopicRegex: null,
        serverAssignor: null,
        topicPartitions: null,
        ...fields,
      },
      this.world.context(this.options.version ?? 1),
    )
    if (response.errorCode === 0) this.take(response)
    return response
  }

  async leave(epoch = -1): Promise<number> {
    return (await this.send({ memberEpoch: epoch })).errorCode
  }

  /** Commits one partition of a topic in this member's name. */
  commit(offset: bigint, more: Partial<body.OffsetCommitRequest> = {}): Promise<number> {
    return this.world.commit(offset, {
      memberId: this.memberId,
      generationIdOrMemberEpoch: this.epoch,
      version: 9,
      ...more,
    })
  }

  private take({ memberId, memberEpoch, assignment }: body.ConsumerHeartbeatResponse): void {
    this.memberId = memberId ?? this.memberId
    this.epoch = memberEpoch
    if (assignment === null) return
    this.owned = assignment.topicPartitions.map(({ topicId, partitions }) => ({
      topicId,
      partitions: [...partitions],
    }))
    this.partitions = this.owned
      .flatMap(({ topicId, partitions }) =>
        partitions.map((partition) => `${this.world.metadata.topicById(topicId)?.name}-${partition}`),
      )
      .sort()
  }
}
