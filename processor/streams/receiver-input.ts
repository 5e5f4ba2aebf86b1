// A receiver as an input of the graph. With a broker its blocks go into a topic first, and the stream is that topic:
// what was stored survives the process, and is planned, rerun and limited like any topic's records. Without one,
// blocks wait in memory, one row partition each, and a job with a checkpoint refuses the input.

import type { Clock } from '../../broker/time/clock.ts'
import type { PoisonPolicy, RecordPlace } from '../graph/contracts/poison.ts'
import type { ReceiverReport } from '../graph/contracts/receiver.ts'
import type { OffsetRange, SourcePosition, SourceRecord } from '../graph/contracts/source.ts'
import { durationMs, type Duration } from '../graph/duration.ts'
import type { NodeSpec } from '../graph/graph.ts'
import type { InputDriver, InputPlan } from '../graph/node.ts'
import type { LogViews, OutputPort, OutputSession } from '../ports.ts'
import type { SourceDataset } from '../rdd/source-dataset.ts'
import { ArrayDataset } from '../rdd/stored.ts'
import { keptTopicOf } from '../source/kept-topic.ts'
import { LogBlocks } from '../source/log-blocks.ts'
import { IntakeRate } from '../source/intake-rate.ts'
import { MemoryBlocks } from '../source/memory-blocks.ts'
import type { Receiver } from '../source/receiver.ts'
import { ReceiverSupervisor, type BlockSink } from '../source/receiver-supervisor.ts'
import { topicSource } from '../source/remote-topic-source.ts'
import { decodedValues, type RowCodec } from '../source/row-codec.ts'
import type { TopicSourceOptions } from '../source/topic-source.ts'
import { DirectInput } from './direct-input.ts'
import type { OperatorOptions } from './options.ts'

export interface ReceiverOptions<T>
  extends OperatorOptions,
    Pick<TopicSourceOptions<unknown>, 'maxRatePerPartition' | 'minRatePerPartition' | 'maxRowsPerBatch'> {
  /** How rows become bytes; default: plain data as state keeps it, for text streams UTF-8. */
  readonly codec?: RowCodec<T>
  /** Rows that are stored within it are written together; default 200 ms (Spark's blockInterval). */
  readonly blockInterval?: Duration
  /** Rows per second that the receiver may store (Spark's receiver.maxRate); default: as the log takes them. */
  readonly maxRate?: number
  /** What becomes of its records at which a function throws; default: as the context says. */
  readonly onPoison?: PoisonPolicy
}

/** What a receiver stream is made in. */
export interface ReceiverWorld<T> {
  readonly appName: string
  readonly clock: Clock
  readonly broker: { readonly logViews: LogViews; readonly output: OutputPort } | undefined
  readonly defaultCodec: RowCodec<T>
  readonly onPoison: PoisonPolicy
  /** false: rows that are in the log are read, and none are received. */
  readonly startsReceivers: boolean
}

const TRANSACTION_TIMEOUT_MS = 60_000

abstract class ReceiverInput<T> implements InputDriver {
  abstract readonly durable: boolean
  readonly description: string
  protected supervisor: ReceiverSupervisor<T> | undefined
  private readonly receiver: Receiver<T>
  private readonly clock: Clock
  private readonly blockIntervalMs: number
  private readonly intake: IntakeRate
  private report: ReceiverReport = () => {}
  private readonly callbacks = new Set<() => void>()

  constructor(
    receiver: Receiver<T>,
    description: string,
    clock: Clock,
    { blockInterval = '200ms', maxRate }: Pick<ReceiverOptions<T>, 'blockInterval' | 'maxRate'>,
  ) {
    this.intake = new IntakeRate(maxRate, clock.monotonicMs())
    this.receiver = receiver
    this.description = description
    this.clock = clock
    this.blockIntervalMs = durationMs(blockInterval, 'blockInterval')
  }

  limitIntake(rowsPerSecond: number): void {
    this.intake.limitTo(rowsPerSecond, this.clock.monotonicMs())
  }

  reportsTo(report: ReceiverReport): void {
    this.report = report
  }

  abstract start(positions: readonly SourcePosition[]): Promise<void>
  abstract restore(timeMs: number, ranges: readonly OffsetRange[]): InputPlan
  abstract release(timeMs: number): void
  protected abstract onRows(callback: () => void): () => void

  onAdvance(callback: () => void): () => void {
    this.callbacks.add(callback)
    const unsubscribe = this.onRows(callback)
    return () => {
      this.callbacks.delete(callback)
      unsubscribe()
    }
  }

  // What was stored and could not be kept is not lost silently.
  plan(timeMs: number, intervalMs: number | undefined, maxRows?: number): Promise<InputPlan> {
    const { failure } = this.supervisor ?? {}
    if (failure !== undefined) return Promise.reject(failure.error)
    return this.planNext(timeMs, intervalMs, maxRows)
  }

  async drain(): Promise<void> {
    await this.supervisor?.end()
    this.advanced()
  }

  async stop(): Promise<void> {
    await this.supervisor?.end()
  }

  private advanced(): void {
    for (const callback of this.callbacks) callback()
  }

  protected abstract planNext(
    timeMs: number,
    intervalMs: number | undefined,
    maxRows: number | undefined,
  ): Promise<InputPlan>

  protected receiveInto(sink: BlockSink<T>): void {
    const { receiver, clock, description, blockIntervalMs, report, intake } = this
    // The next plan says so; it should not wait for rows that do not come.
    const onFailure = () => this.advanced()
    const options = { receiver, sink, clock, description, blockIntervalMs, report, intake, onFailure }
    this.supervisor = new ReceiverSupervisor(options)
    this.supervisor.start()
  }
}

class LoggedReceiverInput<T> extends ReceiverInput<T> {
  readonly durable = true
  readonly onPoison: PoisonPolicy
  private readonly world: ReceiverWorld<T> & {
    readonly broker: { readonly logViews: LogViews; readonly output: OutputPort }
  }
  private readonly options: ReceiverOptions<T>
  keptTopic = ''
  private read: DirectInput<T> | undefined
  private session: OutputSession | undefined

  constructor(
    receiver: Receiver<T>,
    description: string,
    world: LoggedReceiverInput<T>['world'],
    options: ReceiverOptions<T>,
  ) {
    super(receiver, description, world.clock, options)
    this.world = world
    this.options = options
    this.onPoison = options.onPoison ?? world.onPoison
  }

  named(id: string): void {
    const { appName, broker, clock, defaultCodec } = this.world
    const {
      codec = defaultCodec,
      name: _name,
      blockInterval: _interval,
      maxRate: _rate,
      onPoison: _policy,
      ...limits
    } = this.options
    this.keptTopic = keptTopicOf(appName, id)
    const source = topicSource<T>({
      views: broker.logViews,
      topics: { assign: { [this.keptTopic]: [0] } },
      rows: decodedValues(codec),
      startingOffsets: 'earliest',
      clock,
      ...limits,
    })
    this.read = new DirectInput(source, this.onPoison, false)
    this.read.named(id)
  }

  async start(positions: readonly SourcePosition[]): Promise<void> {
    const { broker, clock, defaultCodec, startsReceivers } = this.world
    if (!startsReceivers) return this.input.start(positions)
    await broker.output.ensureTopic(this.keptTopic)
    this.session = await this.takeOver()
    await this.input.start(positions)
    this.receiveInto(new LogBlocks(this.keptTopic, this.options.codec ?? defaultCodec, this.session, clock))
  }

  rows(timeMs: number): SourceDataset<T> | undefined {
    return this.input.rows(timeMs)
  }

  restore(timeMs: number, ranges: readonly OffsetRange[]): InputPlan {
    return this.input.restore(timeMs, ranges)
  }

  leaveOut(place: RecordPlace): number[] {
    return this.input.leaveOut(place)
  }

  record(place: RecordPlace): SourceRecord | undefined {
    return this.input.record(place)
  }

  release(timeMs: number): void {
    this.input.release(timeMs)
  }

  protected onRows(callback: () => void): () => void {
    return this.input.onAdvance(callback)
  }

  override async drain(): Promise<void> {
    await this.supervisor?.end()
    // The id is had again when its last transaction is over, and rows of it can be planned: not before.
    if (this.supervisor !== undefined && this.supervisor.failure === undefined) {
      this.session = await this.takeOver()
    }
    // Of a log that is elsewhere, nobody has told that it moved.
    await super.drain()
  }

  override async stop(): Promise<void> {
    await super.stop()
    try {
      await this.session?.close()
    } finally {
      await this.read?.stop()
    }
  }

  protected planNext(timeMs: number, intervalMs: number | undefined, maxRows?: number): Promise<InputPlan> {
    return this.input.plan(timeMs, intervalMs, maxRows)
  }

  /** Fences the receiver of an earlier instance. */
  private takeOver(): Promise<OutputSession> {
    return this.world.broker.output.open(this.keptTopic, TRANSACTION_TIMEOUT_MS)
  }

  private get input(): DirectInput<T> {
    if (this.read === undefined) throw new Error('the receiver has no name yet')
    return this.read
  }
}

class MemoryReceiverInput<T> extends ReceiverInput<T> {
  readonly durable = false
  private readonly blocks = new MemoryBlocks<T>()
  private readonly planned = new Map<number, ArrayDataset<T>>()

  start(): Promise<void> {
    this.receiveInto(this.blocks)
    return Promise.resolve()
  }

  rows(timeMs: number): ArrayDataset<T> | undefined {
    return this.planned.get(timeMs)
  }

  restore(timeMs: number): InputPlan {
    throw new Error(`${this.description}: the batch of time ${timeMs} cannot be had again`)
  }

  release(timeMs: number): void {
    this.planned.delete(timeMs)
  }

  protected onRows(callback: () => void): () => void {
    return this.blocks.onBlock(callback)
  }

  override drain(): Promise<void> {
    this.blocks.takeAll()
    return super.drain()
  }

  override stop(): Promise<void> {
    this.blocks.takeAll()
    return super.stop()
  }

  protected planNext(timeMs: number, _intervalMs: number | undefined, maxRows?: number): Promise<InputPlan> {
    const blocks = this.blocks.next(maxRows)
    this.planned.set(timeMs, new ArrayDataset(blocks))
    const records = blocks.reduce((sum, { length }) => sum + length, 0)
    return Promise.resolve({ ranges: [], records, more: this.blocks.waiting })
  }
}

export function receiverStream<T>(
  receiver: Receiver<T>,
  { kind, description = kind, options }: { kind: string; description?: string; options: ReceiverOptions<T> },
  world: ReceiverWorld<T>,
): NodeSpec<T> {
  const { broker } = world
  const input =
    broker === undefined
      ? new MemoryReceiverInput(receiver, description, world.clock, options)
      : new LoggedReceiverInput(receiver, description, { ...world, broker }, options)
  return {
    kind,
    name: options.name,
    namedAfter: description,
    parents: [],
    input,
    compute: (timeMs) => input.rows(timeMs),
  }
}
