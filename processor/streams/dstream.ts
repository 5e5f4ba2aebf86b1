// Streams as programs are written with them. Every method adds one operator (or a known composition of
// operators) to the graph and hands back the stream of its rows; nothing runs until the context starts.
// Functions are synchronous: rows flow through fused passes. What must wait belongs into foreachRDD.

import type { OutputRecord } from '../graph/contracts/output.ts'
import { durationMs, type Duration } from '../graph/duration.ts'
import type { Graph, NodeSpec } from '../graph/graph.ts'
import type { StreamNode } from '../graph/node.ts'
import type { PairRDD, RDD } from '../rdd/rdd.ts'
import { countCombiner, groupCombiner, reduceCombiner, type Combiner } from '../rdd/shuffle.ts'
import { count, reduce } from './aggregate.ts'
import { combineByKey } from './combine-by-key.ts'
import { filter } from './filter.ts'
import { flatMap } from './flat-map.ts'
import { inverseWindow, type InverseOptions } from './inverse-window.ts'
import { cogroup, join } from './join.ts'
import { map } from './map.ts'
import { mapPartitions } from './map-partitions.ts'
import { flatMapValues, mapValues } from './map-values.ts'
import type { OperatorOptions, ShuffleOptions, StateOptions } from './options.ts'
import { foreachRDD, print, toTopic } from './outputs.ts'
import type { StateChange } from './state.ts'
import { transform } from './transform.ts'
import { union } from './union.ts'
import { updateStateByKey, wholeState, type UpdateFunction } from './update-state-by-key.ts'
import { window, type WindowLengths } from './window.ts'

/** The RDD a stream's batches are: pairs have the keyed operators. */
export type RDDOf<T> = T extends readonly [infer K, infer V] ? PairRDD<K, V> & RDD<T> : RDD<T>

/** Where streams of one job come together. */
export interface StreamHost {
  readonly graph: Graph
  readonly writeLine: (line: string) => void
}

export class DStream<T> {
  /** The operator whose rows these are; not part of the public API. */
  readonly node: StreamNode<T>
  protected readonly host: StreamHost

  constructor(host: StreamHost, node: StreamNode<T>) {
    this.host = host
    this.node = node
  }

  get name(): string {
    return this.node.id
  }

  map<U>(f: (row: T) => U, options?: OperatorOptions): DStream<U> {
    return this.stream(map(this.node, f, options?.name))
  }

  flatMap<U>(f: (row: T) => Iterable<U>, options?: OperatorOptions): DStream<U> {
    return this.stream(flatMap(this.node, f, options?.name))
  }

  filter<U extends T>(f: (row: T) => row is U, options?: OperatorOptions): DStream<U>
  filter(f: (row: T) => boolean, options?: OperatorOptions): DStream<T>
  filter(f: (row: T) => boolean, options?: OperatorOptions): DStream<T> {
    return this.stream(filter(this.node, f, options?.name))
  }

  /** `f` gets a partition's rows as one array. */
  mapPartitions<U>(f: (rows: T[]) => Iterable<U>, options?: OperatorOptions): DStream<U> {
    return this.stream(mapPartitions(this.node, f, options?.name))
  }

  /** Each partition's rows as one row. */
  glom(options?: OperatorOptions): DStream<T[]> {
    return this.stream(mapPartitions(this.node, (rows: T[]) => [rows], options?.name, 'glom'))
  }

  /** All streams must have the same slide. */
  union(...others: DStream<T>[]): DStream<T> {
    return this.stream(union([this.node, ...others.map((other) => other.node)]))
  }

  /** One row per batch: how many rows it has, 0 included. */
  count(options?: OperatorOptions): DStream<number> {
    return this.stream(count(this.node, options?.name))
  }

  /** One row per batch, none for a batch without rows. */
  reduce(f: (a: T, b: T) => T, options?: OperatorOptions): DStream<T> {
    return this.stream(reduce(this.node, f, options?.name))
  }

  countByValue(options?: ShuffleOptions): PairDStream<T, number> {
    const keyed = this.mapToPair((row) => [row, null])
    return keyed.combined('countByValue', countCombiner(), options)
  }

  mapToPair<K, V>(f: (row: T) => readonly [K, V], options?: OperatorOptions): PairDStream<K, V> {
    return this.pairs(map(this.node, f, options?.name, 'mapToPair'))
  }

  /** `f` runs once per batch, on that batch's RDD. */
  transform<U>(f: (rdd: RDDOf<T>, time: Date) => RDD<U>, options?: OperatorOptions): DStream<U> {
    return this.stream(transform([this.node], ([rdd], time) => f(rdd as RDDOf<T>, time), options?.name))
  }

  /** As `transform`, yielding pairs. */
  transformToPair<K, V>(
    f: (rdd: RDDOf<T>, time: Date) => RDD<readonly [K, V]>,
    options?: OperatorOptions,
  ): PairDStream<K, V> {
    return this.pairs(transform([this.node], ([rdd], time) => f(rdd as RDDOf<T>, time), options?.name))
  }

  /** Rows of the batches in (t − length, t], every `slide` (default: this stream's own). */
  window(length: Duration, slide?: Duration, options?: OperatorOptions): DStream<T> {
    return this.stream(window(this.node, this.lengths(length, slide), options?.name))
  }

  /** How many rows the window has: 0 while it is empty. */
  countByWindow(length: Duration, slide?: Duration, options?: StateOptions<number>): DStream<number> {
    const add = (a: number, b: number) => a + b
    return this.count().reduceByWindow(add, length, slide, (a, b) => a - b, options)
  }

  /** With `inverse`, windows are moved on by what comes and leaves instead of reduced anew. */
  reduceByWindow(
    f: (a: T, b: T) => T,
    length: Duration,
    slide?: Duration,
    inverse?: (a: T, b: T) => T,
    options?: StateOptions<T>,
  ): DStream<T> {
    if (inverse === undefined) return this.reduce(f).window(length, slide).reduce(f, options)
    return this.mapToPair<null, T>((row) => [null, row])
      .reduceByKeyAndWindow(f, length, slide, inverse, { ...options, numPartitions: 1 })
      .map((row) => row[1])
  }

  /** Computed rows are held for the batch, whoever reads them. Happens by itself where two operators read them. */
  cache(options?: OperatorOptions): DStream<T> {
    const { node } = this
    return this.stream<T>({
      kind: 'cache',
      name: options?.name,
      parents: [node],
      cached: true,
      compute: (timeMs, scope) => scope.rows(node, timeMs),
    })
  }

  /** Runs `f` on every batch's RDD; the batch waits for it, and fails with it. */
  foreachRDD(
    f: (rdd: RDDOf<T>, time: Date, batchId: number) => void | Promise<void>,
    options?: OperatorOptions,
  ): void {
    const run = foreachRDD<unknown, unknown>(
      this.node as StreamNode<readonly [unknown, unknown]>,
      (rdd, ...rest) => f(rdd as RDDOf<T>, ...rest),
    )
    this.host.graph.addOutput('foreachRDD', options?.name, this.node, run)
  }

  /** Writes the first rows of every batch, ten unless told. */
  print(rows = 10, options?: OperatorOptions): void {
    this.host.graph.addOutput('print', options?.name, this.node, print(this.node, rows, this.host.writeLine))
  }

  /** Writes records into a topic, as part of the batch's one transaction. */
  toTopic(topic: string, toRecord: (row: T) => OutputRecord, options?: OperatorOptions): void {
    this.host.graph.addOutput('toTopic', options?.name, this.node, toTopic(this.node, topic, toRecord))
  }

  protected lengths(length: Duration, slide: Duration | undefined): WindowLengths {
    const windowMs = durationMs(length, 'window length')
    return { windowMs, slideMs: slide === undefined ? this.node.slideMs : durationMs(slide, 'window slide') }
  }

  protected stream<U>(spec: NodeSpec<U>): DStream<U> {
    return new DStream(this.host, this.host.graph.add(spec))
  }

  protected pairs<K, V>(spec: NodeSpec<readonly [K, V]>): PairDStream<K, V> {
    return new PairDStream(this.host, this.host.graph.add(spec))
  }
}

/** A stream of pairs. Keys are compared by value: string, number, bigint, boolean or null. */
export class PairDStream<K, V> extends DStream<readonly [K, V]> {
  mapValues<U>(f: (value: V) => U, options?: OperatorOptions): PairDStream<K, U> {
    return this.pairs(mapValues(this.node, f, options?.name))
  }

  flatMapValues<U>(f: (value: V) => Iterable<U>, options?: OperatorOptions): PairDStream<K, U> {
    return this.pairs(flatMapValues(this.node, f, options?.name))
  }

  override filter<U extends readonly [K, V]>(
    f: (row: readonly [K, V]) => row is U,
    options?: OperatorOptions,
  ): PairDStream<U[0], U[1]>
  override filter(f: (row: readonly [K, V]) => boolean, options?: OperatorOptions): PairDStream<K, V>
  override filter(f: (row: readonly [K, V]) => boolean, options?: OperatorOptions): PairDStream<K, V> {
    return this.pairs(filter(this.node, f, options?.name))
  }

  override union(...others: DStream<readonly [K, V]>[]): PairDStream<K, V> {
    return this.pairs(union([this.node, ...others.map((other) => other.node)]))
  }

  override window(length: Duration, slide?: Duration, options?: OperatorOptions): PairDStream<K, V> {
    return this.pairs(window(this.node, this.lengths(length, slide), options?.name))
  }

  reduceByKey(f: (a: V, b: V) => V, options?: ShuffleOptions): PairDStream<K, V> {
    return this.combined('reduceByKey', reduceCombiner(f), options)
  }

  groupByKey(options?: ShuffleOptions): PairDStream<K, V[]> {
    return this.combined('groupByKey', groupCombiner<V>(), options)
  }

  combineByKey<C>(combiner: Combiner<V, C>, options?: ShuffleOptions): PairDStream<K, C> {
    return this.combined('combineByKey', combiner, options)
  }

  /** Values per key over a window, reduced batch by batch and then over the window's batches. */
  reduceByKeyAndWindow(
    f: (a: V, b: V) => V,
    length: Duration,
    slide?: Duration,
    inverse?: undefined,
    options?: ShuffleOptions,
  ): PairDStream<K, V>
  /** With `inverse`: the last window's values, moved on by what comes and leaves. Kept as state. */
  reduceByKeyAndWindow(
    f: (a: V, b: V) => V,
    length: Duration,
    slide: Duration | undefined,
    inverse: (a: V, b: V) => V,
    options?: InverseOptions<K, V>,
  ): StateDStream<K, V>
  reduceByKeyAndWindow(
    f: (a: V, b: V) => V,
    length: Duration,
    slide?: Duration,
    inverse?: (a: V, b: V) => V,
    options: InverseOptions<K, V> = {},
  ): PairDStream<K, V> {
    const perBatch = this.reduceByKey(f)
    if (inverse === undefined) return perBatch.window(length, slide).reduceByKey(f, options)
    const lengths = this.lengths(length, slide)
    return this.stateful(inverseWindow(this.host.graph, perBatch.node, f, inverse, lengths, options))
  }

  /**
   * State per key, moved on in every batch: `f` is called for each key that has new values or state, and
   * undefined removes the key. To change a state without new values, return another value, not the same
   * object changed. The stream is the whole state; `.changes()` is what this batch changed.
   */
  updateStateByKey<S>(f: UpdateFunction<K, V, S>, options: StateOptions<S> = {}): StateDStream<K, S> {
    return this.stateful(updateStateByKey(this.host.graph, this.node, f, options))
  }

  /** Within each batch, as all joins here. */
  cogroup<W>(other: PairDStream<K, W>, options?: ShuffleOptions): PairDStream<K, [V[], W[]]> {
    return this.pairs(cogroup(this.host.graph, this.node, other.node, options))
  }

  join<W>(other: PairDStream<K, W>, options?: ShuffleOptions): PairDStream<K, [V, W]> {
    return this.joined('join', other, { left: false, right: false }, options)
  }

  leftOuterJoin<W>(other: PairDStream<K, W>, options?: ShuffleOptions): PairDStream<K, [V, W | undefined]> {
    return this.joined('leftOuterJoin', other, { left: false, right: true }, options)
  }

  rightOuterJoin<W>(other: PairDStream<K, W>, options?: ShuffleOptions): PairDStream<K, [V | undefined, W]> {
    return this.joined('rightOuterJoin', other, { left: true, right: false }, options)
  }

  fullOuterJoin<W>(
    other: PairDStream<K, W>,
    options?: ShuffleOptions,
  ): PairDStream<K, [V | undefined, W | undefined]> {
    return this.joined('fullOuterJoin', other, { left: true, right: true }, options)
  }

  /** @internal */
  combined<C>(kind: string, combiner: Combiner<V, C>, options?: ShuffleOptions): PairDStream<K, C> {
    return this.pairs(combineByKey(this.host.graph, kind, this.node, combiner, options))
  }

  private joined<W, R>(
    kind: string,
    other: PairDStream<K, W>,
    outer: { left: boolean; right: boolean },
    options?: ShuffleOptions,
  ): PairDStream<K, R> {
    return this.pairs(join<K, R>(this.host.graph, kind, this.node, other.node, outer, options))
  }

  private stateful<S>(spec: NodeSpec<StateChange<K, S>>): StateDStream<K, S> {
    const update = this.host.graph.add(spec)
    return new StateDStream(this.host, this.host.graph.add(wholeState<K, S>(update)), update)
  }
}

/** The whole state of a stateful operator, batch by batch. */
export class StateDStream<K, S> extends PairDStream<K, S> {
  private readonly update: StreamNode<StateChange<K, S>>
  private readonly changed: DStream<StateChange<K, S>>

  constructor(host: StreamHost, whole: StreamNode<readonly [K, S]>, update: StreamNode<StateChange<K, S>>) {
    super(host, whole)
    this.update = update
    this.changed = new DStream(host, update)
  }

  /** Name under which the checkpoint keeps the state. */
  override get name(): string {
    return this.update.id
  }

  /** Keys whose state this batch set, with the new state. */
  changes(options?: OperatorOptions): PairDStream<K, S> {
    const isSet = (change: StateChange<K, S>): change is readonly [K, S] => change[1] !== undefined
    return new PairDStream(this.host, this.changed.filter(isSet, options).node)
  }

  /** Keys whose state this batch removed. */
  removedKeys(options?: OperatorOptions): DStream<K> {
    return this.changed.filter((change) => change[1] === undefined).map((change) => change[0], options)
  }
}
