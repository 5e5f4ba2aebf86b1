// Where batch programs begin (Spark's SparkContext): RDDs of collections, files and ranges of topics. A streaming
// context has one too, so that one program can serve both.

import { CallingThreadExecutor, type ExecutorOptions } from './executor/calling-thread.ts'
import type { OffsetRange } from './graph/contracts/source.ts'
import { checkPartitions } from './graph/partitioner.ts'
import type { LogViews } from './ports.ts'
import type { Dataset } from './rdd/dataset.ts'
import type { PairRDD, RDDOf } from './rdd/pair-rdd.ts'
import { type RddContext, rddContext } from './rdd/rdd-context.ts'
import type { RDD } from './rdd/rdd.ts'
import { Accumulator, Broadcast } from './rdd/shared.ts'
import { SourceDataset } from './rdd/source-dataset.ts'
import { type SpillOptions, SpillSpace } from './rdd/spill-space.ts'
import { ArrayDataset, sliceRows } from './rdd/stored.ts'
import { united } from './rdd/union.ts'
import { isRemote } from './source/remote-topic-source.ts'
import type { RowKind } from './source/row-kind.ts'
import { ObjectFilesDataset } from './source/object-files.ts'
import { BinaryRecordsDataset, filesOf, TextFileDataset, WholeTextFilesDataset } from './source/text-file.ts'
import { TopicSource } from './source/topic-source.ts'

export interface BatchContextOptions extends SpillOptions {
  /** Whose topics can be read; `startBroker()` gives one. */
  readonly broker?: { readonly logViews: LogViews }
  /** Partitions where nothing says a number; default 1. */
  readonly parallelism?: number
  readonly executor?: ExecutorOptions
}

/** Rows [from, until) of one partition; left out, from the first row or to the last committed one. */
export interface TopicRange {
  readonly partition: number
  readonly from?: bigint
  readonly until?: bigint
}

export class BatchContext implements Disposable {
  private readonly logViews: LogViews | undefined
  private readonly scopeOf: (scope: string) => RddContext
  private readonly parallelism: number
  private readonly held: (() => void)[] = []
  /** In the order in which they were made, which is the same in every thread of a job. Not part of the public API. */
  readonly accumulators: Accumulator<unknown, unknown>[] = []

  /** `inside`: the RDDs are a streaming job's. */
  constructor(options: BatchContextOptions = {}, inside?: (scope: string) => RddContext) {
    const { parallelism = 1, broker, executor } = options
    this.parallelism = parallelism
    this.logViews = broker?.logViews
    const run = () => new CallingThreadExecutor({ ...executor, spills: new SpillSpace(options) })
    this.scopeOf = inside ?? scopesOf(run(), parallelism)
  }

  parallelize<T>(rows: readonly T[], numPartitions = this.parallelism): RDDOf<T> {
    checkPartitions('parallelize', numPartitions)
    return this.of('parallelize', new ArrayDataset(sliceRows(rows, numPartitions)))
  }

  makeRDD<T>(rows: readonly T[], numPartitions = this.parallelism): RDDOf<T> {
    return this.parallelize(rows, numPartitions)
  }

  emptyRDD<T>(): RDDOf<T> {
    return this.of('emptyRDD', new ArrayDataset<T>([]))
  }

  /** Whole numbers from `start` up to, and not with, `end`. */
  range(start: number, end: number, step = 1, numPartitions = this.parallelism): RDD<number> {
    checkPartitions('range', numPartitions)
    if (step === 0 || !Number.isSafeInteger(step)) throw new RangeError(`a range with a step of ${step}`)
    const count = Math.max(0, Math.ceil((end - start) / step))
    const indexes = Array.from({ length: numPartitions }, (_, i) => i)
    const bound = (i: number) => Math.floor((i * count) / indexes.length)
    const parts = indexes.map((i) =>
      Array.from({ length: bound(i + 1) - bound(i) }, (_, at) => start + (bound(i) + at) * step),
    )
    return this.of('range', new ArrayDataset(parts)) as RDD<number>
  }

  /** Lines of a file, of the files of a directory, or of several of either. */
  textFile(location: string | readonly string[], minPartitions = this.parallelism): RDD<string> {
    checkPartitions('textFile', minPartitions)
    return this.of('textFile', new TextFileDataset(filesOf(location), minPartitions))
  }

  /** Files as pairs of path and text. */
  wholeTextFiles(
    location: string | readonly string[],
    numPartitions = this.parallelism,
  ): PairRDD<string, string> {
    checkPartitions('wholeTextFiles', numPartitions)
    return this.of('wholeTextFiles', new WholeTextFilesDataset(filesOf(location), numPartitions))
  }

  /** Rows that saveAsObjectFile or saveAsObjectFiles wrote: of a directory, a file, or several of either. */
  objectFile<T>(location: string | readonly string[]): RDDOf<T> {
    return this.of('objectFile', new ObjectFilesDataset(filesOf(location)) as Dataset<T>)
  }

  /** Records of a fixed length in bytes. */
  binaryRecords(location: string | readonly string[], recordLength: number): RDD<Buffer> {
    return this.of('binaryRecords', new BinaryRecordsDataset(filesOf(location), recordLength))
  }

  /**
   * Committed rows of a topic, one partition for each of its partitions or of the ranges that are given. What is
   * there now is read however late the actions run; segments stay until the context is closed.
   */
  topic<T>(topic: string, rows: RowKind<T>, ranges?: readonly TopicRange[]): RDDOf<T> {
    const { logViews } = this
    if (logViews === undefined) throw new TypeError('a topic needs a context with a broker')
    if (isRemote(logViews)) {
      throw new TypeError(
        'a range of a topic is read from a broker in this process; one elsewhere is for streams',
      )
    }
    const count = logViews.partitionCount(topic)
    if (count === 0) throw new RangeError(`there is no topic '${topic}'`)
    const wanted = ranges ?? Array.from({ length: count }, (_, partition) => ({ partition }))
    const planned = wanted.map((range) => offsetRange(logViews, topic, count, range))
    const source = new TopicSource({ views: logViews, topics: topic, rows })
    source.restore(planned)
    this.held.push(() => source.release(planned))
    return this.of('topic', new SourceDataset(source, planned, topic))
  }

  union<T>(rdds: readonly RDD<T>[]): RDDOf<T> {
    return this.of('union', united(rdds.map(({ dataset }) => dataset)))
  }

  broadcast<T>(value: T): Broadcast<T> {
    return new Broadcast(value)
  }

  longAccumulator(name?: string): Accumulator<number, number> {
    return this.doubleAccumulator(name)
  }

  doubleAccumulator(name?: string): Accumulator<number, number> {
    const add = (sum: number, value: number) => sum + value
    return this.registered(new Accumulator(() => 0, add, add, name))
  }

  collectionAccumulator<T>(name?: string): Accumulator<T, T[]> {
    const add = (values: T[], value: T): T[] => {
      values.push(value)
      return values
    }
    const addAll = (values: T[], more: T[]): T[] => {
      for (const value of more) values.push(value)
      return values
    }
    return this.registered(new Accumulator<T, T[]>(() => [], add, addAll, name))
  }

  private registered<T, R>(accumulator: Accumulator<T, R>): Accumulator<T, R> {
    this.accumulators.push(accumulator as Accumulator<unknown, unknown>)
    return accumulator
  }

  /** Lets go of what topics' RDDs hold in the log. */
  close(): void {
    for (const release of this.held.splice(0)) release()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  private of<T>(kind: string, dataset: { partitions: number } & Parameters<RddContext['rdd']>[0]): RDDOf<T> {
    // A PairRDD is an RDD with more methods; RDDOf says whether they may be used.
    const pairs = dataset as unknown as Parameters<RddContext['pairs']>[0]
    return this.scopeOf(kind).pairs(pairs) as unknown as RDDOf<T>
  }
}

function offsetRange(views: LogViews, topic: string, count: number, range: TopicRange): OffsetRange {
  const { partition } = range
  if (!(partition >= 0 && partition < count)) throw new RangeError(`${topic} has no partition ${partition}`)
  const { topicId, logStartOffset, stableEndOffset } = views.view(topic, partition)
  const { from = logStartOffset, until = stableEndOffset } = range
  if (from > until) throw new RangeError(`${topic}-${partition}: rows from ${from} to ${until}`)
  return { topic, partition, topicId, from, until }
}

function scopesOf(run: CallingThreadExecutor, parallelism: number) {
  return (scope: string) => rddContext({ run, parallelism, scope, outlives: true })
}
