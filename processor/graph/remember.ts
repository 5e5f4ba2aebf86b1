// How long each stream's data sets must stay reachable: a child that looks back holds its parents longer.
// Worked out once at start, from the ends of the graph to its beginnings.

import type { StreamNode } from './node.ts'

/**
 * Milliseconds by node. A node is remembered for at least its own slide, what it asks for and `atLeastMs`; a parent for as
 * long as its child, and on top of that as far back as the child reads.
 * `nodes` must list parents before their children.
 */
export function rememberDurations(
  nodes: readonly StreamNode<unknown>[],
  atLeastMs: number,
): Map<StreamNode<unknown>, number> {
  const remember = new Map<StreamNode<unknown>, number>()
  for (const node of nodes) remember.set(node, Math.max(node.slideMs, node.rememberMs, atLeastMs))
  for (const node of nodes.toReversed()) {
    const needMs = (remember.get(node) as number) + node.reachMs
    for (const parent of node.parents) {
      remember.set(parent, Math.max(remember.get(parent) as number, needMs))
    }
  }
  return remember
}
