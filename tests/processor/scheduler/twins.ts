// A topic and a checkpoint that outlive the job, in memory: what the scheduler is tested against. Both
// are strict: reading what is not pinned, or a step out of order, throws. A crash is an error at one step,
// after which the instance that crashed can do nothing more.

import { MemoryStatePartition } from '../../../processor/executor/memory-state.ts'
import type { BatchPlan, CommitProtocol, Recovered } from '../../../processor/graph/contracts/commit.ts'
import type { BatchOutput, OutputRecord } from '../../../processor/graph/contracts/output.ts'
import type { Emit, RowReader } from '../../../processor/graph/contracts/rows.ts'
import type {
  OffsetRange,
  PlanLimits,
  Source,
  SourcePlan,
  SourcePosition,
} from '../../../processor/graph/contracts/source.ts'
import type { StateOperator, StatePartition, StateStore } from '../../../processor/graph/contracts/state.ts'
import { partitionOf, type Key } from '../../../processor/graph/key.ts'
import { ArrayReader } from '../../../processor/rdd/array-reader.ts'

export class TwinTopic {
  readonly partitions: string[][]
  readonly callbacks = new Set<() => void>()

  constructor(partitions: string[][]) {
    this.partitions = partitions
  }

  append(partition: number, ...rows: string[]): void {
    ;(this.partitions[partition] as string[]).push(...rows)
    for (const callback of this.callbacks) callback()
  }
}

export class TwinSource implements Source<string> {
  readonly description = 'lines'
  readonly pinned = new Map<string, number>()
  private readonly topic: TwinTopic
  private readonly rowsPerPartition: number
  private readonly onRead: () => void
  private positions: bigint[] | undefined

  constructor(topic: TwinTopic, rowsPerPartition = Number.MAX_SAFE_INTEGER, onRead: () => void = () => {}) {
    this.topic = topic
    this.rowsPerPartition = rowsPerPartition
    this.onRead = onRead
  }

  start(positions: readonly SourcePosition[]): void {
    this.positions = this.topic.partitions.map(
      (_, i) => positions.find(({ partition }) => partition === i)?.offset ?? 0n,
    )
  }

  plan(_limits: PlanLimits): SourcePlan {
    if (this.positions === undefined) throw new Error('planned before start')
    const ranges = this.positions.map((from, partition): OffsetRange => {
      const end = BigInt((this.topic.partitions[partition] as string[]).length)
      const limit = from + BigInt(this.rowsPerPartition)
      return { topic: 'lines', topicId: 'ab', partition, from, until: limit < end ? limit : end }
    })
    this.positions = ranges.map(({ until }) => until)
    this.restore(ranges)
    const more = ranges.some(
      ({ partition, until }) => until < (this.topic.partitions[partition] as string[]).length,
    )
    return { ranges, more }
  }

  restore(ranges: readonly OffsetRange[]): readonly OffsetRange[] {
    for (const range of ranges) this.pinned.set(text(range), (this.pinned.get(text(range)) ?? 0) + 1)
    return ranges
  }

  rows(range: OffsetRange, emit: Emit<string>): RowReader {
    this.onRead()
    if (!this.pinned.has(text(range))) throw new Error(`${text(range)} is read but not pinned`)
    const rows = this.topic.partitions[range.partition] as string[]
    return new ArrayReader(rows.slice(Number(range.from), Number(range.until)), emit)
  }

  release(ranges: readonly OffsetRange[]): void {
    for (const range of ranges) {
      const count = this.pinned.get(text(range))
      if (count === undefined) throw new Error(`${text(range)} is released but not pinned`)
      if (count === 1) this.pinned.delete(text(range))
      else this.pinned.set(text(range), count - 1)
    }
  }

  onAdvance(callback: () => void): () => void {
    this.topic.callbacks.add(callback)
    return () => void this.topic.callbacks.delete(callback)
  }

  stop(): void {}
}

function text({ partition, from, until }: OffsetRange): string {
  return `${partition}:${from}-${until}`
}

export class Crash extends Error {}

/** What survives: the "disk" and the "log" in one. */
export class TwinDisk {
  zeroTimeMs: number | undefined
  intervalMs: number | undefined
  committed: { batchId: number; timeMs: number } | undefined
  positions: Record<string, SourcePosition[]> = {}
  plans: BatchPlan[] = []
  state = new Map<string, Map<Key, unknown>>()
  records: string[] = []
  /** Called at every step; throwing is the crash. */
  step: (name: string) => void = () => {}
}

export class TwinProtocol implements CommitProtocol {
  readonly durable = true
  readonly state: StateStore
  private readonly disk: TwinDisk
  private readonly operators = new Map<string, MemoryStatePartition<unknown>[]>()
  private output: string[] = []
  private open: BatchPlan | undefined
  private dead = false

  constructor(disk: TwinDisk) {
    this.disk = disk
    this.state = { open: (operator) => this.openState(operator) }
  }

  recover(job: { intervalMs: number | undefined }): Promise<Recovered | undefined> {
    this.step('recover')
    const { zeroTimeMs, intervalMs, committed, positions, plans } = this.disk
    this.disk.intervalMs = job.intervalMs
    if (zeroTimeMs === undefined) return Promise.resolve(undefined)
    const last = committed?.batchId ?? 0
    return Promise.resolve({
      zeroTimeMs,
      intervalMs,
      lastCommitted: committed,
      positions: structuredClone(positions),
      pending: plans.filter(({ batchId }) => batchId > last),
      history: plans.filter(({ batchId }) => batchId <= last),
    })
  }

  begun(zeroTimeMs: number): void {
    this.disk.zeroTimeMs = zeroTimeMs
  }

  async plan(plan: BatchPlan): Promise<void> {
    await Promise.resolve()
    this.step('plan')
    const last = this.disk.plans.at(-1)?.batchId ?? this.disk.committed?.batchId ?? 0
    if (plan.batchId !== last + 1) throw new Error(`planned ${plan.batchId} after ${last}`)
    this.disk.plans.push(plan)
    this.step('planned')
  }

  async begin(plan: BatchPlan): Promise<BatchOutput> {
    await Promise.resolve()
    this.step('begin')
    if (!this.disk.plans.includes(plan)) throw new Error(`batch ${plan.batchId} began without a durable plan`)
    if (plan.batchId !== (this.disk.committed?.batchId ?? 0) + 1)
      throw new Error(`batch ${plan.batchId} out of turn`)
    this.open = plan
    this.output = []
    const write = (record: OutputRecord) => {
      this.step('write')
      this.output.push(`${plan.batchId} ${String(record.key)}=${String(record.value)}`)
    }
    return { writer: () => Promise.resolve({ write, isFull: false, flush: () => Promise.resolve() }) }
  }

  async commit(plan: BatchPlan): Promise<void> {
    await Promise.resolve()
    this.step('commit')
    if (this.open !== plan)
      throw new Error(`batch ${plan.batchId} commits, but ${this.open?.batchId} is open`)
    for (const [id, partitions] of this.operators) {
      const values = new Map<Key, unknown>()
      for (const partition of partitions) {
        for (const _ of partition.apply());
        for (const cursor = partition.current(); cursor.next(); ) values.set(cursor.key, cursor.value)
      }
      this.disk.state.set(id, values)
    }
    for (const [id, ranges] of Object.entries(plan.inputs)) {
      this.disk.positions[id] = ranges.map(({ until, ...range }) => ({ ...range, offset: until }))
    }
    this.disk.records.push(...this.output.toSorted())
    this.disk.committed = { batchId: plan.batchId, timeMs: plan.timeMs }
    this.open = undefined
    this.step('committed')
  }

  abort(): Promise<void> {
    if (!this.dead) for (const each of [...this.operators.values()].flat()) for (const _ of each.drop());
    return Promise.resolve()
  }

  forget(throughBatchId: number): void {
    if (throughBatchId > (this.disk.committed?.batchId ?? 0))
      throw new Error('forgets a batch before its commit')
    this.disk.plans = this.disk.plans.filter(({ batchId }) => batchId > throughBatchId)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  private openState<S>(operator: StateOperator<S>): Promise<readonly StatePartition<S>[]> {
    const partitions = Array.from({ length: operator.partitions }, () => new MemoryStatePartition<S>())
    for (const [key, value] of this.disk.state.get(operator.id) ?? []) {
      ;(partitions[partitionOf(key, operator.partitions)] as MemoryStatePartition<S>).put(key, value as S)
    }
    for (const partition of partitions) for (const _ of partition.apply());
    this.operators.set(operator.id, partitions as unknown as MemoryStatePartition<unknown>[])
    return Promise.resolve(partitions)
  }

  private step(name: string): void {
    if (this.dead) throw new Crash('already crashed')
    try {
      this.disk.step(name)
    } catch (error) {
      this.dead = true
      throw error
    }
  }
}
