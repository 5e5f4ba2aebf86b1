// A graph as threads compare it: every thread must have built the same one, or they would compute different things.

import { GraphError } from '../../graph/errors.ts'
import type { Graph } from '../../graph/graph.ts'
import { partitionerOfNode } from '../../graph/lies-by.ts'
import type { Partitioner } from '../../graph/partitioner.ts'
import type { GraphShape, OperatorShape } from './calls.ts'

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
