// What a streaming job is told when it is made, and what of it can be said to be wrong before anything runs.

import type { Clock } from '../broker/time/clock.ts'
import type { ExecutorOptions } from './executor/calling-thread.ts'
import type { CommitProtocol } from './graph/contracts/commit.ts'
import type { PoisonPolicy } from './graph/contracts/poison.ts'
import { durationMs, type Duration } from './graph/duration.ts'
import type { LogViews, OutputPort } from './ports.ts'
import type { SpillOptions } from './rdd/spill-space.ts'
import { Backpressure, type BackpressureOptions } from './scheduler/backpressure.ts'
import type { DowntimeBatches } from './scheduler/recovery.ts'
import type { FileSystem } from './sink/file-system.ts'
import type { StartingOptions } from './source/starting-offsets.ts'
import type { TopicSourceOptions } from './source/topic-source.ts'
import type { OperatorOptions } from './streams/options.ts'

interface CommonOptions extends SpillOptions {
  readonly appName: string
  /** Default: the machine's clock. */
  readonly clock?: Clock
  /**
   * Where topics are read from and written to: a broker in this process (`startBroker()` gives one), or a Kafka
   * elsewhere (`connectKafka()`).
   */
  readonly broker?: ProcessorHost
  /** Directory of the job's checkpoint: with it, offsets, state and topic output survive any stop together. */
  readonly checkpoint?: string
  /** How batches become final; default: by `broker` and `checkpoint`, else in memory, gone with the process. */
  readonly commit?: CommitProtocol
  /** Partitions of shuffles and state that do not say their own number; default 1, one per executing thread. */
  readonly parallelism?: number
  /** Planned batches that may wait for the running one; default 100. Later times are planned late, not lost. */
  readonly maxPendingBatches?: number
  /** Batch times that passed while the job was down: 'all' are made up for (default, as Spark does), or 'skip'. */
  readonly downtimeBatches?: DowntimeBatches
  /**
   * Batches that may run side by side, for jobs whose outputs wait for something; default 1. They are committed
   * in their order all the same. Refused where a batch hangs on the one before: state, and output into topics.
   */
  readonly concurrentJobs?: number
  /** Inputs are slowed down to what the job can keep up with. Needs a batchDuration. */
  readonly backpressure?: true | BackpressureOptions
  /**
   * What becomes of a record at which a function throws, of inputs that do not say so themselves; default 'fatal'.
   * Otherwise batches may run twice, so functions are given copies of states that are objects.
   */
  readonly onPoison?: PoisonPolicy
  /** Poison records beyond which the job ends all the same; default 100. Each costs its batch one more run. */
  readonly maxPoisonRecordsPerBatch?: number
  /** How long stop({ graceful: true }) may take before it gives up what is left; default 10 batches (asap: 10 s). */
  readonly gracefulStopTimeout?: Duration
  /** SIGTERM and SIGINT stop the job gracefully before they end the process; default false. */
  readonly stopGracefullyOnShutdown?: boolean
  readonly executor?: ExecutorOptions
  /**
   * Worker threads that run the batches; default: none, batches run in the calling thread. They need a `job`. Each
   * loads it and builds the same graph; functions of foreachRDD and print run in the calling thread all the same.
   */
  readonly executors?: number
  /**
   * Module that builds the job: its default export is called with the context, and the parameters, when the context
   * starts, in this thread and in each worker. `new URL('./job.ts', import.meta.url)`.
   */
  readonly job?: URL | string
  /** Second argument of the job's function, the same in every thread: plain data. */
  readonly jobParameters?: unknown
  /**
   * JavaScript heap that each worker may have (Spark's spark.executor.memory); one that needs more dies and is replaced,
   * and the process goes on. Default: as much as Node gives a thread.
   */
  readonly executorMemoryInBytes?: number
  /** How many times in a row workers may die in one batch before the job ends; default 4, as Spark's tasks have it. */
  readonly maxTaskFailures?: number
  /** false: saveAsTextFiles and saveAsObjectFiles write nothing, as in the replay of a batch. Default true. */
  readonly writesFiles?: boolean
  /** Where they are written; default: the machine's own file system. For tests that cut its power. */
  readonly fileSystem?: FileSystem
  /** false: receivers are not started, as in the replay of a batch; their streams have what is in the log. Default true. */
  readonly startsReceivers?: boolean
  /** Where print() writes; default: standard output. */
  readonly writeLine?: (line: string) => void
  /** Told what is wrong but does not end the job (a listener that throws); default: standard error. */
  readonly warn?: (message: string) => void
}

/** The ports that a broker hands to a processor. */
export interface ProcessorHost {
  readonly logViews: LogViews
  readonly output: OutputPort
}

export interface DirectStreamOptions extends OperatorOptions {
  /** What becomes of its records at which a function throws; default: as the context says. */
  readonly onPoison?: PoisonPolicy
}

/** Of a stream of topics: where it begins without a checkpoint, its limits, and its operator's name. */
export type TopicStreamOptions = DirectStreamOptions &
  Pick<
    TopicSourceOptions<unknown>,
    | keyof StartingOptions
    | 'maxRatePerPartition'
    | 'minRatePerPartition'
    | 'maxRowsPerBatch'
    | 'discoveryIntervalMs'
    | 'failOnDataLoss'
  > & {
    /** Where the topics are, if not in the context's own broker; another Kafka: `connectKafka()`. */
    readonly broker?: Pick<ProcessorHost, 'logViews'>
  }

export type StreamingContextOptions = CommonOptions &
  (
    | {
        /** One batch per interval, at its multiples. */ readonly batchDuration: Duration
        readonly trigger?: never
      }
    | {
        /** A batch as soon as there are rows and the last one is done. */ readonly trigger: 'asap'
        readonly batchDuration?: never
      }
  )

export function backpressureOf(
  options: true | BackpressureOptions | undefined,
  intervalMs: number | undefined,
): Backpressure | undefined {
  if (options === undefined) return undefined
  if (intervalMs === undefined) {
    throw new TypeError(
      'backpressure needs a batchDuration: as-soon-as-data batches wait for each other anyway; ' +
        'maxRowsPerBatch bounds them',
    )
  }
  return new Backpressure(options === true ? {} : options, intervalMs)
}

export function moduleOf({ job, jobParameters }: StreamingContextOptions) {
  if (job === undefined) return undefined
  // A path would mean another file in each place that it is read.
  return { url: new URL(job).href, parameters: jobParameters }
}

export function intervalOf(options: StreamingContextOptions): number | undefined {
  if (options.trigger === 'asap' && options.batchDuration === undefined) return undefined
  if (options.trigger === undefined && options.batchDuration !== undefined) {
    return durationMs(options.batchDuration, 'batchDuration')
  }
  throw new TypeError(`a context has either a batchDuration or trigger: 'asap'`)
}

export function positive(value: number, what: string): number {
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new TypeError(`${what} must be a whole number above 0: got ${value}`)
}
