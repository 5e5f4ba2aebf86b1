// A world for consumer groups of both protocols in one group, all of it out of one seed: members that join, stay,
// leave, die, come back, are slow to give up or never do; topics that grow and new ones; answers that are lost,
// requests that come twice; a log that refuses appends and loses its tail; a coordinator that is killed and loads
// again. After every event:
//
// - the live groups equal a replay of the log, and no epoch that was told is taken back;
// - a partition is given to nobody while another may still work on it, by all that this other one can know;
// - a commit in an epoch that is past is taken from nobody whose partition was given to another before it was sent.
//
// At the end faults stop: the group is stable, everyone has what it was told, every partition has one owner, and
// the load is even.

import { defaultGroupConfig, type GroupConfig } from '../../../broker/coordinator/group/config.ts'
import { defaultConsumerGroupConfig } from '../../../broker/coordinator/group/consumer/config.ts'
import type { ConsumerGroup } from '../../../broker/coordinator/group/consumer/consumer-group.ts'
import type { Fact, Note } from '../../../broker/coordinator/group/facts.ts'
import { GroupMachine } from '../../../broker/coordinator/group/group-machine.ts'
import type { Group } from '../../../broker/coordinator/group/group-kind.ts'
import type * as body from '../../../broker/coordinator/group/messages.ts'
import { groupRecords } from '../../../broker/coordinator/group/records.ts'
import { ShardRuntime } from '../../../broker/coordinator/runtime.ts'
import { CoordinatorError } from '../../../broker/coordinator/shard-log.ts'
import { errorCodes } from '../../../broker/protocol/errors.ts'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { groupPorts, topicsOf } from '../../world/group-ports.ts'
import { MemoryShardLog, replayBatch } from '../../world/memory-shard-log.ts'
import { Random } from '../../world/random.ts'
import { ClassicMember, GROUP, type Member, ModernMember, SESSION_MS, type Subscription } from './member.ts'

const counted = [
  'events',
  'crashes',
  'lostBatches',
  'tornTails',
  'refusedAppends',
  'timedOut',
  'lostAnswers',
  'duplicates',
  'deaths',
  'leaves',
  'staticLeaves',
  'unreleased',
  'fenced',
  'fencedCommits',
  'commits',
  'stubborn',
  'subscriptions',
  'grownTopics',
  'newTopics',
  'classicRejoins',
  'upgrades',
  'downgrades',
  'givenWay',
  'sessionExpiries',
  'overdueRevocations',
  'resolvedRegexes',
  'assignments',
  'deletedGroups',
] as const

export type Counters = Record<(typeof counted)[number], number>

export function newCounters(): Counters {
  return Object.fromEntries(counted.map((what) => [what, 0])) as Counters
}

const config: GroupConfig = {
  ...defaultGroupConfig,
  initialRebalanceDelayMs: 1_000,
  consumer: { ...defaultConsumerGroupConfig, sessionTimeoutMs: SESSION_MS, regexRefreshIntervalMs: 60_000 },
}

const MODERN = 4
const CLASSIC = 2

export class ConsumerGroupWorld {
  readonly random: Random
  readonly clock = new ManualClock()
  readonly log = new MemoryShardLog({ autoSync: false })
  readonly counters: Counters
  readonly topics = new Map([
    ['a', 3],
    ['b', 2],
  ])
  faults = true
  step = 0
  private metadata = topicsOf(Object.fromEntries(this.topics))
  private version = 1n
  private topicsCreatedAt = 1n
  private readonly members: Member[] = []
  /** Those that died: their late words must do no harm. */
  private zombies: { member: Member; held: string[] }[] = []
  private shard!: ShardRuntime<body.Command, Fact, Note, body.Reply>
  private machine!: GroupMachine
  private replay!: GroupMachine
  private followed = 0
  private promisedEpoch = 0
  /** Counts the groups that began anew in the place of an empty one: epochs begin anew with them. */
  private incarnation = 0
  /** Of the group at the time of the request whose answer is being heard. */
  private heardOf = 0
  /** partition → who was last told to have it, and at which step. */
  private readonly owners = new Map<string, { member: Member; step: number }>()
  private lastType: string | undefined
  private lastGroup: Group | undefined
  private made = 0
  private failure: Error | undefined

  constructor(seed: number, counters: Counters) {
    this.random = new Random(seed)
    this.counters = counters
    for (let i = 0; i < MODERN; i++) this.members.push(this.modern(i === 0 ? 'static' : null))
    for (let i = 0; i < CLASSIC; i++) this.members.push(this.classic())
  }

  newMemberId(): string {
    return `m${++this.made}`
  }

  topicId(name: string): string {
    return this.metadata.topic(name)?.topicId ?? '0'.repeat(32)
  }

  byTopicId(partitions: Iterable<string>): { topicId: string; partitions: number[] }[] {
    const topics = new Map<string, number[]>()
    for (const partition of partitions) {
      const at = partition.lastIndexOf('-')
      const topicId = this.topicId(partition.slice(0, at))
      topics.set(topicId, [...(topics.get(topicId) ?? []), Number(partition.slice(at + 1))])
    }
    return [...topics].map(([topicId, numbers]) => ({ topicId, partitions: numbers }))
  }

  byName(topics: readonly { topicId: string; partitions: readonly number[] }[]): Set<string> {
    const name = (topicId: string): string => this.metadata.topicById(topicId)?.name ?? topicId
    return new Set(
      topics.flatMap(({ topicId, partitions }) => partitions.map((p) => `${name(topicId)}-${p}`)),
    )
  }

  async run(events: number): Promise<void> {
    await this.start()
    for (this.step = 1; this.step <= events; this.step++) {
      await this.event()
      await Promise.resolve()
      this.check()
    }
    this.counters.events += events
    await this.converge()
  }

  send<Body extends body.Reply>(command: body.Command, heard: (reply: Body | number) => void): void {
    const { incarnation } = this
    this.shard.submit(command).then(
      (reply) => {
        this.heardOf = incarnation
        this.guarded(() => heard(reply as Body))
      },
      (error: unknown) => {
        if (!(error instanceof Error)) return
        const errorCode = 'errorCode' in error ? Number(error.errorCode) : undefined
        if (errorCode === undefined || error.name !== CoordinatorError.name) this.fail(error)
        if (errorCode === errorCodes.REQUEST_TIMED_OUT) this.counters.timedOut++
        this.guarded(() => heard(errorCode ?? -1))
      },
    )
  }

  heartbeat(
    request: body.ConsumerHeartbeatRequest,
    heard: (reply: body.ConsumerHeartbeatResponse | number) => void,
  ): void {
    const context = { apiVersion: 1, clientId: 'modern', clientHost: '/127.0.0.1' }
    this.send<body.ConsumerHeartbeatResponse>({ kind: 'consumerHeartbeat', request, context }, heard)
  }

  epochHeard(member: Member, epoch: number): void {
    this.expect(
      member.epoch <= epoch || member.isClassic,
      `${member.memberId} goes back from epoch ${member.epoch} to ${epoch}`,
    )
    if (this.heardOf === this.incarnation) this.promisedEpoch = Math.max(this.promisedEpoch, epoch)
  }

  /** A member was told that a partition is its own. */
  given(member: Member, partition: string): void {
    for (const other of this.members) {
      if (other === member || !other.held.has(partition)) continue
      this.expect(!other.isEntitled, `${partition} is given to ${member} while ${other} has it`)
    }
    if (this.owners.get(partition)?.member === member) return
    this.owners.set(partition, { member, step: this.step })
    this.counters.assignments++
  }

  /** The epoch, or generation, in which the group knows a member; undefined: it does not. */
  epochOf(memberId: string): number | undefined {
    const group = find(this.machine)
    if (group?.type === 'consumer') return (group as ConsumerGroup).members.get(memberId)?.memberEpoch
    const classic = this.machine.group(GROUP)
    return classic?.members.has(memberId) === true ? classic.generationId : undefined
  }

  committed(member: Member, partition: string, sentAt: number): void {
    this.counters.commits++
    const owner = this.owners.get(partition)
    const isLate = owner !== undefined && owner.member !== member && owner.step < sentAt
    this.expect(!isLate, `${member} commits ${partition}, which was given to ${owner?.member} before`)
  }

  private async start(): Promise<void> {
    const ports = groupPorts({
      config,
      metadata: {
        version: this.version,
        topic: (name) => this.metadata.topic(name),
        topicById: (topicId) => this.metadata.topicById(topicId),
        topicNames: () => this.metadata.topicNames(),
      },
      topicsCreatedAt: () => this.topicsCreatedAt,
      newUuid: () => this.newMemberId(),
    })
    this.replay = new GroupMachine(ports)
    this.followed = 0
    this.machine = new GroupMachine(ports)
    const { machine, counters } = this
    this.shard = new ShardRuntime({
      machine: {
        decide: (command, requestId, nowMs) => {
          const group = find(machine)
          const decision = machine.decide(command, requestId, nowMs)
          if (decision.facts.length === 0) return decision
          const isEmpty = group?.type === 'consumer' && (group as ConsumerGroup).members.size === 0
          if (command.kind === 'join' && isEmpty) this.beginAnew()
          if (command.kind === 'consumerSessionExpired') counters.sessionExpiries++
          if (command.kind === 'consumerRevocationOverdue') counters.overdueRevocations++
          if (command.kind === 'consumerResolveRegexes') counters.resolvedRegexes++
          return decision
        },
        apply: (change, producer) => machine.apply(change, producer),
        completeTransaction: (producer, committed) => machine.completeTransaction(producer, committed),
        expired: (key) => machine.expired(key),
        timersAfterReplay: () => machine.timersAfterReplay(),
      },
      codec: groupRecords,
      log: this.log,
      clock: this.clock,
      commitTimeoutMs: config.offsetsCommitTimeoutMs,
      onFailed: (error) => this.fail(error),
    })
    await this.shard.load()
  }

  /** The first classic member made a classic group of an empty consumer group. */
  private beginAnew(): void {
    this.incarnation++
    this.promisedEpoch = 0
    this.counters.givenWay++
  }

  private async event(): Promise<void> {
    const { random, log, counters } = this
    const dice = random.below(1000)
    if (dice < 600) random.pick(this.members).act()
    else if (dice < 780) log.sync(random.between(1, 3))
    else if (dice < 860)
      this.clock.tick(random.chance(0.1) ? random.between(5_000, 25_000) : random.between(1, 2_000))
    else if (dice < 910) this.commit()
    else if (dice < 925) this.refuseAppend()
    else if (dice < 945) this.replaceMember()
    else if (dice < 960) this.changeSubscription()
    else if (dice < 975) this.changeTopics()
    else if (dice < 985) this.makeStubborn()
    else if (dice < 990) {
      this.send<{ errorCode: number }>({ kind: 'delete', groupId: GROUP }, (reply) => {
        if (typeof reply === 'number' || reply.errorCode !== errorCodes.NONE) return
        counters.deletedGroups++
      })
    } else await this.crash()
  }

  private modern(instanceId: string | null): ModernMember {
    return new ModernMember(this, this.newMemberId(), this.subscription(), instanceId)
  }

  private classic(): ClassicMember {
    return new ClassicMember(this, '', { names: ['a', 'b'], regex: '' })
  }

  private subscription(): Subscription {
    const dice = this.random.below(6)
    if (dice === 0) return { names: ['a'], regex: '' }
    if (dice === 1) return { names: [], regex: '[a-c].*' }
    if (dice === 2) return { names: ['b'], regex: 'a' }
    return { names: ['a', 'b'], regex: '' }
  }

  private commit(): void {
    const zombie = this.random.chance(0.3) ? this.zombies.at(-1) : undefined
    const member = zombie?.member ?? this.random.pick(this.members)
    const late = this.random.chance(0.3) ? [...member.formerly.keys()] : []
    const held = zombie?.held ?? (late.length > 0 ? late : [...member.held])
    if (held.length > 0) member.commit(this.random.pick(held))
  }

  private refuseAppend(): void {
    this.log.refuseAppends = 1
    this.counters.refusedAppends++
  }

  /** A member is gone without a word, or has left; another takes its place, of the same kind or the other. */
  private replaceMember(): void {
    const at = this.random.below(this.members.length)
    const former = this.members[at] as Member
    if (!former.isDead) {
      this.counters.deaths++
      this.zombies = [...this.zombies.slice(-3), { member: former, held: [...former.held] }]
      former.die()
    }
    if (former instanceof ModernMember && former.instanceId !== null)
      this.members[at] = this.modern(former.instanceId)
    // Now and then all are of one kind, so that the group changes over.
    else if (this.random.chance(this.step % 400 < 200 ? 0.8 : 0.2)) this.members[at] = this.modern(null)
    else this.members[at] = this.classic()
  }

  private changeSubscription(): void {
    const member = this.random.pick(this.members)
    if (!(member instanceof ModernMember)) return
    member.changeSubscription(this.subscription())
    this.counters.subscriptions++
  }

  private changeTopics(): void {
    if (this.topics.size < 4 && this.random.chance(0.2)) {
      const name = `c${this.topics.size}`
      this.counters.newTopics++
      this.grow(name, 2)
      return
    }
    const name = this.random.pick([...this.topics.keys()])
    if ((this.topics.get(name) ?? 0) >= 6) return
    this.counters.grownTopics++
    this.grow(name)
  }

  private grow(name: string, by = 1): void {
    const isNew = !this.topics.has(name)
    this.topics.set(name, (this.topics.get(name) ?? 0) + by)
    this.version++
    if (isNew) this.topicsCreatedAt = this.version
    this.metadata = topicsOf(Object.fromEntries(this.topics))
    this.send({ kind: 'metadataChanged', topics: [name] }, () => {})
  }

  private makeStubborn(): void {
    const member = this.random.pick(this.members)
    if (!(member instanceof ModernMember) || member.isDead) return
    member.isStubborn = true
    this.counters.stubborn++
  }

  private async crash(): Promise<void> {
    const unsynced = this.log.unsyncedBatches
    const kept = this.random.between(0, unsynced)
    this.shard.close(errorCodes.NOT_COORDINATOR)
    this.counters.crashes++
    this.counters.lostBatches += this.log.crash(kept)
    if (kept > 0 && kept < unsynced) this.counters.tornTails++
    this.log.refuseAppends = 0
    await this.start()
  }

  private check(): void {
    if (this.failure !== undefined) throw this.failure
    const { batches } = this.log
    if (this.followed === batches.length) return
    for (; this.followed < batches.length; this.followed++) {
      const batch = batches[this.followed]
      if (batch === undefined) break
      replayBatch(batch, {
        record: (key, value, producer) => this.replay.apply(groupRecords.decode(key, value), producer),
        marker: (producer, committed) => this.replay.completeTransaction(producer, committed),
      })
    }
    const [live, logged] = [find(this.machine), find(this.replay)]
    this.expect(live?.type === logged?.type, `the group is ${live?.type}, in the log ${logged?.type}`)
    this.countMigration(live)
    if (live?.type === 'consumer') {
      const [a, b] = [describe(live as ConsumerGroup), describe(logged as ConsumerGroup)]
      this.expect(a === b, `the group differs from the log:\n${a}\n${b}`)
    }
    const epoch = this.epoch(live)
    // A group that lost its members may have given way to a new one of its name within the same step.
    const isNew =
      live !== this.lastGroup && this.members.every((member) => member.isDead || member.epoch <= epoch)
    this.lastGroup = live
    if (live === undefined || this.isSimple(live) || isNew) this.promisedEpoch = 0
    else this.expect(epoch >= this.promisedEpoch, `epoch ${epoch} after ${this.promisedEpoch} was told`)
  }

  private countMigration(live: Group | undefined): void {
    const { counters } = this
    const hasMembers = live?.type === 'classic' && (this.machine.group(GROUP)?.members.size ?? 0) > 0
    if (this.lastType === 'classic' && live?.type === 'consumer') counters.upgrades++
    if (this.lastType === 'consumer' && hasMembers) counters.downgrades++
    this.lastType = live?.type
  }

  private epoch(group: Group | undefined): number {
    if (group?.type === 'consumer') return (group as ConsumerGroup).groupEpoch
    return this.machine.group(GROUP)?.generationId ?? 0
  }

  /** A group without members that another kind may take the place of: its epochs begin anew then. */
  private isSimple(group: Group): boolean {
    return group.type === 'classic' && this.machine.group(GROUP)?.members.size === 0
  }

  expect(holds: boolean, otherwise: string): void {
    if (!holds) throw new Error(otherwise)
  }

  private async converge(): Promise<void> {
    this.faults = false
    this.log.refuseAppends = 0
    this.log.autoSync = true
    this.log.sync()
    for (const [i, member] of this.members.entries()) {
      if (!member.isDead) continue
      this.members[i] = member instanceof ModernMember ? this.modern(member.instanceId) : this.classic()
    }
    await this.settle()
    this.expectEven()
    // Nothing else happens any more: the group must see by itself that there is more to do.
    this.grow('a')
    await this.settle()
    this.expectEven()
    this.shard.close()
    this.expect(this.clock.timersSet === 0, `${this.clock.timersSet} timers outlive the shard`)
  }

  private async settle(): Promise<void> {
    const atRest = (): boolean => this.members.every((member) => member.isAtRest)
    for (let round = 0, quiet = 0; round < 400 && quiet < 20; round++) {
      this.clock.tick(1_000)
      for (const member of this.members) member.act()
      for (let i = 0; i < 4; i++) await Promise.resolve()
      this.check()
      quiet = atRest() ? quiet + 1 : 0
    }
    this.expect(atRest(), `never settled: ${this.members.join(', ')}`)
  }

  private expectEven(): void {
    const wants = (member: Member, topic: string): boolean =>
      member.subscription.names.includes(topic) ||
      (member.subscription.regex !== '' && new RegExp(`^(?:${member.subscription.regex})$`).test(topic))
    for (const [topic, count] of this.topics) {
      if (!this.members.some((member) => wants(member, topic))) continue
      for (let partition = 0; partition < count; partition++) {
        const name = `${topic}-${partition}`
        const owners = this.members.filter((member) => member.held.has(name))
        this.expect(owners.length === 1, `${name} has ${owners.length} owners: ${owners.join()}`)
        this.expect(wants(owners[0] as Member, topic), `${owners[0]} has ${name} without wanting it`)
      }
    }
    if (find(this.machine)?.type !== 'consumer') return
    for (const rich of this.members) {
      for (const poor of this.members) {
        if (rich.held.size - poor.held.size < 2) continue
        const wanted = [...rich.held].filter((name) => wants(poor, name.slice(0, name.lastIndexOf('-'))))
        this.expect(wanted.length === 0, `${poor} wants of ${rich}`)
      }
    }
  }

  private guarded(hear: () => void): void {
    try {
      hear()
    } catch (error) {
      this.fail(error as Error)
    }
  }

  private fail(error: Error): void {
    this.failure ??= error
  }
}

function find(machine: GroupMachine): Group | undefined {
  for (const group of machine.allGroups()) if (group.groupId === GROUP) return group
  return undefined
}

/** All of a group that is in the log, as text. */
function describe(group: ConsumerGroup): string {
  const { groupEpoch, assignmentEpoch, assignmentTimestampMs, metadataHash, members, targets, regexes } =
    group
  return JSON.stringify(
    { groupEpoch, assignmentEpoch, assignmentTimestampMs, metadataHash, members, targets, regexes },
    (_, value: unknown) => {
      if (typeof value === 'bigint') return String(value)
      const byText = (a: unknown, b: unknown): number => (String(a) < String(b) ? -1 : 1)
      if (value instanceof Map) return [...value].sort(([a], [b]) => byText(a, b))
      return value instanceof Set ? [...value].sort(byText) : value
    },
  )
}
