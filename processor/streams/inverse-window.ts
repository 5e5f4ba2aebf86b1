// reduceByKeyAndWindow with an inverse: the last window's value, less what left, plus what came.
//
//      |____ window before ____|
//   ---[---.-----------------.-]---.---> t
//          |______ window at t ____|
//       old batches            new batches       slide = both
//
// A key stays, at the inverse's zero, until `filter` refuses it. As in Spark, values that leave a key
// which neither the last window nor the new batches know is an error: the filter dropped it too early.
//
// What leaves must be what came. A record that is found poison by another window, after it was counted here, is read no
// more when its batch leaves; so where a batch of the last window has lost a record since, the window is reduced anew.

import type { Graph, NodeSpec } from '../graph/graph.ts'
import type { StateOperator, StatePartition } from '../graph/contracts/state.ts'
import type { Scope, StreamNode } from '../graph/node.ts'
import { type KeyPlaces, placesOf } from '../graph/partitioner.ts'
import { recoverable } from './kept-rows.ts'
import type { KeyedStateOptions } from './options.ts'
import { inItsOwnBatch, StateUpdateDataset, type StateChange, type StateStep } from './state.ts'
import { stateOperator } from './update-state-by-key.ts'
import type { WindowLengths } from './window.ts'

export interface InverseOptions<K, V> extends KeyedStateOptions<K, V> {
  /** Keys for which it says false are dropped from the window. */
  readonly filter?: (key: K, value: V) => boolean
}

/** `stream` must hold one value per key and batch (a reduceByKey). */
export function inverseWindow<K, V>(
  graph: Graph,
  stream: StreamNode<readonly [K, V]>,
  reduce: (a: V, b: V) => V,
  inverse: (a: V, b: V) => V,
  { windowMs, slideMs }: WindowLengths,
  options: InverseOptions<K, V>,
): NodeSpec<StateChange<K, V>> {
  const parent = recoverable(graph, stream)
  const operator = stateOperator(graph, 'reduceByKeyAndWindow', `window ${windowMs}/${slideMs}`, options)
  return {
    kind: 'reduceByKeyAndWindow',
    name: options.name,
    parents: [parent],
    slideMs,
    windowMs,
    // Old batches lie one slide further back than the window itself.
    reachMs: windowMs + slideMs,
    state: operator as (id: string) => StateOperator,
    compute(timeMs, scope, id) {
      inItsOwnBatch(id, timeMs, scope)
      const state = scope.state(operator(id))
      const places = placesOf(operator(id))
      const beginsMs = timeMs - windowMs
      const lastMs = timeMs - slideMs
      const isAsItCame = !scope.leftOutSince(lastMs - windowMs, lastMs, lastMs)
      if (!isAsItCame || !isOneSlideBehind(timeMs, slideMs, scope, state)) {
        const step = wholeStep<K, V>(places, reduce, options.filter)
        return new StateUpdateDataset<K, V>(scope.slice(parent, beginsMs, timeMs), state, step)
      }
      // A window shorter than its slide skips batches: they neither come nor leave.
      const old = scope.slice(parent, lastMs - windowMs, Math.min(lastMs, beginsMs))
      const fresh = scope.slice(parent, Math.max(lastMs, beginsMs), timeMs)
      const step = inverseStep<K, V>(places, old.length, reduce, inverse, options.filter)
      return new StateUpdateDataset<K, V>([...old, ...fresh], state, step)
    },
  }
}

// Only the state of the last window can be moved on. There is none in an operator that is new (or was
// empty), and after a downtime whose batches were skipped the state is that of an older window.
function isOneSlideBehind(
  timeMs: number,
  slideMs: number,
  scope: Scope,
  state: readonly StatePartition<unknown>[],
): boolean {
  return state.some(({ size }) => size > 0) && scope.timeBefore(timeMs, slideMs) === timeMs - slideMs
}

/** Reduces the whole window anew, whatever the state was. */
function wholeStep<K, V>(
  places: KeyPlaces,
  reduce: (a: V, b: V) => V,
  filter: ((key: K, value: V) => boolean) | undefined,
): StateStep<K, V> {
  return {
    places,
    everyKey: true,
    next(key, groups) {
      if (groups === undefined) return undefined
      const value = (groups as V[][]).flat().reduce((a, b) => reduce(a, b))
      return filter === undefined || filter(key, value) ? value : undefined
    },
  }
}

function inverseStep<K, V>(
  places: KeyPlaces,
  oldParents: number,
  reduce: (a: V, b: V) => V,
  inverse: (a: V, b: V) => V,
  filter: ((key: K, value: V) => boolean) | undefined,
): StateStep<K, V> {
  // Array.reduce hands its function more than two arguments; the user's must not see them.
  const reduceAll = (values: V[]) => values.reduce((a, b) => reduce(a, b))
  return {
    places,
    everyKey: false,
    next(key, groups, state) {
      const old = (groups as V[][]).slice(0, oldParents).flat()
      const fresh = (groups as V[][]).slice(oldParents).flat()
      let value: V
      if (state === undefined) {
        if (fresh.length === 0) {
          throw new Error(
            `values leave the window under key '${key}', which neither the last window nor new batches have`,
          )
        }
        value = reduceAll(fresh)
      } else {
        value = state
        if (old.length > 0) value = inverse(value, reduceAll(old))
        if (fresh.length > 0) value = reduce(value, reduceAll(fresh))
      }
      return filter === undefined || filter(key, value) ? value : undefined
    },
  }
}
