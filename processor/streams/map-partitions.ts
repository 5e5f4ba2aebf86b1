// A function over a partition's rows as a whole. They are held in an array while it runs.

import type { NodeSpec } from '../graph/graph.ts'
import type { StreamNode } from '../graph/node.ts'
import { WholePartitionDataset } from '../rdd/whole-partition.ts'
import type { OperatorOptions } from './options.ts'

export interface PartitionsOptions extends OperatorOptions {
  /** The function leaves the keys of pairs as they are, so rows still lie by the partitioner. Default false. */
  readonly preservePartitioning?: boolean
}

export function mapPartitions<T, U>(
  kind: string,
  parent: StreamNode<T>,
  f: (rows: T[]) => Iterable<U>,
  { name, preservePartitioning: keepsKeys }: PartitionsOptions = {},
): NodeSpec<U> {
  return {
    kind,
    name,
    parents: [parent],
    compute(timeMs, scope, id) {
      const rows = scope.rows(parent, timeMs)
      return rows && new WholePartitionDataset(rows, id, f, { keepsKeys })
    },
  }
}
