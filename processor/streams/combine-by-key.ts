// Values brought together by key within a batch: what reduceByKey, groupByKey and countByValue are.

import type { Graph, NodeSpec } from '../graph/graph.ts'
import type { StreamNode } from '../graph/node.ts'
import { KeyPlaces } from '../graph/partitioner.ts'
import { ShuffledDataset, type Combiner } from '../rdd/shuffle.ts'
import { partitionerFor, type ShuffleOptions } from './options.ts'

export function combineByKey<K, V, C>(
  graph: Graph,
  kind: string,
  parent: StreamNode<readonly [K, V]>,
  combiner: Combiner<V, C>,
  options: ShuffleOptions<K> = {},
): NodeSpec<readonly [K, C]> {
  const partitioner = partitionerFor(graph, kind, options)
  return {
    kind,
    name: options.name,
    parents: [parent],
    partitioner,
    compute(timeMs, scope, id) {
      const rows = scope.rows(parent, timeMs)
      return rows && new ShuffledDataset(rows, new KeyPlaces(id, partitioner), combiner)
    },
  }
}
