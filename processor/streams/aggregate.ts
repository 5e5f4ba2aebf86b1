// All rows of a batch folded into one: count (0 for no rows) and reduce (nothing for no rows).

import type { NodeSpec } from '../graph/graph.ts'
import type { StreamNode } from '../graph/node.ts'
import { AggregateDataset, counting, reducing, type Fold } from '../rdd/aggregate.ts'

export function count(parent: StreamNode<unknown>, name?: string): NodeSpec<number> {
  return aggregate('count', parent, name, () => counting())
}

export function reduce<T>(parent: StreamNode<T>, f: (a: T, b: T) => T, name?: string): NodeSpec<T> {
  return aggregate('reduce', parent, name, (id) => reducing(id, f))
}

function aggregate<T, U>(
  kind: string,
  parent: StreamNode<T>,
  name: string | undefined,
  start: (id: string) => Fold<T, U>,
): NodeSpec<U> {
  return {
    kind,
    name,
    parents: [parent],
    compute(timeMs, scope, id) {
      const rows = scope.rows(parent, timeMs)
      return rows && new AggregateDataset(rows, id, () => start(id))
    },
  }
}
