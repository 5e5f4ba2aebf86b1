// The job as its author holds it (Spark's StreamingContext): streams are made from it, outputs are hung on
// them, then it starts once and ends once.

import { resolve } from 'node:path'
import type { Clock } from '../broker/time/clock.ts'
import { systemClock } from '../broker/time/system-clock.ts'
import { BatchContext } from './batch-context.ts'
import { Checkpoint } from './checkpoint/checkpoint.ts'
import { LogOnly } from './checkpoint/log-only.ts'
import { plainCodec } from './checkpoint/plain-data.ts'
import { setAsideUnreadable } from './checkpoint/set-aside.ts'
import { CallingThreadExecutor } from './executor/calling-thread.ts'
import { MemoryProtocol } from './executor/memory-protocol.ts'
import { loadJob } from './executor/workers/load-job.ts'
import { WorkerExecution } from './executor/workers/worker-execution.ts'
import type { CommitProtocol } from './graph/contracts/commit.ts'
import type { PoisonPolicy } from './graph/contracts/poison.ts'
import type { Source } from './graph/contracts/source.ts'
import { durationMs, type Duration } from './graph/duration.ts'
import { Graph } from './graph/graph.ts'
import type { PairRDD, RDDOf } from './rdd/pair-rdd.ts'
import type { RDD } from './rdd/rdd.ts'
import { SpillSpace } from './rdd/spill-space.ts'
import { ActiveContexts } from './scheduler/active-contexts.ts'
import { CallingThreadExecution, type Execution } from './scheduler/execution.ts'
import { Job } from './scheduler/job.ts'
import { ListenerBus, type StreamingListener } from './scheduler/listener.ts'
import { machineFiles } from './sink/file-system.ts'
import { stopOnShutdown } from './shutdown.ts'
import {
  backpressureOf,
  type DirectStreamOptions,
  intervalOf,
  moduleOf,
  positive,
  type ProcessorHost,
  type StreamingContextOptions,
  type TopicStreamOptions,
} from './streaming-context-options.ts'
import type { RowKind } from './source/row-kind.ts'
import { type FileFormat, fixedRecords, textLines } from './source/planned-files.ts'
import { isTopicSelection, type TopicSelection } from './source/topic-selection.ts'
import type { Receiver } from './source/receiver.ts'
import { rawBlocks } from './source/raw-blocks.ts'
import { plainRows, type RowCodec, textRows } from './source/row-codec.ts'
import { linesOf, SocketReceiver, type SocketConverter } from './source/socket-receiver.ts'
import { topicSource } from './source/remote-topic-source.ts'
import { constantStream } from './streams/constant-input.ts'
import { directStream } from './streams/direct-input.ts'
import type { DStream } from './streams/dstream.ts'
import { fileStream, type FileStreamOptions } from './streams/file-input.ts'
import { receiverStream, type ReceiverOptions, type ReceiverWorld } from './streams/receiver-input.ts'
import { streamHost, type StreamHost } from './streams/host.ts'
import type { PairDStream } from './streams/pair-dstream.ts'
import type { OperatorOptions } from './streams/options.ts'
import { queueStream, type Batches, type DefaultRows, type QueueOptions } from './streams/queue-input.ts'
import { transform } from './streams/transform.ts'
import { union } from './streams/union.ts'

export type StreamingContextState = 'INITIALIZED' | 'ACTIVE' | 'STOPPED'

export interface GetOrCreateOptions {
  /**
   * A checkpoint that cannot be read is put aside (`PATH.unreadable-TIME`), with a warning, and the job begins as a new one
   * does. Default: `start` rejects.
   */
  readonly createOnError?: boolean
}

const active = new ActiveContexts<StreamingContext>()

export class StreamingContext implements AsyncDisposable {
  /** Name of the job: its transactional id and its group are named after it. */
  readonly appName: string
  /** Not part of the public API. */
  readonly graph: Graph
  private batchContext: BatchContext | undefined
  private readonly job: Job
  private readonly module: { readonly url: string; readonly parameters: unknown } | undefined
  private readonly listeners: ListenerBus
  private readonly clock: Clock
  private readonly broker: ProcessorHost | undefined
  private readonly warn: (message: string) => void
  private readonly commit: CommitProtocol | undefined
  private readonly onPoison: PoisonPolicy
  private readonly stopsOnShutdown: boolean
  private readonly startsReceivers: boolean
  private readonly spills: SpillSpace
  private checkpointDirectory: string | undefined
  private createsOnError = false
  private readonly host: StreamHost
  private state: StreamingContextState = 'INITIALIZED'
  private starting: Promise<void> | undefined
  /** How many wait for the end, and so are told of the error that the job may end with. */
  private waiting = 0
  /** The job's module is at it. */
  private building = false

  /**
   * The job that goes on from the checkpoint in `path`, or begins one there. `create` builds the program in either
   * case, for a checkpoint holds data and no code: so a changed program goes on from it. What cannot go on says
   * why at `start` (CheckpointError).
   */
  static getOrCreate(
    path: string,
    create: () => StreamingContext,
    { createOnError = false }: GetOrCreateOptions = {},
  ): StreamingContext {
    const context = create()
    context.checkpoint(path)
    context.createsOnError = createOnError
    return context
  }

  /**
   * The context that was started last and has not ended; of the job `appName` where one is given. Unlike Spark,
   * a process may run several: they share nothing but the event loop.
   */
  static getActive(appName?: string): StreamingContext | undefined {
    return active.last(appName)
  }

  /** The active context, or the one that `create` makes; with `path`, as getOrCreate makes it. */
  static getActiveOrCreate(create: () => StreamingContext): StreamingContext
  static getActiveOrCreate(
    path: string,
    create: () => StreamingContext,
    options?: GetOrCreateOptions,
  ): StreamingContext
  static getActiveOrCreate(
    ...args: [() => StreamingContext] | Parameters<typeof StreamingContext.getOrCreate>
  ): StreamingContext {
    const running = StreamingContext.getActive()
    if (running !== undefined) return running
    return args.length === 1 ? args[0]() : StreamingContext.getOrCreate(...args)
  }

  constructor(options: StreamingContextOptions) {
    this.spills = options.executor?.spills ?? new SpillSpace(options)
    const executor = new CallingThreadExecutor({ ...options.executor, spills: this.spills })
    const intervalMs = intervalOf(options)
    this.appName = options.appName
    this.clock = options.clock ?? systemClock
    this.broker = options.broker
    const warn = options.warn ?? ((message: string) => console.warn(message))
    this.warn = warn
    this.commit = options.commit
    this.onPoison = options.onPoison ?? 'fatal'
    this.checkpointDirectory = options.checkpoint
    this.startsReceivers = options.startsReceivers ?? true
    this.stopsOnShutdown = options.stopGracefullyOnShutdown ?? false
    this.listeners = new ListenerBus(warn)
    const { executors } = options
    if (executors !== undefined) positive(executors, 'executors')
    const parallelism = positive(options.parallelism ?? executors ?? 1, 'parallelism')
    this.graph = new Graph({ intervalMs, run: executor, parallelism })
    this.module = moduleOf(options)
    this.host = streamHost(this, {
      graph: this.graph,
      writeLine: options.writeLine ?? ((line) => console.log(line)),
      writesFiles: options.writesFiles ?? true,
      fileSystem: options.fileSystem ?? machineFiles,
    })
    this.job = new Job({
      appName: options.appName,
      graph: this.graph,
      clock: this.clock,
      listeners: this.listeners,
      warn,
      execution: this.execution(options, executor, warn),
      maxPendingBatches: positive(options.maxPendingBatches ?? 100, 'maxPendingBatches'),
      maxPoisonRecordsPerBatch: positive(options.maxPoisonRecordsPerBatch ?? 100, 'maxPoisonRecordsPerBatch'),
      plainCodec,
      concurrentJobs: positive(options.concurrentJobs ?? 1, 'concurrentJobs'),
      downtimeBatches: options.downtimeBatches ?? 'all',
      backpressure: backpressureOf(options.backpressure, intervalMs),
      gracefulStopTimeoutMs: durationMs(
        options.gracefulStopTimeout ?? 10 * (intervalMs ?? 1000),
        'gracefulStopTimeout',
      ),
    })
    void this.job.ended.then(
      () => (this.state = 'STOPPED'),
      () => (this.state = 'STOPPED'),
    )
  }

  /**
   * Rows with offsets, one row partition per partition read; `rdd.offsetRanges` tells which. Of topics of the
   * context's broker (`rows` says what a row is: textValues, textPairs, wholeRecords, rawRecords), or of any source.
   */
  createDirectStream<T>(source: Source<T>, options?: DirectStreamOptions): DStream<T>
  createDirectStream<T>(topics: TopicSelection, rows: RowKind<T>, options?: TopicStreamOptions): DStream<T>
  createDirectStream<T>(
    from: Source<T> | TopicSelection,
    rowsOrOptions?: RowKind<T> | DirectStreamOptions,
    topicOptions: TopicStreamOptions = {},
  ): DStream<T> {
    if (!isTopicSelection(from)) {
      const { onPoison = this.onPoison, ...rest } = (rowsOrOptions as DirectStreamOptions | undefined) ?? {}
      return this.host.stream(this.graph.add(directStream(from, { ...rest, onPoison })))
    }
    const { name, onPoison = this.onPoison, broker = this.broker, ...limits } = topicOptions
    if (broker === undefined)
      throw new TypeError("a stream of topics needs a broker, its own or its context's")
    const source = topicSource<T>({
      views: broker.logViews,
      topics: from,
      rows: rowsOrOptions as RowKind<T>,
      clock: this.clock,
      ...limits,
    })
    const named = name === undefined ? {} : { name }
    const isForeign = broker.logViews !== this.broker?.logViews
    return this.host.stream(this.graph.add(directStream(source, { ...named, onPoison, isForeign })))
  }

  /** Batches from memory: one per batch time, unless `oneAtATime: false`. */
  queueStream<T>(batches: Batches<T>, options?: QueueOptions & DefaultRows<T>): DStream<T> {
    return this.host.stream(this.graph.add(queueStream(batches, options)))
  }

  /** The same rows in every batch. */
  constantStream<T>(
    rows: readonly T[],
    options?: OperatorOptions & { readonly numPartitions?: number },
  ): DStream<T> {
    return this.host.stream(this.graph.add(constantStream(rows, options)))
  }

  /** RDDs of files, topics and collections, broadcasts and accumulators, for use beside and inside of batches. */
  get sparkContext(): BatchContext {
    const { broker, graph } = this
    this.batchContext ??= new BatchContext(
      { parallelism: graph.parallelism, ...(broker && { broker }) },
      (scope) => graph.rddContext(scope, true),
    )
    return this.batchContext
  }

  /** Rows that a receiver stores. With a broker they are in its log before they are part of a batch. */
  receiverStream<T>(receiver: Receiver<T>, options: ReceiverOptions<T> = {}): DStream<T> {
    // The default codec keeps plain data as it is; for anything else it says that it does not.
    const world = this.receiverWorld(plainCodec as RowCodec<T>)
    return this.host.stream(
      this.graph.add(receiverStream(receiver, { kind: 'receiverStream', options }, world)),
    )
  }

  /** Rows from a TCP server, as `converter` cuts them out of the bytes of each connection. */
  socketStream<T>(
    host: string,
    port: number,
    converter: SocketConverter<T>,
    options: ReceiverOptions<T> = {},
  ): DStream<T> {
    return this.socket(
      new SocketReceiver(host, port, converter),
      `${host}:${port}`,
      plainCodec as RowCodec<T>,
      options,
    )
  }

  /**
   * Rows in blocks from a TCP server, each with its length before it (four bytes, big endian): one row of the `codec`, or
   * without one any number of rows that `plainRows` encoded. A block has at most 8 MiB.
   */
  rawSocketStream<T>(host: string, port: number, options: ReceiverOptions<T> = {}): DStream<T> {
    const receiver = new SocketReceiver(host, port, rawBlocks(options.codec))
    return this.socket(receiver, `${host}:${port}`, plainRows as RowCodec<T>, options)
  }

  /** Lines of UTF-8 text from a TCP server. */
  socketTextStream(host: string, port: number, options: ReceiverOptions<string> = {}): DStream<string> {
    return this.socket(new SocketReceiver(host, port, linesOf), `${host}:${port}`, textRows, options)
  }

  /** Lines of the text files that are moved into a directory, or into those that a pattern matches. */
  textFileStream(directory: string, options?: FileStreamOptions): DStream<string> {
    return this.fileStream(directory, textLines, options)
  }

  /** Records of so many bytes, out of files as `textFileStream` takes them. */
  binaryRecordsStream(directory: string, recordLength: number, options?: FileStreamOptions): DStream<Buffer> {
    return this.fileStream(directory, fixedRecords(recordLength), options)
  }

  /** Rows of files that are moved into a directory: `format` says what they are (textLines, fixedRecords, wholeFiles). */
  fileStream<T>(directory: string, format: FileFormat<T>, options: FileStreamOptions = {}): DStream<T> {
    const times = { clock: this.clock, intervalMs: this.graph.intervalMs }
    return this.host.stream(this.graph.add(fileStream(directory, format, times, options)))
  }

  /** Rows that are not of a batch, e.g. the static side of a join inside `transform`. Pairs make a PairRDD. */
  parallelize<T>(rows: readonly T[], numPartitions = 1): RDDOf<T> {
    return this.sparkContext.parallelize(rows, numPartitions)
  }

  /** All streams must have the same slide. */
  union<K, V>(streams: readonly PairDStream<K, V>[], options?: OperatorOptions): PairDStream<K, V>
  union<T>(streams: readonly DStream<T>[], options?: OperatorOptions): DStream<T>
  union<K, V>(
    streams: readonly DStream<readonly [K, V]>[],
    options?: OperatorOptions,
  ): DStream<readonly [K, V]> {
    const parents = streams.map((stream) => stream.node)
    // A PairDStream is a DStream with more methods; the overloads say whether they may be used.
    return this.host.pairs(this.graph.add(union(parents, options?.name)))
  }

  /** `f` runs once per batch, on the RDDs of all the streams. */
  transform<const T extends readonly DStream<unknown>[], U>(
    streams: T,
    f: (rdds: { [I in keyof T]: T[I] extends DStream<infer R> ? RDDOf<R> : never }, time: Date) => RDD<U>,
    options?: OperatorOptions,
  ): DStream<U> {
    const parents = streams.map((stream) => stream.node)
    // The type of `f` is this function's with each RDD's row type filled in from its stream.
    const call = f as unknown as (rdds: PairRDD<unknown, unknown>[], time: Date) => RDD<U>
    return this.host.stream(this.graph.add(transform(parents, call, options?.name)))
  }

  /**
   * The directory that the job's checkpoint lies in (as the option of the same name): before start, once.
   * Naming the same directory again does no harm.
   */
  checkpoint(directory: string): void {
    if (this.state !== 'INITIALIZED' && !this.building) {
      throw new Error(`the context is ${this.state}: its checkpoint is given`)
    }
    if (this.commit !== undefined) throw new Error('the context was given its commit protocol')
    if (this.checkpointDirectory !== undefined && resolve(this.checkpointDirectory) !== resolve(directory)) {
      throw new Error(`the context has its checkpoint in ${this.checkpointDirectory}, not in ${directory}`)
    }
    this.checkpointDirectory = directory
  }

  /** Batches stay readable at least this long. */
  remember(duration: Duration): void {
    this.graph.rememberAtLeast(durationMs(duration, 'remember'))
  }

  /** Returns the way to remove it again. */
  addStreamingListener(listener: StreamingListener): () => void {
    return this.listeners.add(listener)
  }

  getState(): StreamingContextState {
    return this.state
  }

  /** Once: checks the graph, takes over the checkpoint, and lets batches happen. Throws GraphError. */
  async start(): Promise<void> {
    if (this.state !== 'INITIALIZED')
      throw new Error(`the context is ${this.state}: it can be started only once`)
    this.state = 'ACTIVE'
    active.add(this)
    const release = this.stopsOnShutdown ? stopOnShutdown(() => this.stop({ graceful: true })) : undefined
    const end = () => {
      active.remove(this)
      release?.()
    }
    void this.job.ended.then(end, end)
    this.starting = this.buildAndStart()
    await this.starting
    void this.job.ended.catch((error: unknown) => {
      if (this.waiting === 0)
        this.warn(`the job has ended: ${error instanceof Error ? error.message : String(error)}`)
    })
  }

  /**
   * Ends the job and resolves when it has ended; repeating it does no harm. As in Spark, the running batch is
   * given up (a restart runs it again from its plan), unless `graceful`: then all planned batches run first.
   * A function of the user's that is being awaited is awaited to its end in either case.
   */
  async stop(options: { graceful?: boolean } = {}): Promise<void> {
    // What has begun to start has taken the checkpoint: it must come to be able to give it back.
    await this.starting?.catch(() => {})
    await this.job.stop(options.graceful ?? false)
  }

  /**
   * Resolves when the job was stopped; rejects with the BatchError that ended it. Where nobody waits, a warning tells
   * of that error.
   */
  awaitTermination(): Promise<void> {
    this.waiting++
    return this.job.ended
  }

  /** As awaitTermination, but gives up after the time with false. */
  async awaitTerminationOrTimeout(timeout: Duration): Promise<boolean> {
    let cancel = () => {}
    const timedOut = new Promise<false>((resolve) => {
      const timer = this.clock.setTimer(durationMs(timeout, 'timeout'), () => resolve(false))
      cancel = () => timer.cancel()
    })
    try {
      return await Promise.race([this.awaitTermination().then(() => true), timedOut])
    } finally {
      this.waiting--
      cancel()
    }
  }

  /** Stops gracefully. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop({ graceful: true })
  }

  private async buildAndStart(): Promise<void> {
    const { module } = this
    this.spills.sweep()
    try {
      this.building = true
      if (module !== undefined) await loadJob(module.url, module.parameters, this)
      this.building = false
      if (this.createsOnError) await this.setAsideUnreadable()
    } catch (error) {
      await this.job.refuse(error)
      throw error
    }
    await this.job.start(this.protocol())
  }

  private async setAsideUnreadable(): Promise<void> {
    const directory = this.checkpointDirectory
    if (directory === undefined || this.commit !== undefined) return
    const aside = await setAsideUnreadable(directory, this.clock.now())
    if (aside === undefined) return
    this.warn(
      `the job begins anew: its checkpoint cannot be read and was put aside as ${aside.path}: ${aside.why}`,
    )
  }

  private execution(
    options: StreamingContextOptions,
    executor: CallingThreadExecutor,
    warn: (message: string) => void,
  ): Execution {
    const { graph, module } = this
    const { executors: count, appName, maxTaskFailures = 4, shuffleMemoryInBytes, localDir } = options
    if (count === undefined) return new CallingThreadExecution(graph, executor)
    if ((options.concurrentJobs ?? 1) > 1) {
      throw new TypeError('with executors, one batch runs at a time: concurrentJobs must be 1')
    }
    if (module === undefined) throw new TypeError('executors need a job: the module that each of them loads')
    const { intervalMs, parallelism } = graph
    return new WorkerExecution({
      count,
      start: {
        job: module.url,
        parameters: module.parameters,
        context: { appName, intervalMs, parallelism, onPoison: this.onPoison },
        spills: {
          ...(shuffleMemoryInBytes !== undefined && { shuffleMemoryInBytes }),
          ...(localDir !== undefined && { localDir }),
        },
      },
      graph,
      executor,
      accumulators: () => this.batchContext?.accumulators ?? [],
      maxWorkerFailures: positive(maxTaskFailures, 'maxTaskFailures'),
      memoryInBytes:
        options.executorMemoryInBytes && positive(options.executorMemoryInBytes, 'executorMemoryInBytes'),
      warn,
    })
  }

  private socket<T>(
    receiver: Receiver<T>,
    server: string,
    codec: RowCodec<T>,
    options: ReceiverOptions<T>,
  ): DStream<T> {
    const place = { kind: 'socketStream', description: `socket ${server}`, options }
    return this.host.stream(this.graph.add(receiverStream(receiver, place, this.receiverWorld(codec))))
  }

  private receiverWorld<T>(defaultCodec: RowCodec<T>): ReceiverWorld<T> {
    const { appName, clock, broker, onPoison, startsReceivers } = this
    return { appName, clock, broker, defaultCodec, onPoison, startsReceivers }
  }

  private protocol(): CommitProtocol {
    const { broker, warn, checkpointDirectory: directory } = this
    if (this.commit !== undefined) return this.commit
    if (directory !== undefined) {
      return new Checkpoint({ directory, warn, ...(broker && { output: broker.output }) })
    }
    return broker === undefined ? new MemoryProtocol() : new LogOnly({ output: broker.output, warn })
  }
}
