// Values per key over a window: grouped batch by batch, and the batches' groups then put one after the other.

import type { Combiner } from '../rdd/shuffle.ts'

/** Makes a list of its own: the batches' lists are read again by the next windows. */
export function joinGroups<V>(): Combiner<readonly V[], V[]> {
  return {
    create: (values) => [...values],
    merge: addAll,
    mergeCombined: addAll,
  }
}

// Not push(...values): a group may be longer than a call can have arguments.
function addAll<V>(all: V[], values: readonly V[]): V[] {
  for (const value of values) all.push(value)
  return all
}
