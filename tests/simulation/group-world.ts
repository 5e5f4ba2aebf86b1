// A world for the group coordinator, all of it out of one seed: clients that join, sync, commit, leave, die
// and come back as zombies; a clock that jumps; a log that refuses appends and loses its tail; a
// coordinator that is killed and loads again. After every event:
//
// - the live state equals a replay of the log (offsets always; groups where the log has their state);
// - a generation whose assignment was answered is never taken back, nor is a partition given to two (I13);
// - a commit of a past generation or a replaced member is refused (I13);
// - an answer rests on nothing that could still be lost, and a fetch gives what the log says (I14).
//
// At the end faults stop, and all live members must meet in one stable generation, everyone answered.

import { groupPorts } from '../world/group-ports.ts'
import { groupRecords } from '../../broker/coordinator/group/records.ts'
import { defaultGroupConfig, type GroupConfig } from '../../broker/coordinator/group/config.ts'
import type { Fact, Note } from '../../broker/coordinator/group/facts.ts'
import { recordOf } from '../../broker/coordinator/group/classic/facts.ts'
import type { ClassicGroup as Group } from '../../broker/coordinator/group/classic/group.ts'
import { GroupMachine } from '../../broker/coordinator/group/group-machine.ts'
import type * as body from '../../broker/coordinator/group/messages.ts'
import type { Decision, Machine, ProducerStamp, RequestId } from '../../broker/coordinator/machine.ts'
import { ShardRuntime } from '../../broker/coordinator/runtime.ts'
import { CoordinatorError, type ShardLog } from '../../broker/coordinator/shard-log.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { MemoryShardLog } from '../world/memory-shard-log.ts'
import { Random } from '../world/random.ts'
import { GroupLogModel } from './group-log-model.ts'
import { type ClientWorld, commitRequest, GroupClient, isFencing } from './group-client.ts'

export type GroupShardMachine = Machine<body.Command, Fact, Note, body.Reply>

/** Where a bug can be planted, to see that the world notices. */
export interface Mutation {
  machine?: (machine: GroupMachine) => GroupShardMachine
  log?: (log: MemoryShardLog) => ShardLog
}

const counted = [
  'events',
  'crashes',
  'lostBatches',
  'tornTails',
  'refusedAppends',
  'timedOut',
  'fenced',
  'rebalances',
  'staticJoins',
  'sessionExpiries',
  'offsetExpiries',
  'commits',
  'transactions',
  'fetches',
  'unstable',
  'deletedGroups',
] as const

export type Counters = Record<(typeof counted)[number], number>

export function newCounters(): Counters {
  return Object.fromEntries(counted.map((what) => [what, 0])) as Counters
}

const config: GroupConfig = {
  ...defaultGroupConfig,
  initialRebalanceDelayMs: 1_000,
  maxSize: 6,
  offsetMetadataMaxSize: 32,
  offsetsRetentionMs: 90_000,
  offsetsRetentionCheckIntervalMs: 30_000,
}

export class GroupWorld implements ClientWorld {
  readonly random: Random
  readonly clock = new ManualClock()
  readonly log = new MemoryShardLog({ autoSync: false })
  readonly counters: Counters
  readonly clients: GroupClient[] = []
  shard!: ShardRuntime<body.Command, Fact, Note, body.Reply>
  step = 0
  private readonly mutation: Mutation
  private machine!: GroupMachine
  private model!: GroupLogModel
  private readonly verified = new Map<string, [Group, Group]>()
  /** Highest generation whose assignment was answered, and who owns what in it. */
  private readonly promised = new Map<string, { generation: number; owners: Map<number, string> }>()
  private openTransactions: ProducerStamp[] = []
  private made = 0
  private failure: Error | undefined

  constructor(seed: number, counters: Counters, mutation: Mutation = {}) {
    this.random = new Random(seed)
    this.counters = counters
    this.mutation = mutation
    for (const groupId of ['orders', 'logs']) {
      for (let i = 0; i < 4; i++)
        this.clients.push(new GroupClient(this, groupId, i === 0 ? `${groupId}-static` : null))
    }
  }

  unique(): number {
    return ++this.made
  }

  async start(): Promise<void> {
    this.model = new GroupLogModel(config, this.log.endOffset, (groupId) => this.forgotten(groupId))
    this.machine = new GroupMachine(groupPorts({ config, newUuid: () => `u${this.unique()}` }))
    this.shard = new ShardRuntime({
      machine: this.observed(this.mutation.machine?.(this.machine) ?? this.machine),
      codec: groupRecords,
      log: this.mutation.log?.(this.log) ?? this.log,
      clock: this.clock,
      commitTimeoutMs: config.offsetsCommitTimeoutMs,
      onFailed: (error) => this.fail(error),
    })
    await this.shard.load()
    this.verified.clear()
  }

  /** Runs `events` events, then heals and waits for convergence. Throws on the first broken invariant. */
  async run(events: number): Promise<void> {
    await this.start()
    for (this.step = 0; this.step < events; this.step++) {
      await this.event()
      // One turn: everyone who was answered has heard it.
      await turn()
      this.check()
    }
    this.counters.events += events
    await this.converge()
  }

  /** Sends a command; `heard` gets the body or the error code that the facade would answer with. */
  send<Body extends body.Reply>(command: body.Command, heard: (reply: Body | number) => void): void {
    const shard = this.shard
    shard.submit(command).then(
      (reply) => this.guarded(() => heard(reply as Body)),
      (error: unknown) => {
        if (!(error instanceof CoordinatorError)) this.fail(error as Error)
        else if (error.errorCode === errorCodes.REQUEST_TIMED_OUT) this.counters.timedOut++
        this.guarded(() => heard(error instanceof CoordinatorError ? error.errorCode : -1))
      },
    )
  }

  group(groupId: string): Group | undefined {
    return this.machine.group(groupId)
  }

  promisedGeneration(groupId: string): number {
    return this.promised.get(groupId)?.generation ?? -1
  }

  /** A JoinGroup was answered with a generation. */
  joined(groupId: string, generation: number): void {
    this.counters.rebalances++
    const promised = this.promisedGeneration(groupId)
    this.expect(generation >= promised, `${groupId}: generation ${generation} after ${promised} was promised`)
  }

  /** A SyncGroup was answered: these partitions are this owner's in this generation. */
  assigned(groupId: string, generation: number, owner: string, partitions: readonly number[]): void {
    let promised = this.promised.get(groupId)
    if (promised === undefined || promised.generation < generation) {
      promised = { generation, owners: new Map() }
      this.promised.set(groupId, promised)
    }
    // An answer that was on its way while the next generation began.
    if (promised.generation > generation) return
    for (const partition of partitions) {
      const other = promised.owners.get(partition) ?? owner
      this.expect(
        other === owner,
        `${groupId} ${generation}: partition ${partition} of ${other} and ${owner}`,
      )
      promised.owners.set(partition, owner)
    }
  }

  /** Sends a commit; the answer must wait until it cannot be lost. */
  commit(request: body.OffsetCommitRequest, mustFail: boolean, heard: (errorCode: number) => void): void {
    this.send<body.OffsetCommitResponse>({ kind: 'commit', request, apiVersion: 8 }, (reply) => {
      const errorCode = typeof reply === 'number' ? reply : (reply.topics[0]?.partitions[0]?.errorCode ?? -1)
      if (errorCode === errorCodes.NONE) {
        this.counters.commits++
        this.expect(!mustFail, `${request.memberId} of a past generation has committed`)
        this.expect(
          this.isSafe(appendedAt),
          `commit answered at ${appendedAt}, safe is ${this.log.highWatermark}`,
        )
      } else if (isFencing(errorCode)) this.counters.fenced++
      heard(errorCode)
    })
    const appendedAt = this.log.endOffset
  }

  commitInTransaction(request: Omit<body.TxnOffsetCommitRequest, 'producerId' | 'producerEpoch'>): void {
    const producer: ProducerStamp = { producerId: BigInt(this.unique()), producerEpoch: 0 }
    const command = { kind: 'txnCommit', request: { ...request, ...producer }, apiVersion: 3 } as const
    this.send<body.TxnOffsetCommitResponse>(command, () => {})
    this.openTransactions.push(producer)
  }

  /** Fetches one offset; what comes must be what the log said when it was asked, and safe by then. */
  fetch(groupId: string, topic: string, partition: number, requireStable: boolean): void {
    const topics = [{ name: topic, topicId: '', partitionIndexes: [partition] }]
    const group = { groupId, memberId: null, memberEpoch: -1, topics }
    const key = `${groupId} ${topic}-${partition}`
    const expected = this.model.valueOf(groupId, topic, partition)
    const open = requireStable && this.model.isPending(groupId, topic, partition)
    const askedAt = this.log.endOffset
    this.send<body.OffsetFetchGroupResult>({ kind: 'fetch', group, requireStable }, (reply) => {
      if (typeof reply === 'number') return
      this.counters.fetches++
      const found = reply.topics[0]?.partitions[0]
      this.expect(this.isSafe(askedAt), `fetch answered at ${askedAt}, safe is ${this.log.highWatermark}`)
      this.expect(
        (found?.errorCode === errorCodes.UNSTABLE_OFFSET_COMMIT) === open,
        `${key}: error ${found?.errorCode} while ${open ? 'a' : 'no'} transaction is open`,
      )
      if (open) this.counters.unstable++
      else
        this.expect(found?.committedOffset === expected, `${key}: ${found?.committedOffset}, not ${expected}`)
    })
  }

  expect(holds: boolean, otherwise: string): void {
    if (!holds) throw new Error(otherwise)
  }

  private async event(): Promise<void> {
    const { random, log } = this
    const dice = random.below(1000)
    if (dice < 620) random.pick(this.clients).act()
    else if (dice < 800) log.sync(random.between(1, 3))
    else if (dice < 880)
      this.clock.tick(random.chance(0.1) ? random.between(5_000, 25_000) : random.between(1, 2_000))
    else if (dice < 920) this.endTransaction()
    else if (dice < 950) this.simpleCommit()
    else if (dice < 970) this.fetch('simple', 'topic', random.below(3), random.chance(0.5))
    else if (dice < 980) this.refuseAppend()
    else if (dice < 984) this.forget()
    else if (dice < 992) random.pick(this.clients).die()
    else await this.crash()
  }

  private refuseAppend(): void {
    this.log.refuseAppends = 1
    this.counters.refusedAppends++
  }

  private endTransaction(): void {
    const producer = this.openTransactions.shift()
    if (producer === undefined) return
    this.log.refuseAppends = 0
    this.log.appendMarker(producer, this.random.chance(0.6))
    this.counters.transactions++
  }

  private simpleCommit(): void {
    const partition = this.random.below(3)
    this.commit(commitRequest('simple', { partition, value: BigInt(this.unique()) }), false, () => {})
  }

  private forget(): void {
    if (this.random.chance(0.5)) {
      const deleted = [{ topic: 'topic', partitions: [0, 1, 2] }]
      this.send({ kind: 'partitionsDeleted', deleted }, () => {})
    } else this.send({ kind: 'delete', groupId: this.random.pick(['orders', 'logs', 'simple']) }, () => {})
  }

  private async crash(): Promise<void> {
    const unsynced = this.log.unsyncedBatches
    const kept = this.random.between(0, unsynced)
    this.shard.close(errorCodes.NOT_COORDINATOR)
    this.expect(this.shard.unanswered === 0, `${this.shard.unanswered} requests died unanswered`)
    this.counters.crashes++
    this.counters.lostBatches += this.log.crash(kept)
    if (kept > 0 && kept < unsynced) this.counters.tornTails++
    this.log.refuseAppends = 0
    await this.start()
  }

  private check(): void {
    if (this.failure !== undefined) throw this.failure
    if (this.model.follow(this.log)) {
      const [live, logged] = [this.machine.describeOffsets(), this.model.replay.describeOffsets()]
      this.same('committed offsets', live.committed, logged.committed)
      this.same('pending offsets', live.pending, logged.pending)
      for (const { groupId } of this.model.replay.allGroups()) {
        this.expect(this.machine.group(groupId) !== undefined, `${groupId} is in the log only`)
      }
    }
    for (const live of this.machine.allGroups()) if (live.type === 'classic') this.checkGroup(live as Group)
  }

  private checkGroup(live: Group): void {
    const logged = this.model.replay.group(live.groupId)
    if (logged === undefined) throw new Error(`group ${live.groupId} is not in the log`)
    const last = this.verified.get(live.groupId)
    if (last !== undefined && last[0] === live && last[1] === logged) return
    const promised = this.promisedGeneration(live.groupId)
    this.expect(live.generationId >= promised, `${live.groupId}: ${live.generationId} < promised ${promised}`)
    if (live.state === 'Stable' || live.state === 'Empty') {
      const [a, b] = [live, logged].map((group) => JSON.stringify({ state: group.state, ...recordOf(group) }))
      this.expect(a === b, `group ${live.groupId} differs from the log:\n${a}\n${b}`)
    }
    this.verified.set(live.groupId, [live, logged])
  }

  private same(what: string, live: string[], logged: string[]): void {
    const [a, b] = [live.join('\n'), logged.join('\n')]
    this.expect(a === b, `${what} differ from the log:\nlive:\n${a}\nlog:\n${b}`)
  }

  /** A group is gone from the log: the next of its name begins anew. */
  private forgotten(groupId: string): void {
    this.promised.delete(groupId)
    this.verified.delete(groupId)
    this.counters.deletedGroups++
  }

  private isSafe(end: bigint): boolean {
    return this.log.highWatermark >= end
  }

  private async converge(): Promise<void> {
    this.log.refuseAppends = 0
    this.log.autoSync = true
    this.log.sync()
    while (this.openTransactions.length > 0) this.endTransaction()
    await this.settle()
    // One consumer of each group dies for good, and nobody tells the others.
    for (const groupId of ['orders', 'logs']) {
      this.random.pick(this.clients.filter((client) => client.groupId === groupId)).retire()
    }
    await this.settle()
    this.expect(this.shard.unanswered === 0, `${this.shard.unanswered} requests were never answered`)
    this.shard.close()
    this.expect(this.clock.timersSet === 0, `${this.clock.timersSet} timers outlive the shard`)
  }

  private async settle(): Promise<void> {
    const alive = this.clients.filter((client) => !client.isRetired)
    const sizes = new Map<string, number>()
    for (const { groupId } of alive) sizes.set(groupId, (sizes.get(groupId) ?? 0) + 1)
    const settled = (client: GroupClient): boolean => client.isSettled(sizes.get(client.groupId) ?? 0)
    for (let round = 0; round < 200 && !alive.every(settled); round++) {
      this.clock.tick(1_000)
      for (const client of alive) client.goOn()
      await turn()
      await turn()
      this.check()
    }
    for (const client of alive) this.expect(settled(client), `never settled: ${client.describe()}`)
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

  /** Counts what expired on its way through. */
  private observed(machine: GroupShardMachine): GroupShardMachine {
    const { counters } = this
    return {
      decide(command, requestId: RequestId, nowMs): Decision<Fact, Note, body.Reply> {
        const decision = machine.decide(command, requestId, nowMs)
        if (command.kind === 'sessionExpired' && decision.notes.length > 0) counters.sessionExpiries++
        if (command.kind === 'expireOffsets' && decision.facts.length > 0) counters.offsetExpiries++
        return decision
      },
      apply: (change, producer) => machine.apply(change, producer),
      completeTransaction: (producer, committed) => machine.completeTransaction(producer, committed),
      expired: (key) => machine.expired(key),
      timersAfterReplay: (nowMs) => machine.timersAfterReplay(nowMs),
    }
  }
}

/** Everyone whose answer is there has heard it. */
function turn(): Promise<void> {
  return Promise.resolve()
}
