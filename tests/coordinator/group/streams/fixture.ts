// A group coordinator with one shard over a log in memory, topics that can be made and deleted, and members that
// remember what a Kafka Streams client remembers.

import { defaultGroupConfig } from '../../../../broker/coordinator/group/config.ts'
import { GroupCoordinator } from '../../../../broker/coordinator/group/group-coordinator.ts'
import {
  defaultStreamsConfig,
  type StreamsBrokerConfig,
} from '../../../../broker/coordinator/group/streams/config.ts'
import type {
  DescribedStreamsGroup,
  StreamsHeartbeatRequest,
  StreamsHeartbeatResult,
} from '../../../../broker/coordinator/group/streams/messages.ts'
import type { TaskIds } from '../../../../broker/coordinator/group/streams/tasks.ts'
import type { Topology } from '../../../../broker/coordinator/group/streams/topology.ts'
import { ManualClock } from '../../../../broker/time/manual-clock.ts'
import { groupPorts } from '../../../world/group-ports.ts'
import { MemoryShardLog } from '../../../world/memory-shard-log.ts'
import { Topics } from '../../../world/topics.ts'
import { wordCount } from './topology.ts'

export const REBALANCE_TIMEOUT_MS = 20_000

export class World {
  readonly clock = new ManualClock()
  readonly log = new MemoryShardLog()
  readonly topics = new Topics()
  readonly settings = new Map<string, string>()
  coordinator!: GroupCoordinator
  private readonly config: StreamsBrokerConfig

  private constructor(config: Partial<StreamsBrokerConfig>) {
    this.config = { ...defaultStreamsConfig, initialRebalanceDelayMs: 0, assignmentIntervalMs: 0, ...config }
  }

  /** With the topics of `wordCount` there, of three partitions. */
  static async start(config: Partial<StreamsBrokerConfig> = {}): Promise<World> {
    const world = new World(config)
    for (const name of ['lines', 'words', 'counts']) world.topics.set(name, 3)
    await world.restart()
    return world
  }

  /** A new process over the same log. */
  async restart(): Promise<void> {
    this.coordinator?.close()
    this.coordinator = new GroupCoordinator({
      ...groupPorts({
        config: { ...defaultGroupConfig, streams: this.config },
        metadata: this.topics,
        features: { level: () => 1 },
        groupConfigs: () => this.settings,
      }),
      clock: this.clock,
      partitionCount: 1,
    })
    await this.coordinator.openShard(0, this.log)
  }

  async makeTopic(name: string, partitionCount: number): Promise<void> {
    this.topics.set(name, partitionCount)
    await this.coordinator.metadataChanged([name])
  }

  async deleteTopic(name: string): Promise<void> {
    this.topics.delete(name)
    await this.coordinator.metadataChanged([name])
  }

  member(
    memberId: string,
    options: { processId?: string; topology?: Topology; groupId?: string } = {},
  ): Member {
    return new Member(this, memberId, options)
  }

  async describe(groupId = 'app'): Promise<DescribedStreamsGroup> {
    const [group] = await this.coordinator.streamsGroupDescribe([groupId])
    return group as DescribedStreamsGroup
  }

  heartbeat(request: Partial<StreamsHeartbeatRequest>): Promise<StreamsHeartbeatResult> {
    return this.coordinator.streamsGroupHeartbeat(
      { ...emptyRequest, ...request },
      { apiVersion: 0, clientId: 'client', clientHost: '/127.0.0.1' },
    )
  }
}

export const emptyRequest: StreamsHeartbeatRequest = {
  groupId: 'app',
  memberId: '',
  memberEpoch: 0,
  endpointInformationEpoch: -1,
  instanceId: null,
  rackId: null,
  rebalanceTimeoutMs: -1,
  topology: null,
  activeTasks: null,
  standbyTasks: null,
  warmupTasks: null,
  processId: null,
  userEndpoint: null,
  clientTags: null,
  taskOffsets: null,
  taskEndOffsets: null,
  shutdownApplication: false,
}

/** What `joining` sends besides who it is. */
export const joining = (topology: Topology = wordCount): Partial<StreamsHeartbeatRequest> => ({
  memberEpoch: 0,
  rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
  topology,
  activeTasks: [],
  standbyTasks: [],
  warmupTasks: [],
})

/** `0_0 0_1 1_0` */
export const tasksText = (tasks: readonly TaskIds[] | null): string =>
  (tasks ?? [])
    .flatMap(({ subtopologyId, partitions }) => partitions.map((p) => `${subtopologyId}_${p}`))
    .join(' ')

export class Member {
  readonly memberId: string
  epoch = 0
  active: TaskIds[] = []
  standby: TaskIds[] = []
  /** What it holds as long as it has not let go of it. */
  private held: { active: TaskIds[]; standby: TaskIds[] } = { active: [], standby: [] }
  private readonly world: World
  private readonly processId: string
  private readonly topology: Topology
  private readonly groupId: string

  constructor(
    world: World,
    memberId: string,
    {
      processId = `process of ${memberId}`,
      topology = wordCount,
      groupId = 'app',
    }: {
      processId?: string
      topology?: Topology
      groupId?: string
    },
  ) {
    this.world = world
    this.memberId = memberId
    this.processId = processId
    this.topology = topology
    this.groupId = groupId
  }

  /** Joins, with an empty hand. */
  async join(more: Partial<StreamsHeartbeatRequest> = {}): Promise<StreamsHeartbeatResult> {
    this.epoch = 0
    this.held = { active: [], standby: [] }
    return this.send({ ...joining(this.topology), processId: this.processId, ...more })
  }

  /** A heartbeat that tells what it holds, and does at once what it hears. */
  heartbeat(more: Partial<StreamsHeartbeatRequest> = {}): Promise<StreamsHeartbeatResult> {
    return this.send({
      activeTasks: this.held.active,
      standbyTasks: this.held.standby,
      warmupTasks: [],
      ...more,
    })
  }

  leave(more: Partial<StreamsHeartbeatRequest> = {}): Promise<StreamsHeartbeatResult> {
    const { groupId, memberId } = this
    return this.world.heartbeat({ groupId, memberId, memberEpoch: -1, ...more })
  }

  get tasks(): string {
    return tasksText(this.active)
  }

  get standbys(): string {
    return tasksText(this.standby)
  }

  private async send(request: Partial<StreamsHeartbeatRequest>): Promise<StreamsHeartbeatResult> {
    const { groupId, memberId } = this
    const result = await this.world.heartbeat({ groupId, memberId, memberEpoch: this.epoch, ...request })
    const { response } = result
    if (response.errorCode !== 0) return result
    this.epoch = response.memberEpoch
    if (response.activeTasks !== null) {
      this.active = response.activeTasks
      this.standby = response.standbyTasks ?? []
      this.held = { active: this.active, standby: this.standby }
    }
    return result
  }
}
