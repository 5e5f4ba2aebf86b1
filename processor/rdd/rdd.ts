// The rows of one batch as the user's functions see them (transform, foreachRDD): operators describe,
// actions run. An RDD is good while its batch runs; what must outlive the batch is collected.

import { OperatorError } from '../graph/errors.ts'
import type { OffsetRange } from '../graph/contracts/source.ts'
import { reducing } from './aggregate.ts'
import { drainAll, type Dataset, type TaskRunner } from './dataset.ts'
import { cogrouped, joined } from './join.ts'
import * as narrow from './narrow.ts'
import { countCombiner, groupCombiner, reduceCombiner, ShuffledDataset, type Combiner } from './shuffle.ts'
import { SourceDataset } from './source-dataset.ts'
import { CachedDataset } from './stored.ts'
import { UnionDataset } from './union.ts'
import { WholePartitionDataset } from './whole-partition.ts'

/** Where an RDD runs, and how its operators are named in errors. */
export interface RddContext {
  readonly run: TaskRunner
  /** Partitions of a shuffle that does not say its own number. */
  readonly parallelism: number
  /** Name of the stream operator whose function made the RDD. */
  readonly scope: string
}

export class RDD<T> implements AsyncIterable<T> {
  /** What the engine reads; not part of the public API. */
  readonly dataset: Dataset<T>
  protected readonly context: RddContext

  constructor(dataset: Dataset<T>, context: RddContext) {
    this.dataset = dataset
    this.context = context
  }

  /** How many row partitions there are. */
  get partitions(): number {
    return this.dataset.partitions
  }

  /** What the rows were read from. Only the RDD that createDirectStream yields has it, before any operator. */
  get offsetRanges(): readonly OffsetRange[] {
    if (this.dataset instanceof SourceDataset) return this.dataset.ranges
    throw new Error(
      `${this.context.scope}: offsetRanges are on the RDD of a direct stream itself, before any operator`,
    )
  }

  map<U>(f: (row: T) => U): RDD<U> {
    return this.narrow(narrow.mapPipe(this.name('map'), f))
  }

  filter<U extends T>(f: (row: T) => row is U): RDD<U>
  filter(f: (row: T) => boolean): RDD<T>
  filter(f: (row: T) => boolean): RDD<T> {
    return this.narrow(narrow.filterPipe(this.name('filter'), f))
  }

  flatMap<U>(f: (row: T) => Iterable<U>): RDD<U> {
    return this.narrow(narrow.flatMapPipe(this.name('flatMap'), f))
  }

  /** `f` gets a partition's rows as one array. */
  mapPartitions<U>(f: (rows: T[]) => Iterable<U>): RDD<U> {
    return this.of(new WholePartitionDataset(this.dataset, this.name('mapPartitions'), f))
  }

  glom(): RDD<T[]> {
    return this.mapPartitions((rows) => [rows])
  }

  union(...others: RDD<T>[]): RDD<T> {
    return this.of(new UnionDataset([this.dataset, ...others.map((other) => other.dataset)]))
  }

  mapToPair<K, V>(f: (row: T) => readonly [K, V]): PairRDD<K, V> {
    return this.pairs(new narrow.NarrowDataset(this.dataset, narrow.mapPipe(this.name('mapToPair'), f)))
  }

  keyBy<K>(f: (row: T) => K): PairRDD<K, T> {
    return this.mapToPair((row) => [f(row), row])
  }

  countByValue(partitions = this.context.parallelism): PairRDD<T, number> {
    const keyed = new narrow.NarrowDataset<T, readonly [T, null]>(
      this.dataset,
      narrow.mapPipe(this.name('countByValue'), (row) => [row, null]),
    )
    return this.pairs(new ShuffledDataset(keyed, this.name('countByValue'), partitions, countCombiner()))
  }

  distinct(partitions = this.context.parallelism): RDD<T> {
    return this.countByValue(partitions).keys()
  }

  /** Rows are computed once and held for further operators and actions. */
  cache(): RDD<T> {
    return this.dataset.keeps === 'always' ? this : this.of(new CachedDataset(this.dataset))
  }

  async collect(): Promise<T[]> {
    const rows: T[] = []
    await drainAll(this.dataset, this.context.run, (row) => void rows.push(row))
    return rows
  }

  /** The first rows, in the order of the partitions; reads no more than it needs to. */
  async take(count: number): Promise<T[]> {
    const rows: T[] = []
    const { dataset, context } = this
    await dataset.prepare(context.run)
    for (let partition = 0; partition < dataset.partitions && rows.length < count; partition++) {
      const reader = dataset.open(partition, (row) => {
        if (rows.length < count) rows.push(row)
      })
      await context.run.drain(reader, undefined, () => rows.length >= count)
    }
    return rows
  }

  async first(): Promise<T> {
    const rows = await this.take(1)
    if (rows.length === 0) throw new Error(`${this.context.scope}: first() of an empty RDD`)
    return rows[0] as T
  }

  async isEmpty(): Promise<boolean> {
    return (await this.take(1)).length === 0
  }

  async count(): Promise<number> {
    let count = 0
    await drainAll(this.dataset, this.context.run, () => void count++)
    return count
  }

  /** undefined where there are no rows. */
  async reduce(f: (a: T, b: T) => T): Promise<T | undefined> {
    const fold = reducing(this.name('reduce'), f)
    await drainAll(this.dataset, this.context.run, (row) => fold.add(row))
    return fold.result()[0]
  }

  /** `f` must not be async: nothing would wait for it. Rows to be awaited are taken by `for await`. */
  async foreach(f: (row: T) => void): Promise<void> {
    const name = this.name('foreach')
    const called = new narrow.NarrowDataset(this.dataset, narrow.mapPipe<T, unknown>(name, f))
    await drainAll(called, this.context.run, (result) => {
      if (result instanceof Promise)
        throw new OperatorError(name, new TypeError('its function is async; use for await'))
    })
  }

  /** Rows one after the other, some hundreds of them in memory at a time. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    const { dataset, context } = this
    await dataset.prepare(context.run)
    for (let partition = 0; partition < dataset.partitions; partition++) {
      let rows: T[] = []
      const reader = dataset.open(partition, (row) => void rows.push(row))
      let more = true
      const slice = { read: () => (more = reader.read(256)), close: () => {} }
      try {
        while (more) {
          await context.run.drain(slice, undefined, () => rows.length > 0)
          const ready = rows
          rows = []
          yield* ready
        }
      } finally {
        reader.close()
      }
    }
  }

  protected name(kind: string): string {
    return `${this.context.scope}.${kind}`
  }

  protected narrow<U>(pipe: narrow.Pipe<T, U>): RDD<U> {
    return this.of(new narrow.NarrowDataset(this.dataset, pipe))
  }

  protected of<U>(dataset: Dataset<U>): RDD<U> {
    return new RDD(dataset, this.context)
  }

  protected pairs<K, V>(dataset: Dataset<readonly [K, V]>): PairRDD<K, V> {
    return new PairRDD(dataset, this.context)
  }
}

/** Rows are pairs; keys are compared by value (string, number, bigint, boolean, null). */
export class PairRDD<K, V> extends RDD<readonly [K, V]> {
  keys(): RDD<K> {
    return this.map((row) => row[0])
  }

  values(): RDD<V> {
    return this.map((row) => row[1])
  }

  mapValues<U>(f: (value: V) => U): PairRDD<K, U> {
    const pipe = narrow.mapValuesPipe<K, V, U>(this.name('mapValues'), f)
    return this.pairs(new narrow.NarrowDataset(this.dataset, pipe))
  }

  flatMapValues<U>(f: (value: V) => Iterable<U>): PairRDD<K, U> {
    const pipe = narrow.flatMapValuesPipe<K, V, U>(this.name('flatMapValues'), f)
    return this.pairs(new narrow.NarrowDataset(this.dataset, pipe))
  }

  reduceByKey(f: (a: V, b: V) => V, partitions = this.context.parallelism): PairRDD<K, V> {
    return this.shuffled('reduceByKey', partitions, reduceCombiner(f))
  }

  groupByKey(partitions = this.context.parallelism): PairRDD<K, V[]> {
    return this.shuffled('groupByKey', partitions, groupCombiner<V>())
  }

  combineByKey<C>(combiner: Combiner<V, C>, partitions = this.context.parallelism): PairRDD<K, C> {
    return this.shuffled('combineByKey', partitions, combiner)
  }

  cogroup<W>(other: PairRDD<K, W>, partitions = this.context.parallelism): PairRDD<K, [V[], W[]]> {
    return this.pairs(cogrouped(this.dataset, other.dataset, this.name('cogroup'), partitions))
  }

  join<W>(other: PairRDD<K, W>, partitions = this.context.parallelism): PairRDD<K, [V, W]> {
    const outer = { left: false, right: false }
    return this.pairs(joined<K, [V, W]>(this.dataset, other.dataset, this.name('join'), partitions, outer))
  }

  leftOuterJoin<W>(
    other: PairRDD<K, W>,
    partitions = this.context.parallelism,
  ): PairRDD<K, [V, W | undefined]> {
    const name = this.name('leftOuterJoin')
    const outer = { left: false, right: true }
    return this.pairs(joined<K, [V, W | undefined]>(this.dataset, other.dataset, name, partitions, outer))
  }

  rightOuterJoin<W>(
    other: PairRDD<K, W>,
    partitions = this.context.parallelism,
  ): PairRDD<K, [V | undefined, W]> {
    const name = this.name('rightOuterJoin')
    const outer = { left: true, right: false }
    return this.pairs(joined<K, [V | undefined, W]>(this.dataset, other.dataset, name, partitions, outer))
  }

  fullOuterJoin<W>(
    other: PairRDD<K, W>,
    partitions = this.context.parallelism,
  ): PairRDD<K, [V | undefined, W | undefined]> {
    const name = this.name('fullOuterJoin')
    const outer = { left: true, right: true }
    type Row = [V | undefined, W | undefined]
    return this.pairs(joined<K, Row>(this.dataset, other.dataset, name, partitions, outer))
  }

  private shuffled<C>(kind: string, partitions: number, combiner: Combiner<V, C>): PairRDD<K, C> {
    return this.pairs(new ShuffledDataset(this.dataset, this.name(kind), partitions, combiner))
  }
}
