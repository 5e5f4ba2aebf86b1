// What the narrow operators share: one parent, its data set at the same time, a pipe around it.

import type { NodeSpec } from '../graph/graph.ts'
import type { StreamNode } from '../graph/node.ts'
import { NarrowDataset, type Pipe } from '../rdd/narrow.ts'
import type { PartitionWiseOptions } from '../rdd/partition-wise.ts'

export function narrow<T, U>(
  kind: string,
  parent: StreamNode<T>,
  name: string | undefined,
  pipe: (id: string) => Pipe<T, U>,
  options?: PartitionWiseOptions,
): NodeSpec<U> {
  return {
    kind,
    name,
    parents: [parent],
    compute(timeMs, scope, id) {
      const rows = scope.rows(parent, timeMs)
      return rows && new NarrowDataset(rows, pipe(id), options)
    },
  }
}
