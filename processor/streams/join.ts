// Two keyed streams of the same slide, brought together within each batch.

import type { Graph, NodeSpec } from '../graph/graph.ts'
import type { StreamNode } from '../graph/node.ts'
import { cogrouped, joined, type Outer } from '../rdd/join.ts'
import { partitionsOf, type ShuffleOptions } from './options.ts'
import { needed } from './union.ts'

type Pairs<K, V> = StreamNode<readonly [K, V]>

export function cogroup<K, V, W>(
  graph: Graph,
  left: Pairs<K, V>,
  right: Pairs<K, W>,
  options: ShuffleOptions = {},
): NodeSpec<readonly [K, [V[], W[]]]> {
  const partitions = partitionsOf(graph, options)
  return {
    kind: 'cogroup',
    name: options.name,
    parents: [left, right],
    compute: (timeMs, scope, id) =>
      cogrouped(needed(left, timeMs, scope), needed(right, timeMs, scope), id, partitions),
  }
}

/** `R` is the pair type that `outer` makes: a missing side is undefined. */
export function join<K, R>(
  graph: Graph,
  kind: string,
  left: Pairs<K, unknown>,
  right: Pairs<K, unknown>,
  outer: Outer,
  options: ShuffleOptions = {},
): NodeSpec<readonly [K, R]> {
  const partitions = partitionsOf(graph, options)
  return {
    kind,
    name: options.name,
    parents: [left, right],
    compute: (timeMs, scope, id) =>
      joined<K, R>(needed(left, timeMs, scope), needed(right, timeMs, scope), id, partitions, outer),
  }
}
