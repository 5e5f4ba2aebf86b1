// Batches run by worker threads. The driver plans, decides and commits as ever; for each batch it tells all workers
// what to read, and they run the operators of their own copies of the graph, bringing keys together among
// themselves. A worker's death ends the whole pool: another one takes up state and past from where they are durable.

import { CancelledError, GraphError } from '../../graph/errors.ts'
import type { BatchPlan, CommitProtocol } from '../../graph/contracts/commit.ts'
import type { BatchOutput } from '../../graph/contracts/output.ts'
import type { RecordPlace } from '../../graph/contracts/poison.ts'
import type { Graph } from '../../graph/graph.ts'
import { partitionerIn } from '../../graph/lies-by.ts'
import type { OutputNode, OutputScope, StreamNode } from '../../graph/node.ts'
import type { Dataset } from '../../rdd/dataset.ts'
import type { Accumulator } from '../../rdd/shared.ts'
import type { Execution } from '../../scheduler/execution.ts'
import type { CallingThreadExecutor } from '../calling-thread.ts'
import type { DriverCalls, RunningOutput, WorkerCalls, WorkerStart } from './calls.ts'
import { checkSameShape, shapeOf } from './graph-shape.ts'
import type { Answer, Argument } from './link.ts'
import { OutputOrder } from './output-order.ts'
import { RemoteDataset } from './remote-dataset.ts'
import { RemoteState } from './remote-state.ts'
import { ship, type Shipment } from './shipment.ts'
import { WorkerDiedError, WorkerPool } from './worker-pool.ts'

export interface WorkerExecutionOptions {
  readonly count: number
  readonly start: Omit<WorkerStart, 'index' | 'ports'>
  readonly graph: Graph
  /** Drives what runs in this thread: functions of foreachRDD and print, rows of inputs that are read here. */
  readonly executor: CallingThreadExecutor
  /** How many times in a row workers may die in one batch before the job ends. */
  readonly maxWorkerFailures: number
  /** Of each worker's JavaScript heap; undefined: as Node has it. */
  readonly memoryInBytes: number | undefined
  /** The job's, in the order in which they were made. */
  readonly accumulators: () => readonly Accumulator<unknown, unknown>[]
  readonly warn: (message: string) => void
}

/** How long a batch that is to end may go on. */
const PATIENCE_MS = 5000

export class WorkerExecution implements Execution {
  private readonly options: WorkerExecutionOptions
  private readonly graph: Graph
  private protocol: CommitProtocol | undefined
  private pool: WorkerPool | undefined
  private state: RemoteState | undefined
  private beginning = { zeroMs: 0, runsAgain: false }
  /** Runs of batches, of all pools. */
  private runs = 0
  /** What the workers have, by batch time. */
  private readonly shipments = new Map<number, Shipment>()
  /** The output that the workers run. */
  private order: OutputOrder | undefined
  private running: readonly RunningOutput[] = []
  private readers = 0
  private deaths = 0
  /** Nothing was decided yet that could be lost. */
  private isStarting = true
  private cancelled = false
  /** What made a step of the batch fail: the workers have given it up, whoever caught the error. */
  private failed: { error: unknown } | undefined
  private patience: NodeJS.Timeout | undefined

  constructor(options: WorkerExecutionOptions) {
    this.options = options
    this.graph = options.graph
  }

  async open(protocol: CommitProtocol): Promise<void> {
    this.protocol = protocol
    const pool = await this.firstPool()
    const { stateOperators } = this.graph
    this.state = new RemoteState(stateOperators, pool.links)
    if (protocol.placeState !== undefined) {
      protocol.placeState(this.state)
    } else if (stateOperators.length > 0) {
      const names = stateOperators.map(({ id }) => `'${id}'`).join(', ')
      throw new GraphError([
        `the state of ${names} cannot be with workers: the commit protocol keeps it itself`,
      ])
    }
  }

  async start(zeroMs: number, runsAgain: boolean): Promise<void> {
    this.beginning = { zeroMs, runsAgain }
    try {
      await this.openPool.all('start', this.beginning)
    } catch (error) {
      if (!(await this.restored(error))) throw error
    }
    this.deaths = 0
    this.openState.isStarting = this.isStarting = false
  }

  mayRun(): void {
    this.cancelled = false
    this.options.executor.begin()
  }

  async begin({ batchId, timeMs }: BatchPlan): Promise<readonly OutputNode[]> {
    const { graph } = this
    graph.begin(timeMs)
    const times = []
    for (const time of graph.timesUntil(timeMs)) {
      if (this.shipments.has(time)) continue
      const shipment = await ship(graph, time, this.options.executor)
      this.shipments.set(time, shipment)
      times.push(shipment.shipped)
    }
    this.checkCancelled()
    this.failed = undefined
    const sizes = this.openState.sizes
    const leftOut = graph.leftOutLater
    const answers = await this.all('begin', { run: ++this.runs, batchId, timeMs, times, sizes, leftOut })
    this.running = answers[0] as RunningOutput[]
    if (answers.some((answer) => JSON.stringify(answer) !== JSON.stringify(this.running))) {
      throw new Error(
        'the workers disagree on which outputs the batch has: the job is not the same in all of them',
      )
    }
    return this.running.map(({ index }) => graph.outputs[index] as OutputNode)
  }

  async run(node: OutputNode, plan: BatchPlan, output: BatchOutput): Promise<void> {
    const { batchId, timeMs } = plan
    if (node.place === 'driver') {
      try {
        await node.run({ batchId, timeMs, scope: this.scope(), output })
      } catch (error) {
        // What it has asked for may be under way.
        this.pool?.note('cancel', undefined)
        await Promise.all(this.openPool.links.map((link) => link.quiet()))
        throw error
      }
      this.checkFailed()
      return
    }
    const index = this.graph.outputs.indexOf(node)
    const { links } = this.openPool
    const order = new OutputOrder(links.length, output, (worker, bytes) =>
      links[worker]?.note('taken', { bytes }),
    )
    this.order = order
    try {
      await this.ofAll(
        links.map(async (link, worker) => {
          await link.call('output', { index })
          order.finish(worker)
        }),
      )
      await order.settled()
    } catch (error) {
      await order.abandon(error)
      throw error
    }
  }

  async finish(): Promise<void> {
    this.checkFailed()
    const { durable } = this.protocol as CommitProtocol
    const shares = await this.all('finish', { stage: durable && this.graph.stateOperators.length > 0 })
    this.openState.collect(shares)
  }

  committed({ timeMs }: BatchPlan): void {
    const { graph } = this
    this.deaths = 0
    graph.release(timeMs)
    const kept = new Set(graph.timesUntil(timeMs))
    const forget = [...this.shipments.keys()].filter((time) => !kept.has(time))
    this.pool?.note('committed', { timeMs, forget })
    for (const time of forget) this.forget(time)
  }

  discard({ timeMs }: BatchPlan, leftOut: readonly RecordPlace[], uncached: boolean): void {
    this.graph.discard(timeMs, uncached)
    const found = leftOut.map(({ inputId, topic, topicId, partition, offset }) => ({
      inputId,
      topic,
      topicId,
      partition,
      offset,
    }))
    this.pool?.note('discard', { timeMs, found, uncached })
  }

  // The new ones may die too, while they are brought what the old ones had: that is one more death.
  async restored(error: unknown): Promise<boolean> {
    for (;;) {
      const broken = this.pool?.broken
      if (broken === undefined || this.cancelled || !this.mayRestore(broken.error, error)) return false
      try {
        await this.replacePool()
        return true
      } catch (second) {
        if (this.pool?.broken === undefined) throw second
      }
    }
  }

  cancel(): void {
    this.cancelled = true
    this.options.executor.cancel()
    this.pool?.note('cancel', undefined)
    // A function that does not come back hears nothing: its thread is ended.
    this.patience ??= setTimeout(() => void this.pool?.close(), PATIENCE_MS).unref()
  }

  async close(): Promise<void> {
    clearTimeout(this.patience)
    await this.pool?.close()
    this.forgetAll()
  }

  /** Throws where what died with a worker cannot be had again. */
  private mayRestore(death: unknown, error: unknown): boolean {
    const { maxWorkerFailures, warn } = this.options
    const died = death instanceof WorkerDiedError ? death.message : String(death)
    if (++this.deaths >= maxWorkerFailures) {
      warn(`${died}, ${this.deaths} times in a row: the job ends`)
      return false
    }
    if (!this.isStarting && this.graph.stateOperators.length > 0 && this.protocol?.reload === undefined) {
      throw new Error(
        `${died}, and with it the state of its keys: the job has no checkpoint to take it from`,
        { cause: error },
      )
    }
    warn(`${died}: ${this.isStarting ? 'the job starts' : 'the batch runs'} again with new workers`)
    return true
  }

  private async firstPool(): Promise<WorkerPool> {
    for (;;) {
      try {
        return await this.startPool()
      } catch (error) {
        const broken = this.pool?.broken
        if (broken === undefined || this.cancelled || !this.mayRestore(broken.error, error)) throw error
        await this.pool?.close()
      }
    }
  }

  private async replacePool(): Promise<void> {
    await this.pool?.close()
    this.forgetAll()
    const pool = await this.startPool()
    this.openState.links = pool.links
    await this.protocol?.reload?.()
    await pool.all('start', this.beginning)
  }

  private async startPool(): Promise<WorkerPool> {
    const { count, memoryInBytes, start } = this.options
    const pool = new WorkerPool({
      count,
      memoryInBytes,
      start,
      handlers: (worker) => this.handlers(worker),
      onBroken: () => {},
    })
    this.pool = pool
    const mine = shapeOf(this.graph)
    const shapes = await pool.all('build', { durable: this.protocol?.durable ?? false })
    for (const [worker, shape] of shapes.entries()) checkSameShape(mine, shape, worker)
    return pool
  }

  private handlers(worker: number): DriverCalls {
    const order = (): OutputOrder => {
      if (this.order === undefined) throw new Error(`worker ${worker} writes, but no output runs`)
      return this.order
    }
    return {
      writer: ({ operatorId, topic }) => order().open(operatorId, topic),
      batch: (written) => order().take(worker, written),
      records: (written) => order().take(worker, written),
      added: ({ totals }) => {
        const accumulators = this.options.accumulators()
        for (const [place, total] of totals) accumulators[place]?.addTotal(total)
      },
    }
  }

  /** For outputs of the driver: rows of inputs are read here, all others are with the workers. */
  private scope(): OutputScope {
    const { graph } = this
    return {
      run: graph.run,
      rows: <T>(node: StreamNode<T>, timeMs: number): Dataset<T> | undefined =>
        node.input === undefined ? this.remote(node, timeMs) : graph.rows(node, timeMs),
      rddContext: (scope) => graph.rddContext(scope),
    }
  }

  private remote<T>(node: StreamNode<T>, timeMs: number): Dataset<T> | undefined {
    if (timeMs !== this.graph.runningMs)
      throw new Error(`'${node.id}' is read at another time than its batch's`)
    const { graph } = this
    const found = this.running.find(({ index }) => graph.outputs[index]?.parent === node)
    if (found === undefined) return undefined
    const { links } = this.openPool
    return new RemoteDataset<T>({
      links,
      output: found.index,
      owners: found.owners,
      partitioner: partitionerIn(graph.nodes, found.liesBy, found.owners.length),
      nextReader: () => ++this.readers,
      prepare: async () => void (await this.all('prepare', { index: found.index })),
    })
  }

  private async all<N extends keyof WorkerCalls>(
    name: N,
    args: Argument<WorkerCalls[N]>,
  ): Promise<Answer<WorkerCalls[N]>[]> {
    return await this.ofAll(this.openPool.links.map((link) => link.call(name, args)))
  }

  // The others wait for the one that failed: they are told not to. Only when all have stopped is its error thrown.
  private async ofAll<T>(doing: readonly Promise<T>[]): Promise<T[]> {
    const settled = await Promise.allSettled(
      doing.map(async (each) => {
        try {
          return await each
        } catch (error) {
          this.pool?.note('cancel', undefined)
          throw error
        }
      }),
    )
    const failures = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []))
    if (failures.length === 0) return settled.map((each) => (each as PromiseFulfilledResult<T>).value)
    // Those who were told to stop are not the reason; of several, the first worker's rows come first.
    const error = failures.find((each) => !(each instanceof CancelledError)) ?? failures[0]
    this.failed ??= { error }
    throw error
  }

  private checkFailed(): void {
    if (this.failed !== undefined) throw this.failed.error
  }

  private checkCancelled(): void {
    if (this.cancelled) throw new CancelledError()
  }

  private forget(time: number): void {
    this.shipments.get(time)?.release()
    this.shipments.delete(time)
  }

  private forgetAll(): void {
    for (const { release } of this.shipments.values()) release()
    this.shipments.clear()
  }

  private get openPool(): WorkerPool {
    if (this.pool === undefined) throw new Error('the workers are not started')
    return this.pool
  }

  private get openState(): RemoteState {
    if (this.state === undefined) throw new Error('the workers are not started')
    return this.state
  }
}
