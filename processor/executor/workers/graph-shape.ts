// A graph as threads compare it: every thread must have built the same one, or they would compute different things.

import { GraphError } from '../../graph/errors.ts'
import type { Graph } from '../../graph/graph.ts'
import type { StreamNode } from '../../graph/node.ts'
import { HashPartitioner, type Partitioned, type Partitioner } from '../../graph/partitioner.ts'
import type { GraphShape, OperatorShape, RunningOutput } from './calls.ts'

export function shapeOf({ nodes, outputs }: Graph): GraphShape {
  return {
    nodes: nodes.map((node) => ({
      id: node.id,
      kind: node.kind,
      parents: node.parents.map((parent) => nodes.indexOf(parent)),
      places: placesText(partitionerOfNode(node)),
    })),
    outputs: outputs.map(({ id, kind, parent }) => ({ id, kind, parents: [nodes.indexOf(parent)] })),
  }
}

// What can be told of a partitioner without asking it: by its answers, threads that differ are found as they differ.
function placesText(partitioner: Partitioner | undefined): string {
  if (partitioner === undefined) return ''
  return `, ${partitioner.numPartitions} partitions by ${partitioner.constructor.name}`
}

/** How a worker tells the driver what rows lie by: a partitioner that only a batch's RDDs have cannot be told. */
export function liesByOf({ nodes }: Graph, { partitioner }: Partitioned): RunningOutput['liesBy'] {
  if (partitioner === undefined) return undefined
  if (partitioner.constructor === HashPartitioner) return { type: 'hash' }
  const node = nodes.findIndex((each) => partitionerOfNode(each) === partitioner)
  return node < 0 ? undefined : { type: 'node', node }
}

/** The driver's own partitioner that is meant. */
export function partitionerIn(
  { nodes }: Graph,
  { owners, liesBy }: Pick<RunningOutput, 'owners' | 'liesBy'>,
): Partitioner | undefined {
  if (liesBy === undefined) return undefined
  return liesBy.type === 'hash' ? new HashPartitioner(owners.length) : partitionerOfNode(nodes[liesBy.node])
}

function partitionerOfNode(node: StreamNode<unknown> | undefined): Partitioner | undefined {
  return node?.partitioner ?? node?.state?.partitioner
}

/** Throws GraphError naming the first operator that differs. */
export function checkSameShape(mine: GraphShape, theirs: GraphShape, worker: number): void {
  const [a, b] = [mine, theirs].map(({ nodes, outputs }) => [...nodes, ...outputs]) as [
    OperatorShape[],
    OperatorShape[],
  ]
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    if (textOf(a[i]) === textOf(b[i])) continue
    throw new GraphError([
      `worker ${worker} has built ${describe(b[i])} where the driver has ${describe(a[i])}: the job's module must ` +
        `build the same graph in every thread`,
    ])
  }
}

function textOf(operator: OperatorShape | undefined): string {
  return operator === undefined ? '' : JSON.stringify(operator)
}

function describe(operator: OperatorShape | undefined): string {
  return operator === undefined
    ? 'nothing'
    : `'${operator.id}' (${operator.kind} of ${operator.parents.join(', ') || 'nothing'}${operator.places ?? ''})`
}
