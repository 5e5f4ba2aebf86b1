// One process of a job on the real commit protocol and source: each input record goes out once, numbered within its
// key by the key's state.

import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { Checkpoint } from '../../../processor/checkpoint/checkpoint.ts'
import type { BatchPlan, Recovered } from '../../../processor/graph/contracts/commit.ts'
import type { StateOperator, StatePartition } from '../../../processor/graph/contracts/state.ts'
import { partitionOf } from '../../../processor/graph/key.ts'
import { positionsAfter } from '../../../processor/scheduler/recovery.ts'
import { wholeRecords, type TopicRecord } from '../../../processor/source/row-kind.ts'
import { TopicSource } from '../../../processor/source/topic-source.ts'
import type { ModelLog } from '../../processor/model-log.ts'
import type { Random } from '../../world/random.ts'
import { crashing, type Lifetime } from './faults.ts'
import { smallGenerations, type SimulatedStore } from './store.ts'

export const APP = 'sim'
/** Windows reach back over as many batches. */
export const WINDOW = 2

export interface KeyState {
  count: number
  last: string
}

/** One process of the job, as the scheduler would drive the protocol. */
export class Instance {
  readonly checkpoint: Checkpoint
  readonly queue: BatchPlan[] = []
  readonly lifetime: Lifetime
  /** Of the operator's rows, another number in each life. */
  readonly partitions: number
  private readonly random: Random
  private readonly source: TopicSource<TopicRecord>
  private readonly committed: BatchPlan[] = []
  private state: readonly StatePartition<KeyState>[] = []
  private positions = new Map<number, bigint>()
  private lastPlanned = { batchId: 0, timeMs: 0 }
  private planning: Promise<void> | undefined

  constructor(store: SimulatedStore, log: ModelLog, random: Random, lifetime: Lifetime) {
    this.random = random
    this.partitions = random.between(1, 3)
    this.lifetime = lifetime
    const point = async (name: string) => {
      await Promise.resolve()
      lifetime.step(name)
    }
    this.checkpoint = new Checkpoint({
      directory: 'simulated',
      store: store.handle(point),
      output: crashing(log, point),
      generationLimits: smallGenerations(random),
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
      partitions: this.partitions,
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
