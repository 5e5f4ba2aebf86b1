// Rows in partitions as programs see them (batch programs, transform, foreachRDD): operators describe, actions run.
// An RDD of a stream is good while its batch runs; what must outlive the batch is collected.

import type { OffsetRange } from '../graph/contracts/source.ts'
import { checkPartitions, type Partitioner, type Partitioning } from '../graph/partitioner.ts'
import { RddActions } from './actions.ts'
import { CartesianDataset } from './cartesian.ts'
import { CoalescedDataset } from './coalesced.ts'
import type { Dataset } from './dataset.ts'
import { IndexedDataset } from './indexed.ts'
import * as narrow from './narrow.ts'
import { type Compare, naturally } from './order.ts'
import type { PairRDD } from './pair-rdd.ts'
import type { PartitionWiseOptions } from './partition-wise.ts'
import { PipedDataset } from './piped.ts'
import { RepartitionedDataset } from './repartition.ts'
import { checkFraction, drawnBetween, sampled, type SampleOptions } from './sample.ts'
import { SortedDataset } from './sorted.ts'
import { SourceDataset } from './source-dataset.ts'
import { CachedDataset, persisted } from './stored.ts'
import { checkStorageLevel, type StorageLevel } from './storage-level.ts'
import { united } from './union.ts'
import { WholePartitionDataset } from './whole-partition.ts'
import { pairUp, ZippedDataset } from './zipped.ts'

export class RDD<T> extends RddActions<T> {
  private uncached: Dataset<T> | undefined

  /** What the rows were read from. Only the RDD that createDirectStream yields has it, before any operator. */
  get offsetRanges(): readonly OffsetRange[] {
    if (this.dataset instanceof SourceDataset) return this.dataset.ranges
    throw new Error(
      `${this.context.scope}: offsetRanges are on the RDD of a direct stream itself, before any operator`,
    )
  }

  /** Its rows are pairs, and lie where this puts their keys; undefined: nobody knows. */
  get partitioner(): Partitioner | undefined {
    return this.dataset.partitioner
  }

  map<U>(f: (row: T) => U): RDD<U> {
    return this.narrow(narrow.mapPipe(this.name('map'), f))
  }

  filter<U extends T>(f: (row: T) => row is U): RDD<U>
  filter(f: (row: T) => boolean): RDD<T>
  filter(f: (row: T) => boolean): RDD<T> {
    return this.narrow(narrow.filterPipe(this.name('filter'), f), { keepsKeys: true })
  }

  flatMap<U>(f: (row: T) => Iterable<U>): RDD<U> {
    return this.narrow(narrow.flatMapPipe(this.name('flatMap'), f))
  }

  mapToPair<K, V>(f: (row: T) => readonly [K, V]): PairRDD<K, V> {
    return this.pairs(new narrow.NarrowDataset(this.dataset, narrow.mapPipe(this.name('mapToPair'), f)))
  }

  keyBy<K>(f: (row: T) => K): PairRDD<K, T> {
    return this.mapToPair((row) => [f(row), row])
  }

  groupBy<K>(f: (row: T) => K, partitioning?: Partitioning<K>): PairRDD<K, T[]> {
    return this.keyBy(f).groupByKey(partitioning)
  }

  /** `f` gets a partition's rows as one array. */
  mapPartitions<U>(f: (rows: T[]) => Iterable<U>, options?: PartitionsOptions): RDD<U> {
    return this.of(this.whole('mapPartitions', f, options))
  }

  /** As `mapPartitions`, yielding pairs. */
  mapPartitionsToPair<K, V>(
    f: (rows: T[]) => Iterable<readonly [K, V]>,
    options?: PartitionsOptions,
  ): PairRDD<K, V> {
    return this.pairs(this.whole('mapPartitionsToPair', f, options))
  }

  mapPartitionsWithIndex<U>(
    f: (partition: number, rows: T[]) => Iterable<U>,
    options?: PartitionsOptions,
  ): RDD<U> {
    return this.of(this.whole('mapPartitionsWithIndex', (rows, partition) => f(partition, rows), options))
  }

  glom(): RDD<T[]> {
    return this.mapPartitions((rows) => [rows])
  }

  union(...others: RDD<T>[]): RDD<T> {
    return this.of(united([this.dataset, ...others.map((other) => other.dataset)]))
  }

  /** Each row once. Rows must be what keys can be, as for intersection and subtract. */
  distinct(numPartitions = this.atLeastOne): RDD<T> {
    return this.marked()
      .reduceByKey((mark) => mark, numPartitions)
      .keys()
  }

  /** Rows that are in both, each once. */
  intersection(other: RDD<T>, partitioning?: Partitioning<T>): RDD<T> {
    return this.marked()
      .cogroup(other.marked(), partitioning)
      .filter(([, [here, there]]) => here.length > 0 && there.length > 0)
      .map(([row]) => row)
  }

  /** Rows that are not in the other, as often as they are here. */
  subtract(other: RDD<T>, partitioning: Partitioning<T> = this.atLeastOne): RDD<T> {
    return this.marked().subtractByKey(other.marked(), partitioning).keys()
  }

  /** Every row with every row of the other. */
  cartesian<U>(other: RDD<U>): PairRDD<T, U> {
    return this.pairs(new CartesianDataset(this.dataset, other.dataset, this.context))
  }

  /** Each row with the given probability, the same ones for the same seed. */
  sample(fraction: number, options: SampleOptions = {}): RDD<T> {
    checkFraction(this.name('sample'), fraction, options.withReplacement)
    return this.of(sampled(this.dataset, () => fraction, options))
  }

  /** RDDs that share no row and have all of them together, in the proportion of the weights. */
  randomSplit(weights: readonly number[], seed = 0): RDD<T>[] {
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    if (!(total > 0) || weights.some((weight) => !(weight >= 0))) {
      throw new RangeError(`${this.name('randomSplit')}: weights of ${weights.join(', ')}`)
    }
    let below = 0
    return weights.map((weight, index) => {
      const from = below / total
      below += weight
      const until = index === weights.length - 1 ? 1 : below / total
      return this.of(drawnBetween(this.dataset, from, until, seed))
    })
  }

  /** In the order of what `f` makes of a row; rows that are alike there stay in their order. */
  sortBy<U>(
    f: (row: T) => U,
    { ascending = true, compare = naturally, numPartitions = this.atLeastOne }: SortOptions<U> = {},
  ): RDD<T> {
    const sorting = { by: f, compare, ascending, numPartitions }
    return this.of(new SortedDataset(this.dataset, this.name('sortBy'), sorting))
  }

  /** Row with row. Throws, when it runs, where a partition of one has more rows than the other's. */
  zip<U>(other: RDD<U>): PairRDD<T, U> {
    return this.pairs(
      new ZippedDataset(this.dataset, other.dataset, this.name('zip'), pairUp<T, U>, this.context),
    )
  }

  zipPartitions<U, R>(
    other: RDD<U>,
    f: (rows: T[], others: U[]) => Iterable<R>,
    options?: PartitionsOptions,
  ): RDD<R> {
    const name = this.name('zipPartitions')
    const { outlives } = this.context
    const keepsKeys = options?.preservesPartitioning
    return this.of(new ZippedDataset(this.dataset, other.dataset, name, f, { outlives, keepsKeys }))
  }

  /** Rows with their number in the order of the partitions. Holds the rows, to count them first. */
  zipWithIndex(): PairRDD<T, number> {
    const held = new CachedDataset(this.dataset, { counted: true })
    const numbered = new IndexedDataset<T, readonly [T, number]>(held, (partition) => (emit) => {
      let next = held.rowsBefore(partition)
      return (row) => emit([row, next++])
    })
    return this.pairs(numbered)
  }

  /** Fewer partitions, of neighbours; with `shuffle` any number, evenly filled. */
  coalesce(numPartitions: number, shuffle = false): RDD<T> {
    checkPartitions(this.name('coalesce'), numPartitions)
    return this.of(
      shuffle
        ? new RepartitionedDataset(this.dataset, numPartitions, this.context)
        : new CoalescedDataset(this.dataset, numPartitions, this.context),
    )
  }

  repartition(numPartitions: number): RDD<T> {
    return this.coalesce(numPartitions, true)
  }

  /** Through a program, line by line: its words, or one text that is split at blanks. */
  pipe(command: string | readonly [string, ...string[]]): RDD<string> {
    const words = typeof command === 'string' ? command.split(/\s+/).filter((word) => word !== '') : command
    if (words.length === 0) throw new TypeError(`${this.name('pipe')}: no command`)
    return this.of(new PipedDataset(this.dataset, this.name('pipe'), words as [string, ...string[]]))
  }

  /** Rows are computed once, at the first action, and held for further operators and actions. */
  persist(level: StorageLevel = 'MEMORY_ONLY'): this {
    checkStorageLevel(level)
    if (level === 'NONE') return this.unpersist()
    if (this.uncached !== undefined) return this
    this.uncached = this.current
    this.current = persisted(this.current, level, this.name('persist'))
    return this
  }

  cache(): this {
    return this.persist()
  }

  /** RDDs made of this one while it was persisted keep what they hold. */
  unpersist(): this {
    this.current = this.uncached ?? this.current
    this.uncached = undefined
    return this
  }

  /** Held for good: how the rows were made is forgotten once they are. */
  localCheckpoint(): this {
    this.persist()
    this.uncached = undefined
    return this
  }

  /** As localCheckpoint, with the rows in a file. */
  checkpoint(): this {
    this.persist('DISK_ONLY')
    this.uncached = undefined
    return this
  }

  /** Rows as keys without a value. */
  protected marked(): PairRDD<T, null> {
    return this.mapToPair((row) => [row, null])
  }

  protected narrow<U>(pipe: narrow.Pipe<T, U>, options?: PartitionWiseOptions): RDD<U> {
    return this.of(new narrow.NarrowDataset(this.dataset, pipe, options))
  }

  /** Partitions of what is made of it where nothing else says so. */
  protected get atLeastOne(): number {
    return Math.max(1, this.partitions)
  }

  private whole<U>(
    kind: string,
    f: (rows: T[], partition: number) => Iterable<U>,
    { preservesPartitioning: keepsKeys }: PartitionsOptions = {},
  ): Dataset<U> {
    return new WholePartitionDataset(this.dataset, this.name(kind), f, { keepsKeys })
  }

  protected of<U>(dataset: Dataset<U>): RDD<U> {
    return this.context.rdd(dataset)
  }

  protected pairs<K, V>(dataset: Dataset<readonly [K, V]>): PairRDD<K, V> {
    return this.context.pairs(dataset)
  }
}

export interface PartitionsOptions {
  /** The function leaves the keys of pairs as they are, so rows still lie by the partitioner. Default false. */
  readonly preservesPartitioning?: boolean
}

export interface SortOptions<U> {
  readonly ascending?: boolean
  readonly compare?: Compare<U>
  /** Default: as many as there are now. */
  readonly numPartitions?: number
}
