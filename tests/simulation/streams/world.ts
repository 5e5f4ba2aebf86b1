// A world for streams groups, all of it out of one seed: clients that join, obey late or never, commit, leave and die;
// topics that grow, go and come back; settings that change; a clock that jumps; a log that refuses appends and loses
// its tail; a coordinator that is killed and loads again. After every event:
//
// - no task is run by two clients that are in the group, nor held by one without the group's knowledge;
// - the live group equals a replay of the log;
// - no epoch that was answered is ever taken back, and an answer rests on nothing that could be lost;
// - a commit passes only for a task that the group gave to the one who commits.
//
// At the end faults stop: a client dies, another never lets go, and the rest must run every task once, in fair shares,
// with the standbys that were asked for, and then be quiet.

import { defaultGroupConfig, type GroupConfig } from '../../../broker/coordinator/group/config.ts'
import type { Fact, Note } from '../../../broker/coordinator/group/facts.ts'
import { GroupMachine } from '../../../broker/coordinator/group/group-machine.ts'
import type * as body from '../../../broker/coordinator/group/messages.ts'
import { groupRecords } from '../../../broker/coordinator/group/records.ts'
import { defaultStreamsConfig } from '../../../broker/coordinator/group/streams/config.ts'
import { Owners } from '../../../broker/coordinator/group/streams/owners.ts'
import { stateOf, type StreamsGroup } from '../../../broker/coordinator/group/streams/streams-group.ts'
import { hasTask } from '../../../broker/coordinator/group/streams/tasks.ts'
import type { Topology } from '../../../broker/coordinator/group/streams/topology.ts'
import type { Machine } from '../../../broker/coordinator/machine.ts'
import { ShardRuntime } from '../../../broker/coordinator/runtime.ts'
import { CoordinatorError } from '../../../broker/coordinator/shard-log.ts'
import { errorCodes } from '../../../broker/protocol/errors.ts'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { topology } from '../../coordinator/group/streams/topology.ts'
import { groupPorts } from '../../world/group-ports.ts'
import { MemoryShardLog, replayBatch } from '../../world/memory-shard-log.ts'
import { Random } from '../../world/random.ts'
import { Topics } from '../../world/topics.ts'
import { type ClientWorld, type Commit, GROUP, StreamsClient } from './client.ts'

export const newCounters = () => ({
  crashes: 0,
  lostBatches: 0,
  refusedAppends: 0,
  fenced: 0,
  assignments: 0,
  commits: 0,
  refusedCommits: 0,
  topicsMade: 0,
  topicsDeleted: 0,
  topicsGrown: 0,
  settings: 0,
  sessionsExpired: 0,
  deletedGroups: 0,
  revocationsOver: 0,
})
export type Counters = ReturnType<typeof newCounters>

const config: GroupConfig = {
  ...defaultGroupConfig,
  streams: {
    ...defaultStreamsConfig,
    initialRebalanceDelayMs: 500,
    assignmentIntervalMs: 200,
    sessionTimeoutMs: 10_000,
  },
}
const CLIENTS = 6

/** in ─► 0 ─► mid ─► 1 (store), and as the application grows: also ─► 2 (more). */
const topologies = [
  topology(
    { sourceTopics: ['in'], repartitionSinkTopics: ['mid'] },
    { repartitionSourceTopics: ['mid'], stateChangelogTopics: ['store'] },
  ),
  {
    ...topology(
      { sourceTopics: ['in'], repartitionSinkTopics: ['mid'] },
      { repartitionSourceTopics: ['mid'], stateChangelogTopics: ['store'] },
      { sourceTopics: ['also'], stateChangelogTopics: ['more'] },
    ),
    epoch: 1,
  },
] as const
const INTERNAL = ['mid', 'store', 'more']

export class StreamsWorld implements ClientWorld {
  readonly random: Random
  readonly clock = new ManualClock()
  readonly log = new MemoryShardLog({ autoSync: false })
  readonly topics = new Topics()
  readonly counters: Counters
  topology: Topology = topologies[0]
  step = 0
  private readonly clients: StreamsClient[]
  private readonly settings = new Map<string, string>()
  private shard!: ShardRuntime<body.Command, Fact, Note, body.Reply>
  private machine!: GroupMachine
  private replayed!: { machine: GroupMachine; batches: number }
  private promisedEpoch = 0
  /** Which group of the name it is: a deleted one's epochs bind nobody. */
  private incarnation = 0
  private lateCommits: Commit[] = []
  private failure: Error | undefined

  constructor(seed: number, counters: Counters = newCounters()) {
    this.random = new Random(seed)
    this.counters = counters
    this.topics.set('in', 3)
    this.topics.set('also', 2)
    this.clients = Array.from({ length: CLIENTS }, (_, i) => new StreamsClient(this, i))
  }

  async run(events: number): Promise<void> {
    await this.start()
    for (this.step = 0; this.step < events; this.step++) {
      await this.event()
      await turn()
      this.check()
    }
    await this.converge()
  }

  heartbeat(
    { memberId }: StreamsClient,
    request: body.StreamsHeartbeatRequest,
    heard: (response: body.StreamsHeartbeatResponse | null) => void,
  ): void {
    const client = { clientId: memberId, clientHost: '/127.0.0.1' }
    const command = { kind: 'streamsHeartbeat', request, client } as const
    const { incarnation } = this
    this.send<body.StreamsHeartbeatResult>(command, (result) => {
      if (typeof result === 'number') return heard(null)
      const { response, missingTopics } = result
      if (response.errorCode === errorCodes.NONE && incarnation === this.incarnation)
        this.promisedEpoch = Math.max(this.promisedEpoch, response.memberEpoch)
      for (const { name, numPartitions } of missingTopics) {
        if (this.topics.topic(name) === undefined && this.random.chance(0.5))
          this.setTopic(name, numPartitions)
      }
      heard(response)
    })
  }

  /** Some commits come late: when the task is long another's. */
  commit(commit: Commit): void {
    if (this.random.chance(0.3)) this.lateCommits.push(commit)
    else this.sendCommit(commit)
  }

  private sendCommit({ memberId, epoch, task }: Commit): void {
    const partitionIndex = Number(task.split('_')[1])
    const partition = { partitionIndex, committedOffset: 1n, committedLeaderEpoch: -1, committedMetadata: '' }
    const request = {
      groupId: GROUP,
      memberId,
      generationIdOrMemberEpoch: epoch,
      groupInstanceId: null,
      retentionTimeMs: -1n,
      topics: [{ name: 'in', topicId: '', partitions: [partition] }],
    }
    // Whether it may is decided when it is asked, in the same turn.
    // In its own epoch a member may commit for whatever it likes, as in Kafka; tasks are asked about in older ones.
    const isOfNow = this.group?.members.get(memberId)?.memberEpoch === epoch
    const mayCommit = isOfNow || this.knows(memberId, '0', partitionIndex)
    this.send<body.OffsetCommitResponse>({ kind: 'commit', request, apiVersion: 9 }, (reply) => {
      const errorCode = typeof reply === 'number' ? reply : reply.topics[0]?.partitions[0]?.errorCode
      if (errorCode !== errorCodes.NONE) {
        this.counters.refusedCommits++
        return
      }
      this.counters.commits++
      this.expect(mayCommit, `${memberId} of epoch ${epoch} has committed for ${task}, which is not its own`)
    })
  }

  expect(holds: boolean, otherwise: string): void {
    if (!holds) throw new Error(otherwise)
  }

  private get group(): StreamsGroup | undefined {
    return groupOf(this.machine)
  }

  /** Whether the group gave the task to the member, and has not heard that it let go. */
  private knows(memberId: string, subtopologyId: string, partition: number): boolean {
    const member = this.group?.members.get(memberId)
    if (member === undefined) return false
    return [member.assigned, member.pendingRevocation].some(({ active }) =>
      hasTask(active, subtopologyId, partition),
    )
  }

  private async start(): Promise<void> {
    const ports = groupPorts({
      config,
      metadata: this.topics,
      features: { level: () => 1 },
      groupConfigs: () => this.settings,
    })
    this.machine = new GroupMachine(ports)
    this.replayed = { machine: new GroupMachine(ports), batches: 0 }
    this.shard = new ShardRuntime({
      machine: this.observed(this.machine),
      codec: groupRecords,
      log: this.log,
      clock: this.clock,
      onFailed: (error) => (this.failure ??= error),
    })
    await this.shard.load()
  }

  /** Counts who is put out on its way through. */
  private observed(machine: GroupMachine): Machine<body.Command, Fact, Note, body.Reply> {
    const { counters } = this
    return {
      decide(command, requestId, nowMs) {
        const decision = machine.decide(command, requestId, nowMs)
        const isPutOut = decision.facts.length > 0
        if (command.kind === 'streamsSessionExpired' && isPutOut) counters.sessionsExpired++
        if (command.kind === 'streamsRevocationOver' && isPutOut) counters.revocationsOver++
        return decision
      },
      apply: (change, producer) => machine.apply(change, producer),
      completeTransaction: (producer, committed) => machine.completeTransaction(producer, committed),
      expired: (key) => machine.expired(key),
      timersAfterReplay: () => machine.timersAfterReplay(),
    }
  }

  private async event(): Promise<void> {
    const { random, log } = this
    const dice = random.below(1000)
    if (dice < 640) random.pick(this.clients).act()
    else if (dice < 830) log.sync(random.between(1, 3))
    else if (dice < 920)
      this.clock.tick(random.chance(0.05) ? random.between(3_000, 12_000) : random.between(1, 300))
    else if (dice < 945) this.changeTopic()
    else if (dice < 955) this.changeSettings()
    else if (dice < 970) this.refuseAppend()
    else if (dice < 980) this.forget()
    else if (dice < 988) this.sendLateCommits()
    else await this.crash()
  }

  private changeTopic(): void {
    const { random, topics, counters } = this
    const name = random.pick(['in', 'also', ...INTERNAL])
    const current = topics.topic(name)
    if (current === undefined) {
      if (!INTERNAL.includes(name)) this.setTopic(name, random.between(1, 4))
    } else if (random.chance(0.3)) {
      topics.delete(name)
      counters.topicsDeleted++
      this.tellTopic(name)
    } else if (current.partitionCount < 6) {
      counters.topicsGrown++
      this.setTopic(name, current.partitionCount + 1)
    }
  }

  private setTopic(name: string, partitionCount: number): void {
    this.topics.set(name, partitionCount)
    this.counters.topicsMade++
    this.tellTopic(name)
  }

  private tellTopic(name: string): void {
    this.send({ kind: 'metadataChanged', topics: [name] }, () => {})
  }

  private changeSettings(): void {
    this.settings.set('streams.num.standby.replicas', String(this.random.below(3)))
    this.counters.settings++
  }

  private refuseAppend(): void {
    this.log.refuseAppends = 1
    this.counters.refusedAppends++
  }

  private sendLateCommits(): void {
    for (const commit of this.lateCommits.splice(0)) this.sendCommit(commit)
  }

  /** All leave, the group is deleted, and the application comes back with another topology. */
  private forget(): void {
    if (this.random.chance(0.5)) return
    for (const client of this.clients) client.leave()
    this.send<{ errorCode: number }>({ kind: 'delete', groupId: GROUP }, (reply) => {
      if (typeof reply === 'number' || reply.errorCode !== errorCodes.NONE) return
      this.counters.deletedGroups++
      this.topology = this.random.pick(topologies)
    })
  }

  private async crash(): Promise<void> {
    this.shard.close(errorCodes.NOT_COORDINATOR)
    this.counters.crashes++
    this.counters.lostBatches += this.log.crash(this.random.between(0, this.log.unsyncedBatches))
    this.log.refuseAppends = 0
    await this.start()
  }

  private send<Reply extends body.Reply>(
    command: body.Command,
    heard: (reply: Reply | number) => void,
  ): void {
    const { shard } = this
    shard.submit(command).then(
      (reply) => {
        this.guarded(() => {
          this.expect(this.log.highWatermark >= appendedAt, 'an answer rests on what could be lost')
          heard(reply as Reply)
        })
      },
      (error: unknown) => {
        if (error instanceof CoordinatorError) this.guarded(() => heard(error.errorCode))
        else this.failure ??= error as Error
      },
    )
    const appendedAt = this.log.endOffset
  }

  private check(): void {
    if (this.failure !== undefined) throw this.failure
    this.checkReplay()
    const { group } = this
    if (group === undefined) {
      this.incarnation++
      this.promisedEpoch = 0
      return
    }
    this.expect(
      group.groupEpoch >= this.promisedEpoch,
      `epoch ${group.groupEpoch}, promised ${this.promisedEpoch}`,
    )
    // It asserts that no active task has two owners.
    void new Owners(group.members.values())
    const runs = new Map<string, string>()
    for (const { memberId, held, epoch } of this.clients) {
      const member = group.members.get(memberId)
      if (member === undefined || epoch > member.memberEpoch || epoch === 0) continue
      for (const task of held) {
        const [subtopologyId = '', partition] = task.split('_')
        const other = runs.get(task)
        this.expect(other === undefined, `${task} is run by ${other} and ${memberId}`)
        runs.set(task, memberId)
        this.expect(
          epoch < member.previousMemberEpoch || this.knows(memberId, subtopologyId, Number(partition)),
          `${memberId} runs ${task}, and the group does not know it`,
        )
      }
    }
  }

  private checkReplay(): void {
    const { machine, batches } = this.replayed
    for (const batch of this.log.batches.slice(batches)) {
      replayBatch(batch, {
        record: (key, value, producer) => machine.apply(groupRecords.decode(key, value), producer),
        marker: (producer, committed) => machine.completeTransaction(producer, committed),
      })
    }
    if (batches === this.log.batches.length) return
    this.replayed.batches = this.log.batches.length
    const [live, logged] = [this.group, groupOf(machine)].map(show)
    this.expect(live === logged, `the group differs from the log:\n${live}\n${logged}`)
  }

  private async converge(): Promise<void> {
    this.log.refuseAppends = 0
    this.log.autoSync = true
    this.log.sync()
    for (let i = 0; i < 4; i++) await turn()
    // A new version that came too late for its group to be new stays away.
    this.topology = this.group?.topology ?? this.topology
    // Topics as the application needs them, whatever became of them.
    for (const [name, count] of [
      ['in', 5],
      ['also', 5],
      ['mid', 5],
      ['store', 5],
      ['more', 5],
    ] as const)
      this.setTopic(name, count)
    await this.settle()
    // One dies and nobody is told; another hears what to give up and never does.
    const [dead, stuck] = this.clients as [StreamsClient, StreamsClient]
    dead.fall()
    dead.isDead = true
    stuck.isStuck = true
    this.settings.set('streams.num.standby.replicas', '1')
    const joined = new StreamsClient(this, CLIENTS)
    this.clients.push(joined)
    await this.settle()
    this.shard.close()
    this.expect(this.clock.timersSet === 0, `${this.clock.timersSet} timers outlive the shard`)
  }

  /** Until the group is stable, all tasks are run by these, and nothing more is written. */
  private async settle(): Promise<void> {
    let alive: StreamsClient[] = []
    let quietSince = this.clock.now()
    let { endOffset } = this.log
    for (let round = 0; round < 400; round++) {
      this.clock.tick(500)
      for (const client of this.clients) client.goOn()
      for (let i = 0; i < 4; i++) await turn()
      this.check()
      alive = this.clients.filter(({ isDead }) => !isDead)
      if (this.log.endOffset !== endOffset || !alive.every(({ isSettled }) => isSettled)) {
        endOffset = this.log.endOffset
        quietSince = this.clock.now()
      } else if (this.clock.now() - quietSince > 3_000 && this.isFair(alive)) return
    }
    throw new Error(
      `never settled: ${this.group && stateOf(this.group)}\n${alive.map((c) => c.describe()).join('\n')}`,
    )
  }

  private isFair(alive: readonly StreamsClient[]): boolean {
    const { group } = this
    if (group === undefined || stateOf(group) !== 'Stable' || group.members.size !== alive.length)
      return false
    const taskCount = 5 * (group.topology?.subtopologies.length ?? 0)
    const held = alive.flatMap((client) => [...client.held])
    if (held.length !== taskCount || new Set(held).size !== taskCount) return false
    const share = Math.ceil(taskCount / alive.length)
    this.expect(
      alive.every((client) => client.held.size <= share),
      `more than ${share} tasks: ${alive.map((client) => client.describe()).join('\n')}`,
    )
    const processes = new Set(alive.map(({ processId }) => processId)).size
    const replicas = Number(this.settings.get('streams.num.standby.replicas') ?? 0)
    const stateful = taskCount - 5
    const standbys = alive.reduce((sum, client) => sum + client.standbys.size, 0)
    return standbys === stateful * Math.min(replicas, processes - 1)
  }

  private guarded(hear: () => void): void {
    try {
      hear()
    } catch (error) {
      this.failure ??= error as Error
    }
  }
}

function groupOf(machine: GroupMachine): StreamsGroup | undefined {
  for (const group of machine.allGroups()) if (group.type === 'streams') return group as StreamsGroup
  return undefined
}

/** All that comes from the log, as text. */
function show(group: StreamsGroup | undefined): string {
  if (group === undefined) return 'none'
  const { soft: _soft, freshness: _freshness, ...hard } = group
  return JSON.stringify(hard, (_, value: unknown) => {
    if (typeof value === 'bigint') return String(value)
    if (value instanceof Map) return [...value].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
    if (value instanceof Set) return [...(value as Set<number>)].sort((a, b) => a - b)
    const isPlain = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isPlain ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value
  })
}

/** Everyone whose answer is there has heard it. */
function turn(): Promise<void> {
  return Promise.resolve()
}
