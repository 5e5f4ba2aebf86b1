// Two keyed streams of the same slide, brought together within each batch.

import type { Graph, NodeSpec } from '../graph/graph.ts'
import type { StreamNode } from '../graph/node.ts'
import { KeyPlaces } from '../graph/partitioner.ts'
import { cogrouped, joined, type Outer } from '../rdd/join.ts'
import { partitionerFor, type ShuffleOptions } from './options.ts'
import { needed } from './union.ts'

type Pairs<K, V> = StreamNode<readonly [K, V]>

export function cogroup<K, V, W>(
  graph: Graph,
  left: Pairs<K, V>,
  right: Pairs<K, W>,
  options: ShuffleOptions<K> = {},
): NodeSpec<readonly [K, [V[], W[]]]> {
  const partitioner = partitionerFor(graph, 'cogroup', options)
  return {
    kind: 'cogroup',
    name: options.name,
    parents: [left, right],
    partitioner,
    compute: (timeMs, scope, id) =>
      cogrouped(needed(left, timeMs, scope), needed(right, timeMs, scope), new KeyPlaces(id, partitioner)),
  }
}

/** `R` is the pair type that `outer` makes: a missing side is undefined. */
export function join<K, R>(
  graph: Graph,
  kind: string,
  left: Pairs<K, unknown>,
  right: Pairs<K, unknown>,
  outer: Outer,
  options: ShuffleOptions<K> = {},
): NodeSpec<readonly [K, R]> {
  const partitioner = partitionerFor(graph, kind, options)
  return {
    kind,
    name: options.name,
    parents: [left, right],
    partitioner,
    compute: (timeMs, scope, id) =>
      joined<K, R>(
        needed(left, timeMs, scope),
        needed(right, timeMs, scope),
        new KeyPlaces(id, partitioner),
        outer,
      ),
  }
}
