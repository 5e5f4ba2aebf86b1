// A function over a partition's rows as a whole. They are held in an array while it runs.

import type { NodeSpec } from '../graph/graph.ts'
import type { StreamNode } from '../graph/node.ts'
import { WholePartitionDataset } from '../rdd/whole-partition.ts'

export function mapPartitions<T, U>(
  parent: StreamNode<T>,
  f: (rows: T[]) => Iterable<U>,
  name?: string,
  kind = 'mapPartitions',
): NodeSpec<U> {
  return {
    kind,
    name,
    parents: [parent],
    compute(timeMs, scope, id) {
      const rows = scope.rows(parent, timeMs)
      return rows && new WholePartitionDataset(rows, id, f)
    },
  }
}
