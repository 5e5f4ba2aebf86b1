// A group coordinator with one shard over a log in memory and a clock that stands still, and consumers
// that speak to it in as few words as a story needs.

import { defaultGroupConfig, type GroupConfig } from '../../../broker/coordinator/group/config.ts'
import { GroupCoordinator } from '../../../broker/coordinator/group/group-coordinator.ts'
import type * as body from '../../../broker/coordinator/group/messages.ts'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import type { MetadataView } from '../../../broker/coordinator/group/metadata-view.ts'
import { groupPorts, topicsOf } from '../../world/group-ports.ts'
import { MemoryShardLog } from '../../world/memory-shard-log.ts'

/** What is seen of an answer right now. */
export async function seen<T>(answer: Promise<T>): Promise<T | 'waiting'> {
  return Promise.race([answer, new Promise<'waiting'>((resolve) => setImmediate(() => resolve('waiting')))])
}

/** A ConsumerProtocolSubscription of version 0. */
export function subscriptionTo(...topics: string[]): Buffer {
  const names = topics.flatMap((topic) => [Buffer.from([0, topic.length]), Buffer.from(topic)])
  return Buffer.concat([
    Buffer.from([0, 0, 0, 0, 0, topics.length]),
    ...names,
    Buffer.from([255, 255, 255, 255]),
  ])
}

export interface JoinOptions {
  groupId?: string
  memberId?: string
  instanceId?: string | null
  version?: number
  type?: string
  protocols?: { name: string; metadata: Buffer }[]
  sessionTimeoutMs?: number
  rebalanceTimeoutMs?: number
}

export class World {
  readonly clock = new ManualClock()
  readonly log = new MemoryShardLog()
  readonly config: GroupConfig
  coordinator!: GroupCoordinator
  metadata: MetadataView = topicsOf({})
  /** Of the metadata. */
  version = 1n
  /** Whether the clock can be vouched for. */
  isClockBelieved = true
  /** What is set for every group. */
  readonly groupSettings = new Map<string, string>()
  private uuids = 0

  constructor(config: Partial<GroupConfig> = {}) {
    this.config = { ...defaultGroupConfig, initialRebalanceDelayMs: 0, ...config }
  }

  static async start(config: Partial<GroupConfig> = {}): Promise<World> {
    const world = new World(config)
    await world.restart()
    return world
  }

  /** A new process over the same log. */
  async restart(): Promise<void> {
    this.coordinator?.close()
    this.coordinator = new GroupCoordinator({
      ...groupPorts({
        config: this.config,
        newUuid: () => `uuid${++this.uuids}`,
        metadata: liveMetadata(this),
        groupConfigs: () => this.groupSettings,
        earliestMs: () => (this.isClockBelieved ? this.clock.now() : undefined),
      }),
      clock: this.clock,
      partitionCount: 1,
    })
    await this.coordinator.openShard(0, this.log)
  }

  join(options: JoinOptions = {}): Promise<body.JoinGroupResponse> {
    const protocols = options.protocols ?? [{ name: 'range', metadata: subscriptionTo('orders') }]
    return this.coordinator.joinGroup(
      {
        groupId: options.groupId ?? 'group',
        sessionTimeoutMs: options.sessionTimeoutMs ?? 10_000,
        rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? 60_000,
        memberId: options.memberId ?? '',
        groupInstanceId: options.instanceId ?? null,
        protocolType: options.type ?? 'consumer',
        protocols,
        reason: null,
      },
      this.context(options.version ?? 3),
    )
  }

  /** Joins as many members as there are options, all into one generation. */
  async joinAll(...members: JoinOptions[]): Promise<body.JoinGroupResponse[]> {
    const answers = members.map((member) => this.join(member))
    await this.clock.advance(0)
    return Promise.all(answers)
  }

  sync(
    member: { memberId: string; generationId: number },
    assignments: Record<string, string> = {},
    more: Partial<body.SyncGroupRequest> & { version?: number } = {},
  ): Promise<body.SyncGroupResponse> {
    const { version = 3, ...fields } = more
    return this.coordinator.syncGroup(
      {
        groupId: 'group',
        generationId: member.generationId,
        memberId: member.memberId,
        groupInstanceId: null,
        protocolType: null,
        protocolName: null,
        assignments: Object.entries(assignments).map(([memberId, text]) => ({
          memberId,
          assignment: Buffer.from(text),
        })),
        ...fields,
      },
      this.context(version),
    )
  }

  /** A stable group of these members; the leader gave each its place as assignment: `#0`, `#1`. */
  async stable(...members: JoinOptions[]): Promise<body.JoinGroupResponse[]> {
    const joined = await this.joinAll(...members)
    const assignments = Object.fromEntries(joined.map(({ memberId }, i) => [memberId, `#${i}`]))
    await Promise.all(
      joined.map((member, i) => {
        const groupInstanceId = members[i]?.instanceId ?? null
        return this.sync(member, member.leader === member.memberId ? assignments : {}, { groupInstanceId })
      }),
    )
    return joined
  }

  async heartbeat(
    member: { memberId: string; generationId: number },
    more: Partial<body.HeartbeatRequest> = {},
  ): Promise<number> {
    const { memberId, generationId } = member
    const request = { groupId: 'group', memberId, generationId, groupInstanceId: null, ...more }
    return (await this.coordinator.heartbeat(request)).errorCode
  }

  leave(
    members: { memberId: string; groupInstanceId?: string | null }[],
    version = 3,
  ): Promise<body.LeaveGroupResponse> {
    return this.coordinator.leaveGroup(
      {
        groupId: 'group',
        memberId: version < 3 ? (members[0]?.memberId ?? '') : '',
        members: members.map(({ memberId, groupInstanceId }) => ({
          memberId,
          groupInstanceId: groupInstanceId ?? null,
          reason: null,
        })),
      },
      this.context(version),
    )
  }

  /** Commits orders-0 and returns the error code. */
  async commit(
    offset: bigint,
    more: Partial<body.OffsetCommitRequest> & { metadata?: string; version?: number } = {},
  ): Promise<number> {
    const { metadata = null, version = 8, ...fields } = more
    const response = await this.coordinator.offsetCommit(
      {
        groupId: 'group',
        generationIdOrMemberEpoch: -1,
        memberId: '',
        groupInstanceId: null,
        retentionTimeMs: -1n,
        topics: [topicToCommit('orders', offset, metadata)],
        ...fields,
      },
      this.context(version),
    )
    return response.topics[0]?.partitions[0]?.errorCode ?? -1
  }

  async commitInTransaction(
    producerId: bigint,
    offset: bigint,
    more: Partial<body.TxnOffsetCommitRequest> & { metadata?: string } = {},
  ): Promise<number> {
    const { metadata = null, ...fields } = more
    const response = await this.coordinator.txnOffsetCommit(
      {
        transactionalId: 'txn',
        groupId: 'group',
        producerId,
        producerEpoch: 0,
        generationId: -1,
        memberId: '',
        groupInstanceId: null,
        topics: [topicToCommit('orders', offset, metadata)],
        ...fields,
      },
      this.context(3),
    )
    return response.topics[0]?.partitions[0]?.errorCode ?? -1
  }

  /** The committed offset of orders-0, or the error name that stands in its place. */
  async fetch(
    more: { groupId?: string; requireStable?: boolean; topic?: string } = {},
  ): Promise<bigint | string> {
    const { groupId = 'group', requireStable = false, topic = 'orders' } = more
    const topics = [{ name: topic, topicId: '', partitionIndexes: [0] }]
    const response = await this.coordinator.offsetFetch(
      {
        groupId: '',
        topics: null,
        groups: [{ groupId, memberId: null, memberEpoch: -1, topics }],
        requireStable,
      },
      this.context(8),
    )
    const group = response.groups[0]
    const partition = group?.topics[0]?.partitions[0]
    const errorCode = group?.errorCode || partition?.errorCode
    return errorCode ? `error ${errorCode}` : (partition?.committedOffset ?? 'nothing')
  }

  async describe(groupId = 'group', version = 6): Promise<body.DescribedGroup> {
    const request = { groups: [groupId], includeAuthorizedOperations: false }
    const { groups } = await this.coordinator.describeGroups(request, this.context(version))
    return groups[0] as body.DescribedGroup
  }

  async state(groupId = 'group'): Promise<string> {
    return (await this.describe(groupId)).groupState
  }

  context(apiVersion: number): body.RequestContext {
    return { apiVersion, clientId: 'client', clientHost: '/127.0.0.1' }
  }
}

export const TOPIC_ID = '0123456789abcdef0123456789abcdef'

export function topicToCommit(
  name: string,
  committedOffset: bigint,
  committedMetadata: string | null = null,
): body.OffsetCommitRequest['topics'][number] {
  const partition = { partitionIndex: 0, committedOffset, committedLeaderEpoch: -1, committedMetadata }
  return { name, topicId: TOPIC_ID, partitions: [partition] }
}

/** Always shows what the world's topics are now. */
function liveMetadata(world: { metadata: MetadataView; version: bigint }): MetadataView {
  return {
    get version() {
      return world.version
    },
    topic: (name) => world.metadata.topic(name),
    topicById: (topicId) => world.metadata.topicById(topicId),
    topicNames: () => world.metadata.topicNames(),
  }
}
