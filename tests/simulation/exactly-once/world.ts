// A job on the real commit protocol, source and sink, over a model log and databases that crash. Each input
// record goes out once, numbered within its key by the key's state; so the output tells whether state, offsets
// and output were ever out of step. A sink outside the log takes each batch id once.

import { Checkpoint } from '../../../processor/checkpoint/checkpoint.ts'
import { CheckpointError } from '../../../processor/checkpoint/store.ts'
import { groupIdOf, transactionalIdOf } from '../../../processor/checkpoint/decision.ts'
import type { BatchPlan, Recovered } from '../../../processor/graph/contracts/commit.ts'
import type { StateOperator, StatePartition } from '../../../processor/graph/contracts/state.ts'
import { partitionOf } from '../../../processor/graph/key.ts'
import { FencedError, type OutputPort, type OutputSession } from '../../../processor/ports.ts'
import { positionsAfter } from '../../../processor/scheduler/recovery.ts'
import { wholeRecords, type TopicRecord } from '../../../processor/source/row-kind.ts'
import { TopicSource } from '../../../processor/source/topic-source.ts'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { ModelLog } from '../../processor/model-log.ts'
import { Random } from '../../world/random.ts'
import type { Counters } from '../worlds.ts'
import { SimulatedStore } from './store.ts'

const APP = 'sim'
const GROUP = groupIdOf(APP)
const INPUTS = 2
const KEYS = 12
/** Windows reach back over as many batches. */
const WINDOW = 2

/** What a planted bug may get at. */
export interface Plant {
  checkpoint?: (checkpoint: Checkpoint) => void
  recovered?: (recovered: Recovered) => Recovered
}

class Crash extends Error {
  constructor(point: string) {
    super(`crash: ${point}`)
    this.name = 'Crash'
  }
}

interface KeyState {
  count: number
  last: string
}

export class World {
  readonly log = new ModelLog()
  private readonly random: Random
  private readonly counters: Counters
  private readonly plant: Plant
  private store = new SimulatedStore()
  private produced = 0
  /** Batch id → ids of its input records: what a sink outside the log has. First writer of an id wins. */
  private readonly external = new Map<number, readonly string[]>()
  private isDamaged = false

  constructor(seed: number, counters: Counters, plant: Plant = {}) {
    this.random = new Random(seed)
    this.counters = counters
    this.plant = plant
    this.log.createTopic('in', INPUTS)
    this.log.createTopic('out', 3)
  }

  async run(lives: number): Promise<void> {
    for (let life = 0; life < lives; life++) {
      this.produce()
      await this.live(this.random.between(1, 5), true)
    }
    // At last nothing fails any more, and everything has to come out.
    this.produce()
    while ((await this.live(4, false)) || this.lag() > 0n);
    this.checkOutput()
    this.check(this.lag() === 0n, `at the end ${this.lag()} rows are left`)
    this.checkExternal()
  }

  /** One instance, from recovery to its end. Returns whether it was ended by a failure. */
  private async live(batches: number, faults: boolean): Promise<boolean> {
    const { random } = this
    const crashAt = faults && random.chance(0.8) ? random.between(1, 14 * batches) : Number.POSITIVE_INFINITY
    const instance = new Instance(this.store, this.log, random, crashAt, (name) => this.count(name))
    let failed = false
    try {
      await this.work(instance, batches, faults)
      if (faults && random.chance(0.15)) return await this.takeOver(instance)
      await instance.close()
      this.count('stopped in order')
      this.isDamaged = false
    } catch (error) {
      failed = true
      this.mustBeExpected(error)
      await instance.close().catch(() => {})
    }
    instance.isDead = true
    if (failed) this.store.crash(random)
    if (failed && faults) this.damage()
    this.checkOutput()
    return failed
  }

  /** The instance goes on, on a copy of its directory, while another one takes its place. */
  private async takeOver(instance: Instance): Promise<boolean> {
    this.count('taken over')
    this.store = this.store.copy()
    this.produce()
    await this.live(2, false)
    const before = JSON.stringify(this.log.values('out'))
    let fenced = false
    try {
      for (let batch = 0; batch < 3; batch++) await this.runNext(instance)
    } catch (error) {
      fenced = error instanceof FencedError || (error as Error).cause instanceof FencedError
      if (!fenced) this.mustBeExpected(error)
    }
    instance.isDead = true
    if (fenced) this.count('zombie fenced')
    this.check(before === JSON.stringify(this.log.values('out')), 'I18: a zombie wrote what readers see')
    this.checkOutput()
    return false
  }

  private async work(instance: Instance, batches: number, faults: boolean): Promise<void> {
    this.plant.checkpoint?.(instance.checkpoint)
    const recovered = await instance.start(this.plant.recovered)
    this.checkRecovered(instance, recovered)
    for (let batch = 0; batch < batches; batch++) {
      if (faults && this.random.chance(0.05)) await this.failOne(instance)
      if (faults && this.random.chance(0.5)) this.produce()
      if (this.random.chance(0.3)) await instance.plan()
      // Planning ahead goes on while a batch runs.
      await Promise.all([
        this.runNext(instance, faults),
        this.random.chance(0.2) ? instance.plan() : undefined,
      ])
      this.checkState(instance)
      this.checkOutput()
    }
  }

  private async runNext(instance: Instance, faults = false): Promise<void> {
    if (instance.queue.length === 0) await instance.plan()
    const plan = instance.queue[0]
    if (plan === undefined) return
    await instance.runBatch(plan, (ids) => {
      // A zombie cannot reach the world outside either: that is the sink's own fencing, by batch id.
      if (!this.external.has(plan.batchId)) this.external.set(plan.batchId, ids)
      if (faults && this.random.chance(0.03) && this.log.timeOut(transactionalIdOf(APP)))
        this.count('timed out')
    })
    this.count('committed')
  }

  /** A user's function fails: the batch is aborted, and the job ends. */
  private async failOne(instance: Instance): Promise<void> {
    if (instance.queue.length === 0) await instance.plan()
    const plan = instance.queue[0]
    if (plan === undefined) return
    this.count('aborted')
    await instance.abortBatch(plan)
    throw new Crash('the job ended with a failed batch')
  }

  private produce(): void {
    const { random, log } = this
    for (let batches = random.between(0, 3); batches > 0; batches--) {
      const partition = random.below(INPUTS)
      const records = Array.from({ length: random.between(1, 6) }, () => {
        // A key lives in one partition, so that its order is given.
        const key = `k${random.below(KEYS / INPUTS) * INPUTS + partition}`
        return { key: Buffer.from(key), value: Buffer.from(`${key}/${++this.produced}`) }
      })
      log.produce('in', partition, records, random.chance(0.3) ? 'gzip' : 'none')
    }
  }

  /** Strikes again only after a life in which all could be made good: two generations outlive one blow. */
  private damage(): void {
    const { random, store } = this
    if (this.isDamaged) return
    if (random.chance(0.15) && store.damage('journal', 'r', random)) {
      this.count('redo record damaged')
      this.isDamaged = true
    }
    const name = random.pick(['state-0', 'state-1'])
    if (random.chance(0.15) && store.damage(name, random.chance(0.5) ? '\xff' : '\0', random)) {
      this.count('generation damaged')
      this.isDamaged = true
    }
  }

  private mustBeExpected(error: unknown): void {
    if (error instanceof Crash || error instanceof FencedError) return
    const cause = error instanceof Error ? error.cause : undefined
    if (cause instanceof Crash || cause instanceof FencedError) return
    if (error instanceof CheckpointError)
      throw new Error(`recovery refused: ${error.message}`, { cause: error })
    throw error
  }

  private lag(): bigint {
    let lag = 0n
    for (const { partition, stableEndOffset } of this.log.partitions.get('in') ?? []) {
      lag += stableEndOffset - this.groupOffset(partition)
    }
    return lag
  }

  private groupOffset(partition: number): bigint {
    return this.log.groups.get(GROUP)?.get(`in-${partition}`)?.offset ?? 0n
  }

  /** Per key, the records of the input that lie below the offsets, in order. */
  private inputsBelow(offsetOf: (partition: number) => bigint): Map<string, string[]> {
    const byKey = new Map<string, string[]>()
    for (const { partition, committed } of this.log.partitions.get('in') ?? []) {
      for (const { offset, key, value } of committed) {
        if (offset >= offsetOf(partition)) continue
        const ids = byKey.get(String(key))
        if (ids === undefined) byKey.set(String(key), [String(value)])
        else ids.push(String(value))
      }
    }
    return byKey
  }

  /** I16 and I17: what readers see is f of what the group's offsets say was read, in order per key. */
  private checkOutput(): void {
    const expected = this.inputsBelow((partition) => this.groupOffset(partition))
    const found = new Map<string, string[]>()
    for (const { committed } of this.log.partitions.get('out') ?? []) {
      for (const { key, value } of committed) {
        const values = found.get(String(key))
        if (values === undefined) found.set(String(key), [String(value)])
        else values.push(String(value))
      }
    }
    for (const key of new Set([...expected.keys(), ...found.keys()])) {
      const ought = (expected.get(key) ?? []).map((id, index) => `${id} ${index + 1}`).join(', ')
      const is = (found.get(key) ?? []).join(', ')
      this.check(is === ought, `I17: the output of ${key} is [${is}] and ought to be [${ought}]`)
    }
  }

  /** I17: state(n) = fold(inputs[0..offsets(n))). */
  private checkState(instance: Instance): void {
    const expected = this.inputsBelow((partition) => instance.committedOffset(partition))
    const found = instance.allState()
    for (const key of new Set([...expected.keys(), ...found.keys()])) {
      const ids = expected.get(key)
      const ought = ids === undefined ? 'nothing' : `${ids.length} ${ids.at(-1)}`
      const state = found.get(key)
      const is = state === undefined ? 'nothing' : `${state.count} ${state.last}`
      this.check(is === ought, `I17: the state of ${key} is ${is} and ought to be ${ought}`)
    }
  }

  private checkRecovered(instance: Instance, recovered: Recovered | undefined): void {
    const decided = Math.max(
      0,
      ...[...(this.log.groups.get(GROUP)?.values() ?? [])].map(({ metadata }) =>
        Number(metadata.split(' ')[3]),
      ),
    )
    const last = recovered?.lastCommitted?.batchId ?? 0
    if (last < decided) this.count('computed again')
    this.check(last >= decided || recovered !== undefined, `recovered nothing, the log decided ${decided}`)
    const history = recovered?.history.map(({ batchId }) => batchId) ?? []
    for (let id = Math.max(1, last - WINDOW + 1); id <= last; id++) {
      this.check(
        history.includes(id),
        `the plan of batch ${id} is gone, and windows behind batch ${last} reach it`,
      )
    }
    this.checkState(instance)
  }

  private checkExternal(): void {
    const found = [...this.external.values()].flat().sort()
    const expected = [...this.inputsBelow((partition) => this.groupOffset(partition)).values()].flat().sort()
    this.check(
      found.join() === expected.join(),
      `the sink outside has ${found.length} records, of ${expected.length}: not each input once`,
    )
  }

  private check(holds: boolean, what: string): void {
    if (!holds) throw new Error(what)
  }

  private count(name: string): void {
    this.counters[name] = (this.counters[name] ?? 0) + 1
  }
}

/** One process of the job, as the scheduler would drive the protocol. */
class Instance {
  readonly checkpoint: Checkpoint
  readonly queue: BatchPlan[] = []
  isDead = false
  private readonly random: Random
  private readonly source: TopicSource<TopicRecord>
  private readonly committed: BatchPlan[] = []
  private state: readonly StatePartition<KeyState>[] = []
  private positions = new Map<number, bigint>()
  private lastPlanned = { batchId: 0, timeMs: 0 }
  private planning: Promise<void> | undefined
  private crashAt: number

  constructor(
    store: SimulatedStore,
    log: ModelLog,
    random: Random,
    crashAt: number,
    count: (name: string) => void,
  ) {
    this.random = random
    this.crashAt = crashAt
    const point = async (name: string) => {
      await Promise.resolve()
      if (this.isDead) throw new Crash(`dead before ${name}`)
      if (--this.crashAt > 0) return
      this.isDead = true
      count(`crashed: ${name.replace(/state-./, 'generation')}`)
      throw new Crash(name)
    }
    this.checkpoint = new Checkpoint({
      directory: 'simulated',
      store: store.handle(point),
      output: crashing(log, point),
      generationLimits: {
        batches: random.between(1, 4),
        bytes: random.between(1, 2000),
        blockBytes: random.between(1, 200),
        writeBytes: random.between(1, 400),
      },
      warn: () => {},
    })
    this.source = new TopicSource({
      views: log,
      topics: 'in',
      rows: wholeRecords,
      startingOffsets: 'earliest',
      clock: new ManualClock(),
    })
  }

  async start(change: ((recovered: Recovered) => Recovered) | undefined): Promise<Recovered | undefined> {
    const operator: StateOperator<KeyState> = {
      id: 'keys',
      partitions: this.random.between(1, 3),
      shape: 'test',
    }
    const job = {
      appName: APP,
      intervalMs: 1000,
      inputs: [{ id: 'in', description: 'in' }],
      operators: [operator as StateOperator],
    }
    let recovered = await this.checkpoint.recover(job)
    if (recovered !== undefined && change !== undefined) recovered = change(recovered)
    if (recovered === undefined) this.checkpoint.begun(0)
    this.state = await this.checkpoint.state.open(operator)
    const positions = recovered?.positions['in'] ?? []
    for (const { partition, offset } of positions) this.positions.set(partition, offset)
    this.source.start(positionsAfter(positions, recovered?.pending ?? [], 'in'))
    for (const plan of recovered?.history ?? []) this.keep(plan)
    for (const plan of recovered?.pending ?? []) {
      this.source.restore(plan.inputs['in'] ?? [])
      this.queue.push(plan)
    }
    this.lastPlanned = recovered?.pending.at(-1) ?? recovered?.lastCommitted ?? { batchId: 0, timeMs: 0 }
    return recovered
  }

  plan(): Promise<void> {
    this.planning = this.planAfter(this.planning)
    return this.planning
  }

  private async planAfter(before: Promise<void> | undefined): Promise<void> {
    await before
    const { ranges } = this.source.plan({ timeMs: 0, intervalMs: 1000, maxRows: this.random.between(1, 9) })
    const batchId = this.lastPlanned.batchId + 1
    const plan = { batchId, timeMs: batchId * 1000, inputs: { in: ranges } }
    await this.checkpoint.plan(plan)
    this.lastPlanned = plan
    this.queue.push(plan)
  }

  async runBatch(plan: BatchPlan, computed: (ids: readonly string[]) => void): Promise<void> {
    computed(await this.compute(plan))
    await this.checkpoint.commit(plan)
    this.queue.shift()
    for (const { partition, until } of plan.inputs['in'] ?? []) this.positions.set(partition, until)
    this.committed.push(plan)
    if (this.committed.length > WINDOW) {
      const forgotten = this.committed.shift() as BatchPlan
      this.source.release(forgotten.inputs['in'] ?? [])
      this.checkpoint.forget(forgotten.batchId)
    }
  }

  async abortBatch(plan: BatchPlan): Promise<void> {
    await this.compute(plan)
    await this.checkpoint.abort(plan)
  }

  committedOffset(partition: number): bigint {
    return this.positions.get(partition) ?? 0n
  }

  allState(): Map<string, KeyState> {
    const all = new Map<string, KeyState>()
    for (const partition of this.state) {
      const cursor = partition.committed()
      while (cursor.next()) all.set(String(cursor.key), cursor.value)
    }
    return all
  }

  async close(): Promise<void> {
    await this.planning?.catch(() => {})
    this.source.stop()
    await this.checkpoint.close()
  }

  private keep(plan: BatchPlan): void {
    this.source.restore(plan.inputs['in'] ?? [])
    this.committed.push(plan)
  }

  private async compute(plan: BatchPlan): Promise<string[]> {
    const output = await this.checkpoint.begin(plan)
    const writer = await output.writer('keys', 'out')
    const ids: string[] = []
    for (const range of plan.inputs['in'] ?? []) {
      const reader = this.source.rows(range, (record) => {
        const key = String(record.key)
        const partition = this.state[partitionOf(key, this.state.length)] as StatePartition<KeyState>
        const count = (partition.get(key)?.count ?? 0) + 1
        partition.put(key, { count, last: String(record.value) })
        writer.write({ key, value: `${String(record.value)} ${count}` })
        ids.push(String(record.value))
      })
      while (reader.read(this.random.between(1, 10)));
      reader.close()
      if (this.random.chance(0.3)) await writer.flush()
    }
    await writer.flush()
    return ids
  }
}

/** The log as an instance reaches it: the instance may die before or after each request. */
function crashing(log: ModelLog, point: (name: string) => Promise<void>): OutputPort {
  const around = async <T>(name: string, act: () => Promise<T>): Promise<T> => {
    await point(`${name} not asked`)
    const answer = await act()
    await point(`${name} done`)
    return answer
  }
  const wrapped = (session: OutputSession): OutputSession => ({
    producerId: session.producerId,
    producerEpoch: session.producerEpoch,
    committedOffsets: (groupId) => around('committedOffsets', () => session.committedOffsets(groupId)),
    begin: () => session.begin(),
    append: (...args) => around('append', () => session.append(...args)),
    commitOffsets: (...args) => around('commitOffsets', () => session.commitOffsets(...args)),
    commit: () => around('decision', () => session.commit()),
    abort: () => around('abort', () => session.abort()),
    close: () => around('close', () => session.close()),
  })
  return {
    open: (id) => around('open', async () => wrapped(await log.open(id))),
    ensureTopic: (topic) => log.ensureTopic(topic),
  }
}
