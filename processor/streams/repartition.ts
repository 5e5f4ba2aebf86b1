// The same rows in another number of partitions.

import type { NodeSpec } from '../graph/graph.ts'
import type { StreamNode } from '../graph/node.ts'
import { RepartitionedDataset } from '../rdd/repartition.ts'
import { checkPartitions } from './options.ts'

export function repartition<T>(parent: StreamNode<T>, partitions: number, name?: string): NodeSpec<T> {
  checkPartitions(partitions)
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
