// What the rows of a batch lie by, as one thread tells another: never the partitioner itself, but which of those it is
// that both have. One that only a batch's RDDs have, for a `transform` has made it, cannot be told; so the rows that a
// function in the calling thread is given are said to lie by none, with workers and without.

import type { Dataset } from '../rdd/dataset.ts'
import { NarrowDataset } from '../rdd/narrow.ts'
import type { StreamNode } from './node.ts'
import { HashPartitioner, type Partitioned, type Partitioner } from './partitioner.ts'

type Nodes = readonly StreamNode<unknown>[]

/** `node`: its place in the graph, whose partitioner is meant. undefined: by none, or by one that cannot be told. */
export type LiesBy = { readonly type: 'hash' } | { readonly type: 'node'; readonly node: number } | undefined

export function liesByOf(nodes: Nodes, { partitioner }: Partitioned): LiesBy {
  if (partitioner === undefined) return undefined
  if (partitioner.constructor === HashPartitioner) return { type: 'hash' }
  const node = nodes.findIndex((each) => partitionerOfNode(each) === partitioner)
  return node < 0 ? undefined : { type: 'node', node }
}

/** This thread's own partitioner that is meant, of rows in so many partitions. */
export function partitionerIn(nodes: Nodes, liesBy: LiesBy, partitions: number): Partitioner | undefined {
  if (liesBy === undefined) return undefined
  return liesBy.type === 'hash' ? new HashPartitioner(partitions) : partitionerOfNode(nodes[liesBy.node])
}

/** The rows as another thread would be told of them. */
export function asTold<T>(nodes: Nodes, rows: Dataset<T>): Dataset<T> {
  if (rows.partitioner === undefined || liesByOf(nodes, rows) !== undefined) return rows
  return new NarrowDataset<T, T>(rows, (emit) => emit)
}

export function partitionerOfNode(node: StreamNode<unknown> | undefined): Partitioner | undefined {
  return node?.partitioner ?? node?.state?.partitioner
}
