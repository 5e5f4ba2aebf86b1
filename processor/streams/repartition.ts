// The same rows in another number of partitions.

import type { NodeSpec } from '../graph/graph.ts'
import type { StreamNode } from '../graph/node.ts'
import { checkPartitions } from '../graph/partitioner.ts'
import { RepartitionedDataset } from '../rdd/repartition.ts'

export function repartition<T>(parent: StreamNode<T>, partitions: number, name?: string): NodeSpec<T> {
  checkPartitions(name ?? 'repartition', partitions)
  return {
    kind: 'repartition',
    name,
    parents: [parent],
    compute(timeMs, scope) {
      const rows = scope.rows(parent, timeMs)
      return rows && new RepartitionedDataset(rows, partitions)
    },
  }
}
