// The rows of the last batches together: at t, the parent's data sets in (t − window, t].
//
//   parent (slide 1)   1   2   3   4   5   6
//   window 3, slide 2      [1 2]   [2 3 4] [4 5 6]     the first one is partial
//
// The parent computes each batch's rows once and holds them as long as a window can reach them.

import type { Graph, NodeSpec } from '../graph/graph.ts'
import type { StreamNode } from '../graph/node.ts'
import { united } from '../rdd/union.ts'
import { recoverable } from './kept-rows.ts'

export interface WindowLengths {
  readonly windowMs: number
  readonly slideMs: number
}

export function window<T>(
  graph: Graph,
  stream: StreamNode<T>,
  lengths: WindowLengths,
  name?: string,
): NodeSpec<T> {
  const parent = recoverable(graph, stream)
  return {
    kind: 'window',
    name,
    parents: [parent],
    slideMs: lengths.slideMs,
    windowMs: lengths.windowMs,
    reachMs: lengths.windowMs,
    compute: (timeMs, scope) => united(scope.slice(parent, timeMs - lengths.windowMs, timeMs)),
  }
}
