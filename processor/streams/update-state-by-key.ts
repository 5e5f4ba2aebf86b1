// Spark's updateStateByKey: `f` is called in every batch for every key that has new values or state;
// undefined removes the key. A state is a value: to change it without new values, return another one.

import type { Graph, NodeSpec } from '../graph/graph.ts'
import type { StateOperator } from '../graph/contracts/state.ts'
import type { Scope, StreamNode } from '../graph/node.ts'
import type { StateOptions } from './options.ts'
import { inItsOwnBatch, StateUpdateDataset, WholeStateDataset, type StateChange } from './state.ts'

export type UpdateFunction<K, V, S> = (
  values: readonly V[],
  state: S | undefined,
  key: K,
  time: Date,
) => S | undefined

const NO_VALUES: readonly never[] = []

export function updateStateByKey<K, V, S>(
  graph: Graph,
  parent: StreamNode<readonly [K, V]>,
  f: UpdateFunction<K, V, S>,
  options: StateOptions<S>,
): NodeSpec<StateChange<K, S>> {
  const operator = (id: string) => stateOperator(graph, id, 'update', options)
  return {
    kind: 'updateStateByKey',
    name: options.name,
    parents: [parent],
    state: operator as (id: string) => StateOperator,
    compute(timeMs, scope, id) {
      inItsOwnBatch(id, timeMs, scope)
      const rows = scope.rows(parent, timeMs)
      const time = new Date(timeMs)
      // Without a data set there are no new values, and state moves on all the same.
      return new StateUpdateDataset<K, S>(rows === undefined ? [] : [rows], scope.state(operator(id)), {
        operator: id,
        everyKey: true,
        next: (key, groups, state) => f((groups?.[0] as V[] | undefined) ?? NO_VALUES, state, key, time),
      })
    },
  }
}

export function stateOperator<S>(
  graph: Graph,
  id: string,
  shape: string,
  options: StateOptions<S>,
): StateOperator<S> {
  const { codec, migrate, numPartitions } = options
  return {
    id,
    shape,
    partitions: numPartitions ?? graph.parallelism,
    ...(codec && { codec }),
    ...(migrate && { migrate }),
  }
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
      const state = scope.state(update.state as StateOperator<S>)
      return new WholeStateDataset<K, S>(changes, state, timeMs, scope)
    },
  }
}
