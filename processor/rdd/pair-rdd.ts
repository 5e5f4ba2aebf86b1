// RDDs of pairs: what brings rows together by key. Keys are compared by value (string, number, bigint, boolean,
// null). Where a key's rows go, a number of partitions says, filled by the hash of keys, or a partitioner.

import {
  defaultPartitioner,
  isSamePartitioner,
  KeyPlaces,
  partitionerOf,
  type Partitioning,
} from '../graph/partitioner.ts'
import { RDD, type SortOptions } from './rdd.ts'
import { CogroupedDataset } from './cogroup.ts'
import type { Dataset } from './dataset.ts'
import { joined, type Outer } from './join.ts'
import * as narrow from './narrow.ts'
import { type Compare, naturally } from './order.ts'
import { PartitionedDataset } from './partitioned.ts'
import { placesKnown } from './range-partitioner.ts'
import { checkFraction, sampled, type SampleOptions } from './sample.ts'
import { SortedDataset } from './sorted.ts'
import { countCombiner, groupCombiner, reduceCombiner, ShuffledDataset, type Combiner } from './shuffle.ts'
import { WholePartitionDataset } from './whole-partition.ts'

/** The value lists of up to four RDDs under one key. */
type Groups<R extends readonly PairRDD<unknown, unknown>[]> = {
  -readonly [I in keyof R]: R[I] extends PairRDD<unknown, infer W> ? W[] : never
}

/** The RDD of rows that may be pairs: those have the keyed operators. */
export type RDDOf<T> = T extends readonly [infer K, infer V] ? PairRDD<K, V> & RDD<T> : RDD<T>

const KEYS_STAY = { keepsKeys: true }

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
    const pipe = narrow.filterPipe(this.name('filter'), f)
    return this.pairs(new narrow.NarrowDataset(this.dataset, pipe, KEYS_STAY))
  }

  mapValues<U>(f: (value: V) => U): PairRDD<K, U> {
    const pipe = narrow.mapValuesPipe<K, V, U>(this.name('mapValues'), f)
    return this.pairs(new narrow.NarrowDataset(this.dataset, pipe, KEYS_STAY))
  }

  flatMapValues<U>(f: (value: V) => Iterable<U>): PairRDD<K, U> {
    const pipe = narrow.flatMapValuesPipe<K, V, U>(this.name('flatMapValues'), f)
    return this.pairs(new narrow.NarrowDataset(this.dataset, pipe, KEYS_STAY))
  }

  reduceByKey(f: (a: V, b: V) => V, partitioning?: Partitioning<K>): PairRDD<K, V> {
    return this.shuffled('reduceByKey', reduceCombiner(f), partitioning)
  }

  /** Each key's values are folded into a zero of its own. */
  foldByKey(zero: V | (() => V), f: (a: V, b: V) => V, partitioning?: Partitioning<K>): PairRDD<K, V> {
    return this.aggregateByKey(zero, f, f, partitioning)
  }

  /** `combine` brings together what was added in different places. A zero that is changed in place must be made by a function. */
  aggregateByKey<U>(
    zero: U | (() => U),
    add: (into: U, value: V) => U,
    combine: (a: U, b: U) => U,
    partitioning?: Partitioning<K>,
  ): PairRDD<K, U> {
    const begin = () => (typeof zero === 'function' ? (zero as () => U)() : zero)
    const combiner: Combiner<V, U> = {
      create: (value) => add(begin(), value),
      merge: add,
      mergeCombined: combine,
    }
    return this.shuffled('aggregateByKey', combiner, partitioning)
  }

  groupByKey(partitioning?: Partitioning<K>): PairRDD<K, V[]> {
    return this.shuffled('groupByKey', groupCombiner<V>(), partitioning)
  }

  combineByKey<C>(combiner: Combiner<V, C>, partitioning?: Partitioning<K>): PairRDD<K, C> {
    return this.shuffled('combineByKey', combiner, partitioning)
  }

  /** Rows move to their keys' partitions as they are; where they lie so already, it is this RDD. */
  partitionBy(partitioning: Partitioning<K>): PairRDD<K, V> {
    const places = this.places('partitionBy', partitioning)
    if (isSamePartitioner(this.partitioner, places.partitioner)) return this
    return this.pairs(new PartitionedDataset(this.dataset, places, this.context))
  }

  /** Rows in their keys' partitions, each partition in the order of its keys. */
  repartitionAndSortWithinPartitions(
    partitioning: Partitioning<K>,
    compare: Compare<K> = naturally,
  ): PairRDD<K, V> {
    const name = 'repartitionAndSortWithinPartitions'
    const order = ([a]: readonly [K, V], [b]: readonly [K, V]) => compare(a, b)
    const moved = new PartitionedDataset(this.dataset, this.places(name, partitioning), this.context)
    const sort = (rows: (readonly [K, V])[]) => rows.sort(order)
    return this.pairs(new WholePartitionDataset(moved, this.name(name), sort, KEYS_STAY))
  }

  sortByKey(options: SortOptions<K> = {}): PairRDD<K, V> {
    const { ascending = true, compare = naturally, numPartitions = this.atLeastOne } = options
    const by = ([key]: readonly [K, V]) => key
    const sorting = { by, compare, ascending, numPartitions, isKey: true }
    return this.pairs(new SortedDataset(this.dataset, this.name('sortByKey'), sorting))
  }

  /** The values of two RDDs, or with a list of others of up to four, under each key. */
  cogroup<W>(other: PairRDD<K, W>, partitioning?: Partitioning<K>): PairRDD<K, [V[], W[]]>
  cogroup<const R extends readonly PairRDD<K, unknown>[]>(
    others: R,
    partitioning?: Partitioning<K>,
  ): PairRDD<K, [V[], ...Groups<R>]>
  cogroup(
    others: PairRDD<K, unknown> | readonly PairRDD<K, unknown>[],
    partitioning?: Partitioning<K>,
  ): PairRDD<K, [V[], ...unknown[][]]> {
    return this.grouped('cogroup', others instanceof PairRDD ? [others] : others, partitioning)
  }

  /** As cogroup, with two or three others. */
  groupWith<const R extends readonly PairRDD<K, unknown>[]>(...others: R): PairRDD<K, [V[], ...Groups<R>]> {
    return this.grouped('groupWith', others)
  }

  join<W>(other: PairRDD<K, W>, partitioning?: Partitioning<K>): PairRDD<K, [V, W]> {
    return this.joined<W, [V, W]>('join', other, { left: false, right: false }, partitioning)
  }

  leftOuterJoin<W>(other: PairRDD<K, W>, partitioning?: Partitioning<K>): PairRDD<K, [V, W | undefined]> {
    return this.joined('leftOuterJoin', other, { left: false, right: true }, partitioning)
  }

  rightOuterJoin<W>(other: PairRDD<K, W>, partitioning?: Partitioning<K>): PairRDD<K, [V | undefined, W]> {
    return this.joined('rightOuterJoin', other, { left: true, right: false }, partitioning)
  }

  fullOuterJoin<W>(
    other: PairRDD<K, W>,
    partitioning?: Partitioning<K>,
  ): PairRDD<K, [V | undefined, W | undefined]> {
    return this.joined('fullOuterJoin', other, { left: true, right: true }, partitioning)
  }

  /** Rows whose key the other has not. */
  subtractByKey(other: PairRDD<K, unknown>, partitioning?: Partitioning<K>): PairRDD<K, V> {
    const here = this.partitioner ?? this.atLeastOne
    return this.cogroup(other, partitioning ?? here)
      .filter(([, [, there]]) => there.length === 0)
      .flatMapValues(([here]) => here)
  }

  /** Each row with the probability of its key; keys without one are left out. */
  sampleByKey(fractions: ReadonlyMap<K, number>, options: SampleOptions = {}): PairRDD<K, V> {
    const name = this.name('sampleByKey')
    for (const fraction of fractions.values()) checkFraction(name, fraction, options.withReplacement)
    return this.pairs(sampled(this.dataset, ([key]) => fractions.get(key) ?? 0, options))
  }

  /** The values of one key. Where the partitioner is known, only the key's partition is read. */
  async lookup(key: K): Promise<V[]> {
    const values: V[] = []
    const { dataset, partitioner, context } = this
    const { run } = context
    const emit = ([other, value]: readonly [K, V]) => {
      if (Object.is(other, key) || other === key) values.push(value)
    }
    if (partitioner === undefined || run.peers !== undefined) {
      await this.each(emit)
      return values
    }
    const places = new KeyPlaces(this.name('lookup'), partitioner)
    await placesKnown(places, run)
    await dataset.prepare(run)
    await run.drain(dataset.open(places.partitionOf(key), emit))
    return values
  }

  async countByKey(): Promise<Map<K, number>> {
    return new Map(await this.shuffled('countByKey', countCombiner()).collect())
  }

  /** Where a key has more rows, the last one counts. */
  async collectAsMap(): Promise<Map<K, V>> {
    return new Map(await this.collect())
  }

  /** `others`: RDDs that are brought together with this one. */
  private places(
    kind: string,
    partitioning: Partitioning<K> | undefined,
    others: readonly PairRDD<K, unknown>[] = [],
  ): KeyPlaces {
    const name = this.name(kind)
    if (partitioning !== undefined) return new KeyPlaces(name, partitionerOf(name, partitioning))
    return new KeyPlaces(name, defaultPartitioner([this, ...others], this.context.parallelism))
  }

  private grouped<R>(
    kind: string,
    others: readonly PairRDD<K, unknown>[],
    partitioning?: Partitioning<K>,
  ): PairRDD<K, R> {
    const parents = [this, ...others].map(({ dataset }) => dataset as Dataset<readonly [K, unknown]>)
    const groups = new CogroupedDataset<K>(parents, this.places(kind, partitioning, others), this.context)
    return this.pairs(groups as Dataset<readonly [K, unknown]> as Dataset<readonly [K, R]>)
  }

  private joined<W, R>(
    kind: string,
    other: PairRDD<K, W>,
    outer: Outer,
    partitioning: Partitioning<K> | undefined,
  ): PairRDD<K, R> {
    const places = this.places(kind, partitioning, [other])
    return this.pairs(joined<K, R>(this.dataset, other.dataset, places, outer, this.context))
  }

  private shuffled<C>(kind: string, combiner: Combiner<V, C>, partitioning?: Partitioning<K>): PairRDD<K, C> {
    return this.pairs(
      new ShuffledDataset(this.dataset, this.places(kind, partitioning), combiner, this.context),
    )
  }
}
