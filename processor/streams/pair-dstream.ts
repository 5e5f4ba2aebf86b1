// Streams of pairs: what is done by key. Keys are compared by value: string, number, bigint, boolean or null.

import type { Duration } from '../graph/duration.ts'
import type { NodeSpec } from '../graph/graph.ts'
import { groupCombiner, reduceCombiner, type Combiner } from '../rdd/shuffle.ts'
import { combineByKey } from './combine-by-key.ts'
import { DStream } from './dstream.ts'
import { filter } from './filter.ts'
import { joinGroups } from './group-by-key-and-window.ts'
import { inverseWindow, type InverseOptions } from './inverse-window.ts'
import { cogroup, join } from './join.ts'
import { mapWithState } from './map-with-state.ts'
import type { MapWithStateDStream } from './map-with-state-dstream.ts'
import { flatMapValues, mapValues } from './map-values.ts'
import { onlyPartitioning, type OperatorOptions, type ShuffleOptions } from './options.ts'
import { repartition } from './repartition.ts'
import type { StateChange } from './state.ts'
import type { StateDStream } from './state-dstream.ts'
import { StateSpec, type MapWithStateOptions, type StateFunction } from './state-spec.ts'
import { union } from './union.ts'
import { updateStateByIterator, type IteratorUpdateFunction } from './update-state-by-iterator.ts'
import { updateStateByKey, type UpdateFunction, type UpdateOptions } from './update-state-by-key.ts'
import { window } from './window.ts'

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

  override repartition(numPartitions: number, options?: OperatorOptions): PairDStream<K, V> {
    return this.pairs(repartition(this.node, numPartitions, options?.name))
  }

  override window(length: Duration, slide?: Duration, options?: OperatorOptions): PairDStream<K, V> {
    return this.pairs(window(this.host.graph, this.node, this.lengths(length, slide), options?.name))
  }

  reduceByKey(f: (a: V, b: V) => V, options?: ShuffleOptions<K>): PairDStream<K, V> {
    return this.combined('reduceByKey', reduceCombiner(f), options)
  }

  groupByKey(options?: ShuffleOptions<K>): PairDStream<K, V[]> {
    return this.combined('groupByKey', groupCombiner<V>(), options)
  }

  combineByKey<C>(combiner: Combiner<V, C>, options?: ShuffleOptions<K>): PairDStream<K, C> {
    return this.combined('combineByKey', combiner, options)
  }

  /** All values per key over a window, the oldest batch's first. */
  groupByKeyAndWindow(length: Duration, slide?: Duration, options?: ShuffleOptions<K>): PairDStream<K, V[]> {
    return this.groupByKey(onlyPartitioning(options ?? {}))
      .window(length, slide)
      .combined('groupByKeyAndWindow', joinGroups<V>(), options)
  }

  /** Values per key over a window, reduced batch by batch and then over the window's batches. */
  reduceByKeyAndWindow(
    f: (a: V, b: V) => V,
    length: Duration,
    slide?: Duration,
    inverse?: undefined,
    options?: ShuffleOptions<K>,
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
    const perBatch = this.reduceByKey(f, onlyPartitioning(options))
    if (inverse === undefined) return perBatch.window(length, slide).reduceByKey(f, options)
    const lengths = this.lengths(length, slide)
    return this.stateful(inverseWindow(this.host.graph, perBatch.node, f, inverse, lengths, options))
  }

  /**
   * State per key, moved on in every batch: `f` is called for each key that has new values or state, and
   * undefined removes the key. To change a state without new values, return another value, not the same
   * object changed. The stream is the whole state; `.changes()` is what this batch changed.
   */
  updateStateByKey<S>(f: UpdateFunction<K, V, S>, options: UpdateOptions<K, S> = {}): StateDStream<K, S> {
    return this.stateful(updateStateByKey(this.host.graph, this.node, f, options))
  }

  /** As `updateStateByKey`, with a function that gives a partition's whole new state, under any keys. */
  updateStateByIterator<S>(
    f: IteratorUpdateFunction<K, V, S>,
    options: UpdateOptions<K, S> = {},
  ): StateDStream<K, S> {
    return this.stateful(updateStateByIterator(this.host.graph, this.node, f, options))
  }

  /**
   * State per key, seen and changed record by record; the stream is what the function returns. Costs what comes, not
   * what is kept. Either Spark's StateSpec, or the function and its options.
   */
  mapWithState<S, M>(
    spec: StateSpec<K, V, S, M>,
    options?: Pick<MapWithStateOptions<K, S>, 'name' | 'codec' | 'version' | 'migrate'>,
  ): MapWithStateDStream<K, S, M>
  mapWithState<S, M>(
    mapping: StateFunction<K, V, S, M>,
    options?: MapWithStateOptions<K, S>,
  ): MapWithStateDStream<K, S, M>
  mapWithState<S, M>(
    how: StateSpec<K, V, S, M> | StateFunction<K, V, S, M>,
    options?: MapWithStateOptions<K, S>,
  ): MapWithStateDStream<K, S, M> {
    const { graph } = this.host
    const spec = how instanceof StateSpec ? how : StateSpec.function(how)
    const mapped = mapWithState(graph, this.node, spec.mapping, { ...spec.options, ...options })
    return this.host.mappedWithState(graph.add(mapped))
  }

  /** Within each batch, as all joins here. */
  cogroup<W>(other: PairDStream<K, W>, options?: ShuffleOptions<K>): PairDStream<K, [V[], W[]]> {
    return this.pairs(cogroup(this.host.graph, this.node, other.node, options))
  }

  join<W>(other: PairDStream<K, W>, options?: ShuffleOptions<K>): PairDStream<K, [V, W]> {
    return this.joined('join', other, { left: false, right: false }, options)
  }

  leftOuterJoin<W>(
    other: PairDStream<K, W>,
    options?: ShuffleOptions<K>,
  ): PairDStream<K, [V, W | undefined]> {
    return this.joined('leftOuterJoin', other, { left: false, right: true }, options)
  }

  rightOuterJoin<W>(
    other: PairDStream<K, W>,
    options?: ShuffleOptions<K>,
  ): PairDStream<K, [V | undefined, W]> {
    return this.joined('rightOuterJoin', other, { left: true, right: false }, options)
  }

  fullOuterJoin<W>(
    other: PairDStream<K, W>,
    options?: ShuffleOptions<K>,
  ): PairDStream<K, [V | undefined, W | undefined]> {
    return this.joined('fullOuterJoin', other, { left: true, right: true }, options)
  }

  /** @internal */
  combined<C>(kind: string, combiner: Combiner<V, C>, options?: ShuffleOptions<K>): PairDStream<K, C> {
    return this.pairs(combineByKey(this.host.graph, kind, this.node, combiner, options))
  }

  private joined<W, R>(
    kind: string,
    other: PairDStream<K, W>,
    outer: { left: boolean; right: boolean },
    options?: ShuffleOptions<K>,
  ): PairDStream<K, R> {
    return this.pairs(join<K, R>(this.host.graph, kind, this.node, other.node, outer, options))
  }

  private stateful<S>(spec: NodeSpec<StateChange<K, S>>): StateDStream<K, S> {
    return this.host.state(this.host.graph.add(spec))
  }
}
