// Joins of two keyed datasets, all made of one cogroup.

import type { KeyPlaces } from '../graph/partitioner.ts'
import { CogroupedDataset } from './cogroup.ts'
import type { Dataset } from './dataset.ts'
import { NarrowDataset, type Pipe } from './narrow.ts'
import type { ShuffleOptions } from './shuffle.ts'

type Groups = unknown[][]
type Keyed<K> = Dataset<readonly [K, unknown]>

export function cogrouped<K, V, W>(
  left: Dataset<readonly [K, V]>,
  right: Dataset<readonly [K, W]>,
  places: KeyPlaces,
): Dataset<readonly [K, [V[], W[]]]> {
  const groups = new CogroupedDataset<K>([left, right] as Keyed<K>[], places)
  return groups as unknown as Dataset<readonly [K, [V[], W[]]]>
}

/** Which sides may be missing: their place holds undefined. */
export interface Outer {
  readonly left: boolean
  readonly right: boolean
}

export function joined<K, R>(
  left: Keyed<K>,
  right: Keyed<K>,
  places: KeyPlaces,
  outer: Outer,
  options?: ShuffleOptions,
): Dataset<readonly [K, R]> {
  const groups = new CogroupedDataset<K>([left, right], places, options)
  return new NarrowDataset(groups, joinPipe<K, R>(outer), { keepsKeys: true })
}

const MISSING: readonly unknown[] = [undefined]

function joinPipe<K, R>(outer: Outer): Pipe<readonly [K, Groups], readonly [K, R]> {
  return (emit) =>
    ([key, [lefts, rights]]) => {
      const as = outer.left && lefts?.length === 0 ? MISSING : (lefts as readonly unknown[])
      const bs = outer.right && rights?.length === 0 ? MISSING : (rights as readonly unknown[])
      for (const a of as) for (const b of bs) emit([key, [a, b] as R])
    }
}
