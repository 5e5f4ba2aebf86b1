// RDDs of pairs: what brings rows together by key. Keys are compared by value (string, number, bigint, boolean,
// null), and a key's rows are always in the partition that its hash says.

import { RDD, checkPartitions, type SortOptions } from './rdd.ts'
import { CogroupedDataset } from './cogroup.ts'
import type { Dataset } from './dataset.ts'
import { cogrouped, joined, type Outer } from './join.ts'
import * as narrow from './narrow.ts'
import { PartitionedDataset } from './partitioned.ts'
import { checkFraction, sampled, type SampleOptions } from './sample.ts'
import { type Compare, comparing, naturally, SortedDataset } from './sorted.ts'
import { countCombiner, groupCombiner, reduceCombiner, ShuffledDataset, type Combiner } from './shuffle.ts'
import { WholePartitionDataset } from './whole-partition.ts'

/** The value lists of up to four RDDs under one key. */
type Groups<R extends readonly PairRDD<unknown, unknown>[]> = {
  -readonly [I in keyof R]: R[I] extends PairRDD<unknown, infer W> ? W[] : never
}

/** The RDD of rows that may be pairs: those have the keyed operators. */
export type RDDOf<T> = T extends readonly [infer K, infer V] ? PairRDD<K, V> & RDD<T> : RDD<T>

export class PairRDD<K, V> extends RDD<readonly [K, V]> {
  keys(): RDD<K> {
    return this.map((row) => row[0])
  }

  values(): RDD<V> {
    return this.map((row) => row[1])
  }

  override filter<U extends readonly [K, V]>(f: (row: readonly [K, V]) => row is U): PairRDD<U[0], U[1]>
  override filter(f: (row: readonly [K, V]) => boolean): PairRDD<K, V>
  override filter(f: (row: readonly [K, V]) => boolean): PairRDD<K, V> {
    return this.pairs(new narrow.NarrowDataset(this.dataset, narrow.filterPipe(this.name('filter'), f)))
  }

  mapValues<U>(f: (value: V) => U): PairRDD<K, U> {
    const pipe = narrow.mapValuesPipe<K, V, U>(this.name('mapValues'), f)
    return this.pairs(new narrow.NarrowDataset(this.dataset, pipe))
  }

  flatMapValues<U>(f: (value: V) => Iterable<U>): PairRDD<K, U> {
    const pipe = narrow.flatMapValuesPipe<K, V, U>(this.name('flatMapValues'), f)
    return this.pairs(new narrow.NarrowDataset(this.dataset, pipe))
  }

  reduceByKey(f: (a: V, b: V) => V, numPartitions?: number): PairRDD<K, V> {
    return this.shuffled('reduceByKey', reduceCombiner(f), numPartitions)
  }

  /** Each key's values are folded into a zero of its own. */
  foldByKey(zero: V | (() => V), f: (a: V, b: V) => V, numPartitions?: number): PairRDD<K, V> {
    return this.aggregateByKey(zero, f, f, numPartitions)
  }

  /** `combine` brings together what was added in different places. A zero that is changed in place must be made by a function. */
  aggregateByKey<U>(
    zero: U | (() => U),
    add: (into: U, value: V) => U,
    combine: (a: U, b: U) => U,
    numPartitions?: number,
  ): PairRDD<K, U> {
    const begin = () => (typeof zero === 'function' ? (zero as () => U)() : zero)
    const combiner: Combiner<V, U> = {
      create: (value) => add(begin(), value),
      merge: add,
      mergeCombined: combine,
    }
    return this.shuffled('aggregateByKey', combiner, numPartitions)
  }

  groupByKey(numPartitions?: number): PairRDD<K, V[]> {
    return this.shuffled('groupByKey', groupCombiner<V>(), numPartitions)
  }

  combineByKey<C>(combiner: Combiner<V, C>, numPartitions?: number): PairRDD<K, C> {
    return this.shuffled('combineByKey', combiner, numPartitions)
  }

  /** Rows move to their keys' partitions as they are. */
  partitionBy(numPartitions: number): PairRDD<K, V> {
    const name = this.name('partitionBy')
    checkPartitions(name, numPartitions)
    return this.pairs(new PartitionedDataset(this.dataset, name, numPartitions))
  }

  /** Rows in their keys' partitions, each partition in the order of its keys. */
  repartitionAndSortWithinPartitions(numPartitions: number, compare: Compare<K> = naturally): PairRDD<K, V> {
    const name = this.name('repartitionAndSortWithinPartitions')
    const order = comparing((row: readonly [K, V]) => row[0], true, compare)
    const moved = this.partitionBy(numPartitions).dataset
    return this.pairs(new WholePartitionDataset(moved, name, (rows) => rows.sort(order)))
  }

  sortByKey(options: SortOptions<K> = {}): PairRDD<K, V> {
    const { ascending = true, compare = naturally, numPartitions = this.partitions } = options
    const order = comparing((row: readonly [K, V]) => row[0], ascending, compare)
    return this.pairs(new SortedDataset(this.dataset, this.name('sortByKey'), order, numPartitions))
  }

  /** The values of up to four RDDs under each key. */
  cogroup<W>(other: PairRDD<K, W>, numPartitions?: number): PairRDD<K, [V[], W[]]> {
    const partitions = this.partitionsOr(numPartitions)
    return this.pairs(cogrouped(this.dataset, other.dataset, this.name('cogroup'), partitions))
  }

  /** As cogroup, with two or three others. */
  groupWith<const R extends readonly PairRDD<K, unknown>[]>(...others: R): PairRDD<K, [V[], ...Groups<R>]> {
    const parents = [this, ...others].map(({ dataset }) => dataset as Dataset<readonly [K, unknown]>)
    const groups = new CogroupedDataset<K>(parents, this.name('groupWith'), this.context.parallelism)
    return this.pairs(groups as unknown as Dataset<readonly [K, [V[], ...Groups<R>]]>)
  }

  join<W>(other: PairRDD<K, W>, numPartitions?: number): PairRDD<K, [V, W]> {
    return this.joined<W, [V, W]>('join', other, { left: false, right: false }, numPartitions)
  }

  leftOuterJoin<W>(other: PairRDD<K, W>, numPartitions?: number): PairRDD<K, [V, W | undefined]> {
    return this.joined('leftOuterJoin', other, { left: false, right: true }, numPartitions)
  }

  rightOuterJoin<W>(other: PairRDD<K, W>, numPartitions?: number): PairRDD<K, [V | undefined, W]> {
    return this.joined('rightOuterJoin', other, { left: true, right: false }, numPartitions)
  }

  fullOuterJoin<W>(other: PairRDD<K, W>, numPartitions?: number): PairRDD<K, [V | undefined, W | undefined]> {
    return this.joined('fullOuterJoin', other, { left: true, right: true }, numPartitions)
  }

  /** Rows whose key the other has not. */
  subtractByKey(other: PairRDD<K, unknown>, numPartitions?: number): PairRDD<K, V> {
    return this.cogroup(other, numPartitions)
      .filter(([, [, there]]) => there.length === 0)
      .flatMapValues(([here]) => here)
  }

  /** Each row with the probability of its key; keys without one are left out. */
  sampleByKey(fractions: ReadonlyMap<K, number>, options: SampleOptions = {}): PairRDD<K, V> {
    const name = this.name('sampleByKey')
    for (const fraction of fractions.values()) checkFraction(name, fraction, options.withReplacement)
    return this.pairs(sampled(this.dataset, ([key]) => fractions.get(key) ?? 0, options))
  }

  /** The values of one key. */
  async lookup(key: K): Promise<V[]> {
    const values: V[] = []
    await this.each(([other, value]) => {
      if (Object.is(other, key) || other === key) values.push(value)
    })
    return values
  }

  async countByKey(): Promise<Map<K, number>> {
    return new Map(await this.shuffled('countByKey', countCombiner()).collect())
  }

  /** Where a key has more rows, the last one counts. */
  async collectAsMap(): Promise<Map<K, V>> {
    return new Map(await this.collect())
  }

  private partitionsOr(numPartitions: number | undefined): number {
    return numPartitions ?? this.context.parallelism
  }

  private joined<W, R>(
    kind: string,
    other: PairRDD<K, W>,
    outer: Outer,
    numPartitions: number | undefined,
  ): PairRDD<K, R> {
    const partitions = this.partitionsOr(numPartitions)
    return this.pairs(joined<K, R>(this.dataset, other.dataset, this.name(kind), partitions, outer))
  }

  private shuffled<C>(kind: string, combiner: Combiner<V, C>, numPartitions?: number): PairRDD<K, C> {
    const partitions = this.partitionsOr(numPartitions)
    return this.pairs(new ShuffledDataset(this.dataset, this.name(kind), partitions, combiner))
  }
}
