// Values brought together by key within a batch: what reduceByKey, groupByKey and countByValue are.

import type { Graph, NodeSpec } from '../graph/graph.ts'
import type { StreamNode } from '../graph/node.ts'
import { ShuffledDataset, type Combiner } from '../rdd/shuffle.ts'
import { partitionsOf, type ShuffleOptions } from './options.ts'

export function combineByKey<K, V, C>(
  graph: Graph,
  kind: string,
  parent: StreamNode<readonly [K, V]>,
  combiner: Combiner<V, C>,
  options: ShuffleOptions = {},
): NodeSpec<readonly [K, C]> {
  const partitions = partitionsOf(graph, options)
  return {
    kind,
    name: options.name,
    parents: [parent],
    compute(timeMs, scope, id) {
      const rows = scope.rows(parent, timeMs)
      return rows && new ShuffledDataset(rows, id, partitions, combiner)
    },
  }
}
