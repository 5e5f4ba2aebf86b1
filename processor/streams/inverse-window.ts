// reduceByKeyAndWindow with an inverse: the last window's value, less what left, plus what came.
//
//      |____ window before ____|
//   ---[---.-----------------.-]---.---> t
//          |______ window at t ____|
//       old batches            new batches       slide = both
//
// A key stays, at the inverse's zero, until `filter` refuses it. As in Spark, values that leave a key
// which neither the last window nor the new batches know is an error: the filter dropped it too early.

import type { Graph, NodeSpec } from '../graph/graph.ts'
import type { StateOperator } from '../graph/contracts/state.ts'
import type { StreamNode } from '../graph/node.ts'
import type { StateOptions } from './options.ts'
import { StateUpdateDataset, type StateChange, type StateStep } from './state.ts'
import { stateOperator } from './update-state-by-key.ts'
import type { WindowLengths } from './window.ts'

export interface InverseOptions<K, V> extends StateOptions<V> {
  /** Keys for which it says false are dropped from the window. */
  readonly filter?: (key: K, value: V) => boolean
}

/** `parent` must hold one value per key and batch (a reduceByKey). */
export function inverseWindow<K, V>(
  graph: Graph,
  parent: StreamNode<readonly [K, V]>,
  reduce: (a: V, b: V) => V,
  inverse: (a: V, b: V) => V,
  { windowMs, slideMs }: WindowLengths,
  options: InverseOptions<K, V>,
): NodeSpec<StateChange<K, V>> {
  const operator = (id: string) => stateOperator(graph, id, `window ${windowMs}/${slideMs}`, options)
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
      // A window shorter than its slide skips batches: they neither come nor leave.
      const stepMs = Math.min(windowMs, slideMs)
      const old = scope.slice(parent, timeMs - slideMs - windowMs, timeMs - slideMs - windowMs + stepMs)
      const fresh = scope.slice(parent, timeMs - stepMs, timeMs)
      const step = inverseStep<K, V>(id, old.length, reduce, inverse, options.filter)
      return new StateUpdateDataset<K, V>([...old, ...fresh], scope.state(operator(id)), step)
    },
  }
}

function inverseStep<K, V>(
  operator: string,
  oldParents: number,
  reduce: (a: V, b: V) => V,
  inverse: (a: V, b: V) => V,
  filter: ((key: K, value: V) => boolean) | undefined,
): StateStep<K, V> {
  // Array.reduce hands its function more than two arguments; the user's must not see them.
  const reduceAll = (values: V[]) => values.reduce((a, b) => reduce(a, b))
  return {
    operator,
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
