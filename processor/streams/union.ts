// Rows of several streams of the same slide. A stream without a data set at the time is an error: its
// rows would be missing silently.

import type { NodeSpec } from '../graph/graph.ts'
import type { Scope, StreamNode } from '../graph/node.ts'
import type { Dataset } from '../rdd/dataset.ts'
import { united } from '../rdd/union.ts'

export function union<T>(parents: readonly StreamNode<T>[], name?: string): NodeSpec<T> {
  if (parents.length === 0) throw new TypeError('there are no streams to unite')
  return {
    kind: 'union',
    name,
    parents,
    compute: (timeMs, scope) => united(parents.map((parent) => needed(parent, timeMs, scope))),
  }
}

/** A parent's data set, where having none is a mistake. */
export function needed<T>(parent: StreamNode<T>, timeMs: number, scope: Scope): Dataset<T> {
  const rows = scope.rows(parent, timeMs)
  if (rows === undefined) throw new Error(`'${parent.id}' has no data set at time ${timeMs}`)
  return rows
}
