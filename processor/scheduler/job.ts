// The job at work: carries out what the machine decides and tells it what came of it. Owns the order of
// planning and running, never the time at which they happen.

import type { Clock, Timer } from '../../broker/time/clock.ts'
import type { BatchPlan, CommitProtocol, Recovered } from '../graph/contracts/commit.ts'
import { placeText, type PoisonPolicy } from '../graph/contracts/poison.ts'
import type { BatchStamp } from '../graph/contracts/rows.ts'
import type { OffsetRange } from '../graph/contracts/source.ts'
import type { StateCodec } from '../graph/contracts/state.ts'
import type { Graph } from '../graph/graph.ts'
import { CancelledError } from '../graph/errors.ts'
import { showDirectory } from '../sink/part-files.ts'
import type { Backpressure } from './backpressure.ts'
import { BatchRecord } from './batch-record.ts'
import { BatchError } from './errors.ts'
import type { Execution } from './execution.ts'
import { isolated } from './isolated-state.ts'
import type { DataLossInfo, InputInfo, ListenerBus } from './listener.ts'
import { BatchMachine, type Action, type Event } from './machine.ts'
import { positionsAfter, resume, type DowntimeBatches, type Resumption } from './recovery.ts'
import { OutputSlots } from './output-slots.ts'
import { runBatch } from './run-batch.ts'

export interface JobOptions {
  readonly appName: string
  readonly graph: Graph
  readonly clock: Clock
  readonly listeners: ListenerBus
  readonly warn: (message: string) => void
  readonly execution: Execution
  readonly maxPendingBatches: number
  /** Batches that may run side by side; above 1 the graph must allow it. */
  readonly concurrentJobs: number
  readonly downtimeBatches: DowntimeBatches
  /** undefined: inputs give what their own limits allow. */
  readonly backpressure: Backpressure | undefined
  readonly maxPoisonRecordsPerBatch: number
  /** How state without a codec is copied, where batches may run again. */
  readonly plainCodec: StateCodec<unknown>
  /** How long a graceful stop may take before it gives up what is left. */
  readonly gracefulStopTimeoutMs: number
}

export class Job {
  /** Settles when the job has ended: with the error that ended it, where one did. */
  readonly ended: Promise<void>
  private readonly options: JobOptions
  private readonly machine: BatchMachine
  private readonly slots: OutputSlots
  private readonly batches = new Map<number, BatchRecord>()
  /** Committed batches whose plans are still kept. */
  private kept: BatchStamp[] = []
  private protocol: CommitProtocol | undefined
  /** Resolves when all batches that have begun to run are committed; rejects when one of them is not. */
  private committed: Promise<void> = Promise.resolve()
  private timer: Timer | undefined
  private stopTimer: Timer | undefined
  private unsubscribers: (() => void)[] = []
  private failure: { error: unknown } | undefined
  private settle!: { resolve: () => void; reject: (error: unknown) => void }

  constructor(options: JobOptions) {
    this.options = options
    this.machine = new BatchMachine({
      intervalMs: options.graph.intervalMs,
      maxPending: options.maxPendingBatches,
      maxRunning: options.concurrentJobs,
    })
    this.slots = new OutputSlots(options.concurrentJobs)
    this.ended = new Promise((resolve, reject) => (this.settle = { resolve, reject }))
    // A job that nobody waits for must not bring the process down; the error is kept for who asks later.
    this.ended.catch(() => {})
  }

  get isActive(): boolean {
    return this.machine.phase !== 'initialized' && this.machine.phase !== 'stopped'
  }

  /** Resolves when the first batch can be planned. Throws what makes the job impossible; it has ended then. */
  async start(protocol: CommitProtocol): Promise<void> {
    const { graph, clock, listeners, concurrentJobs } = this.options
    this.protocol = protocol
    try {
      graph.freeze({ durable: protocol.durable, sideBySide: concurrentJobs > 1 })
      if (protocol.durable) this.warnOfUnnamed()
      await this.options.execution.open(protocol)
      const resumption = await this.recover()
      for (const { driver } of graph.inputs) {
        this.unsubscribers.push(driver.onAdvance(() => this.on({ type: 'moved' })))
      }
      listeners.post((listener) => listener.onStreamingStarted?.(clock.now()))
      for (const batch of this.batches.values())
        listeners.post((listener) => listener.onBatchSubmitted?.(batch.info))
      this.on({ type: 'started', ...resumption })
    } catch (error) {
      this.failure = { error }
      await this.end()
      throw error
    }
  }

  /** The job cannot even begin. */
  async refuse(error: unknown): Promise<void> {
    this.failure = { error }
    await this.end()
  }

  /** Resolves when the job has ended, however it did. */
  stop(graceful: boolean): Promise<void> {
    if (!graceful || !this.isActive) this.on({ type: 'stopAsked', graceful })
    else if (this.stopTimer === undefined) void this.drain()
    return this.ended.catch(() => {})
  }

  // Inputs first, so that the last batch has what they had taken in (as Spark stops its receivers first).
  private async drain(): Promise<void> {
    const { clock, graph, warn, gracefulStopTimeoutMs } = this.options
    this.stopTimer = clock.setTimer(gracefulStopTimeoutMs, () => {
      warn(
        `the graceful stop was given up after ${gracefulStopTimeoutMs} ms; what is left is for the next start`,
      )
      this.on({ type: 'stopAsked', graceful: false })
    })
    for (const { id, driver } of graph.inputs) {
      if (driver.drain === undefined) continue
      try {
        await driver.drain()
      } catch (error) {
        warn(`${id}: could not be drained: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    this.on({ type: 'stopAsked', graceful: true })
  }

  private warnOfUnnamed(): void {
    for (const { id, state, isNamed } of this.options.graph.nodes) {
      if (state === undefined || isNamed) continue
      this.options.warn(
        `${id}: its state is kept under a name that depends on its place in the program; give it a name of its own`,
      )
    }
  }

  // What an operator has is not overwritten, nor put together with what it should have begun with. Said once: from its
  // next batch on the operator has begun.
  private warnOfLateBeginnings({ keys = new Map<string, number>() }: Recovered): void {
    for (const { id, parents } of this.options.graph.nodes) {
      const initial = parents.find(({ kind }) => kind === 'initialState')
      const has = keys.get(id) ?? 0
      if (initial === undefined || has === 0 || keys.has(initial.id)) continue
      this.options.warn(
        `${id}: it has state already (${has} keys): its initial state is not read, now or later`,
      )
    }
  }

  // What is skipped is lost: never silently.
  private warnOfLeftOut({ plan: { batchId }, poison }: BatchRecord): void {
    for (const record of poison) {
      const { operator, error } = record
      const reason = error instanceof Error ? error.message : String(error)
      this.options.warn(`batch ${batchId} left out ${placeText(record)}: ${operator}: ${reason}`)
    }
  }

  private async recover(): Promise<Resumption> {
    const { appName, graph, clock, downtimeBatches, plainCodec } = this.options
    const protocol = this.openProtocol
    const { intervalMs, hasWindows } = graph
    const inputs = graph.inputs.map(({ id, driver: { description, isForeign = false } }) => ({
      id,
      description,
      isForeign,
    }))
    const recovered = await protocol.recover({ appName, intervalMs, inputs, operators: graph.stateOperators })
    const resumption = resume(recovered, clock.now(), { intervalMs, hasWindows, downtimeBatches })
    if (recovered === undefined) protocol.begun(resumption.zeroMs)
    else this.warnOfLateBeginnings(recovered)
    await graph.open(
      resumption.zeroMs,
      this.onPoison.size === 0 ? protocol.state : isolated(protocol.state, plainCodec),
    )
    await this.settleFiles(recovered)
    await this.startInputs(recovered, resumption)
    await this.options.execution.start(resumption.zeroMs, this.onPoison.size > 0)
    return resumption
  }

  private async settleFiles(recovered: Recovered | undefined): Promise<void> {
    const { appName, graph, warn } = this.options
    const { lastCommitted, lastDecided = lastCommitted, putAside } = recovered ?? { putAside: [] }
    const { batchId: lastBatchId = 0, timeMs: lastTimeMs } = lastDecided ?? {}
    for (const { id, files } of graph.outputs) {
      await files?.settle({ appName, operatorId: id, lastBatchId, lastTimeMs, putAside })
    }
    // An output that the program has no more, or that writes no files any more: what it wrote counts all the same.
    const ids = new Set(graph.outputs.flatMap(({ id, files }) => (files === undefined ? [] : id)))
    for (const entry of putAside ?? []) if (!ids.has(entry.operatorId)) await showDirectory(entry)
    if (putAside === undefined && lastBatchId > (lastCommitted?.batchId ?? 0) && ids.size > 0) {
      warn(
        `where batch ${lastBatchId}, which counts, has written its files is not known any more: ` +
          `they are written again unless they are where the program writes now`,
      )
    }
  }

  private async startInputs(
    recovered: Recovered | undefined,
    { pending, history }: Resumption,
  ): Promise<void> {
    const lastMs = recovered?.lastCommitted?.timeMs ?? 0
    const { graph, listeners } = this.options
    this.limitIntake()
    for (const { id, driver } of graph.inputs) {
      driver.reportsTo?.((event, status) =>
        listeners.post((listener) => listener[event]?.({ input: id, ...status })),
      )
      driver.onDataLoss?.((lost) => this.lost({ input: id, ...lost }))
      await driver.start(positionsAfter(recovered?.positions[id] ?? [], pending, id))
    }
    for (const [timeMs, atMs] of recovered?.leftOutLater ?? []) graph.wasLeftOut(timeMs, atMs)
    for (const plan of history) {
      const { inputs } = this.restore(plan).info
      // What is left of a batch is less than what was summed up of it.
      const isLess = Object.entries(inputs).some(
        ([id, { ranges }]) => rowsOf(ranges) < rowsOf(plan.inputs[id] ?? []),
      )
      if (isLess) graph.wasLeftOut(plan.timeMs, lastMs + 1)
      this.kept.push({ batchId: plan.batchId, timeMs: plan.timeMs })
    }
    for (const plan of pending) this.batches.set(plan.batchId, this.restore(plan))
  }

  // What a receiver stores, too, and not only what a batch takes of it: the rest would pile up where it is kept.
  private limitIntake(): void {
    const { graph, backpressure } = this.options
    for (const { id, driver } of graph.inputs) {
      const rate = backpressure?.rate(id)
      if (rate !== undefined) driver.limitIntake?.(rate)
    }
  }

  private lost(lost: DataLossInfo): void {
    const { input, topic, partition, from, until } = lost
    this.options.warn(
      `${input}: rows ${from} to ${until} of ${topic}-${partition} were deleted before they were read; the job goes on without them`,
    )
    this.options.listeners.post((listener) => listener.onDataLoss?.(lost))
  }

  // An input that the program had not yet when the plan was made has no rows in it.
  private restore(plan: BatchPlan): BatchRecord {
    const { graph, clock } = this.options
    graph.addTime(plan.timeMs)
    const inputs: Record<string, InputInfo> = {}
    for (const { id, driver } of graph.inputs) {
      const { records, ranges } = driver.restore(plan.timeMs, plan.inputs[id] ?? [])
      inputs[id] = { description: driver.description, records, ranges }
    }
    return new BatchRecord(plan, inputs, clock.now())
  }

  private on(event: Event): void {
    this.machine.apply(event)
    const { clock } = this.options
    for (let action = this.machine.decide(clock.now()); action; action = this.machine.decide(clock.now())) {
      this.machine.apply({ type: 'begun', action })
      this.perform(action)
    }
  }

  private perform(action: Action): void {
    const { clock, execution } = this.options
    switch (action.type) {
      case 'plan':
        void this.attempt(action.batch, () => this.plan(action.batch, action.mayBeEmpty))
        return
      case 'run':
        void this.attempt(action.batch, () => this.run(action.batch))
        return
      case 'wake':
        this.timer?.cancel()
        this.timer = clock.setTimer(Math.max(0, action.atMs - clock.now()), () => this.on({ type: 'woke' }))
        return
      case 'cancel':
        execution.cancel()
        return
      case 'end':
        void this.end()
    }
  }

  private async attempt(batch: BatchStamp, work: () => Promise<Event>): Promise<void> {
    let event: Event
    try {
      event = await work()
    } catch (error) {
      // To be cancelled is not to fail; of several failures the first is told.
      if (!isCancelled(error)) {
        const { inputs = {} } = this.batches.get(batch.batchId)?.plan ?? {}
        this.failure ??= { error: new BatchError(batch, inputs, error) }
      }
      event = { type: 'failed', batchId: batch.batchId }
    }
    this.on(event)
  }

  // Inputs are asked one after the other; the plan is durable before the batch is queued.
  private async plan({ batchId, timeMs }: BatchStamp, mayBeEmpty: boolean): Promise<Event> {
    const { graph, clock, listeners, backpressure } = this.options
    const inputs: Record<string, InputInfo> = {}
    const ranges: Record<string, readonly OffsetRange[]> = {}
    let more = false
    for (const { id, driver } of graph.inputs) {
      const planned = await driver.plan(timeMs, graph.intervalMs, backpressure?.maxRows(id))
      inputs[id] = { description: driver.description, records: planned.records, ranges: planned.ranges }
      ranges[id] = planned.ranges
      more ||= planned.more
    }
    const plan: BatchPlan = { batchId, timeMs, inputs: ranges }
    const batch = new BatchRecord(plan, inputs, clock.now())
    if (!mayBeEmpty && batch.info.records === 0) {
      for (const { driver } of graph.inputs) driver.release(timeMs)
      return { type: 'nothingToPlan' }
    }
    await this.openProtocol.plan(plan)
    graph.addTime(timeMs)
    this.batches.set(batchId, batch)
    listeners.post((listener) => listener.onBatchSubmitted?.(batch.info))
    return { type: 'planned', more }
  }

  private async run({ batchId, timeMs }: BatchStamp): Promise<Event> {
    const batch = this.batches.get(batchId)
    if (batch === undefined) throw new Error(`batch ${batchId} is to run, but was never planned`)
    const { backpressure, execution, concurrentJobs } = this.options
    execution.mayRun()
    const { slots, onPoison } = this
    const world = { ...this.options, protocol: this.openProtocol, onPoison, slots }
    // Called by rising batch id, so that this is what comes before in the order of commits.
    const turn = concurrentJobs > 1 ? this.committed : undefined
    const running = runBatch(world, batch, turn)
    this.committed = running
    await running
    this.batches.delete(batchId)
    backpressure?.completed(batch.info)
    this.limitIntake()
    this.warnOfLeftOut(batch)
    this.forget({ batchId, timeMs })
    return { type: 'finished', batchId }
  }

  private forget(committed: BatchStamp): void {
    const { graph } = this.options
    this.kept.push(committed)
    const untilMs = graph.forgottenUntil(committed.timeMs)
    const forgotten = this.kept.findLast(({ timeMs }) => timeMs <= untilMs)
    if (forgotten === undefined) return
    this.openProtocol.forget(forgotten.batchId)
    this.kept = this.kept.filter(({ batchId }) => batchId > forgotten.batchId)
  }

  private async end(): Promise<void> {
    this.machine.apply({ type: 'begun', action: { type: 'end' } })
    this.timer?.cancel()
    this.stopTimer?.cancel()
    for (const unsubscribe of this.unsubscribers) unsubscribe()
    const closing = this.options.graph.inputs.map(
      ({ driver }) =>
        () =>
          driver.stop(),
    )
    closing.push(() => this.options.execution.close())
    closing.push(() => Promise.resolve(this.options.graph.close()))
    closing.push(() => this.protocol?.close() ?? Promise.resolve())
    for (const close of closing) {
      try {
        await close()
      } catch (error) {
        this.failure ??= { error }
      }
    }
    if (this.failure === undefined) this.settle.resolve()
    else this.settle.reject(this.failure.error)
  }

  /** Inputs whose poison records do not end the job. */
  private get onPoison(): ReadonlyMap<string, PoisonPolicy> {
    const policies = this.options.graph.inputs.map(
      ({ id, driver }) => [id, driver.onPoison ?? 'fatal'] as const,
    )
    return new Map(policies.filter(([, policy]) => policy !== 'fatal'))
  }

  private get openProtocol(): CommitProtocol {
    if (this.protocol === undefined) throw new Error('the job has not been started')
    return this.protocol
  }
}

function rowsOf(ranges: readonly OffsetRange[]): bigint {
  return ranges.reduce((sum, { from, until }) => sum + until - from, 0n)
}

function isCancelled(error: unknown): boolean {
  if (error instanceof CancelledError) return true
  return error instanceof Error && error.cause !== undefined && isCancelled(error.cause)
}
