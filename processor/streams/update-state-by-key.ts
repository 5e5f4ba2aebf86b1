// Spark's updateStateByKey: `f` is called in every batch for every key that has new values or state;
// undefined removes the key. A state is a value: to change it without new values, return another one.

import type { Graph, NodeSpec } from '../graph/graph.ts'
import type { StateOperator } from '../graph/contracts/state.ts'
import type { Scope, StreamNode } from '../graph/node.ts'
import type { Dataset } from '../rdd/dataset.ts'
import { ArrayDataset } from '../rdd/stored.ts'
import { type InitialState, stateBasis } from './initial-state.ts'
import { type KeyedStateOptions, statePartitionerFor } from './options.ts'
import { StateUpdateDataset, WholeStateDataset, type StateChange } from './state.ts'

export type UpdateFunction<K, V, S> = (
  values: readonly V[],
  state: S | undefined,
  key: K,
  time: Date,
) => S | undefined

export interface UpdateOptions<K, S> extends KeyedStateOptions<K, S> {
  /** Used in the operator's first batch only. */
  readonly initialState?: InitialState<K, S>
}

export const NO_VALUES: readonly never[] = []

export function updateStateByKey<K, V, S>(
  graph: Graph,
  parent: StreamNode<readonly [K, V]>,
  f: UpdateFunction<K, V, S>,
  options: UpdateOptions<K, S>,
): NodeSpec<StateChange<K, S>> {
  const operator = stateOperator(graph, 'updateStateByKey', 'update', options)
  const basis = stateBasis<K, S, S>(graph, parent, operator, options)
  return {
    kind: 'updateStateByKey',
    name: options.name,
    parents: basis.parents,
    state: operator as (id: string) => StateOperator,
    compute(timeMs, scope, id) {
      const { state, places, beginning } = basis.at(timeMs, scope, id)
      // Without a data set there are no new values, and state moves on all the same.
      const rows = scope.rows(parent, timeMs) ?? new ArrayDataset<readonly [K, V]>([])
      const time = new Date(timeMs)
      const parents: Dataset<readonly [K, unknown]>[] = [rows]
      if (beginning !== undefined) parents.push(beginning)
      return new StateUpdateDataset<K, S>(parents, state, {
        places,
        everyKey: true,
        next(key, groups, before) {
          if (groups === undefined) return f(NO_VALUES, before, key, time)
          return f(groups[0] as V[], before ?? (groups[1]?.[0] as S | undefined), key, time)
        },
      })
    },
  }
}

/** Of values of type S as they are; `shape` says what they mean. */
export function stateOperator<K, S>(
  graph: Graph,
  kind: string,
  shape: string,
  options: KeyedStateOptions<K, S>,
): (id: string) => StateOperator<S> {
  const { codec, version, migrate } = options
  const partitioner = statePartitionerFor(graph, kind, options)
  return (id) => ({
    id,
    shape,
    partitions: partitioner.numPartitions,
    partitioner,
    ...(codec && { codec }),
    ...(version && { version }),
    ...(migrate && { migrate }),
  })
}

/** All keys and their state, beside the update node whose rows are the changes. */
export function wholeState<K, S>(update: StreamNode<StateChange<K, S>>): NodeSpec<readonly [K, S]> {
  return {
    kind: 'state',
    name: `${update.id}.state`,
    parents: [update],
    compute(timeMs, scope: Scope) {
      const changes = scope.rows(update, timeMs)
      if (changes === undefined) return undefined
      const operator = update.state as StateOperator<S>
      return new WholeStateDataset<K, S>(changes, operator, timeMs, scope, (value) => value)
    },
  }
}
