// Changes values and leaves keys.

import type { StreamNode } from '../graph/node.ts'
import { flatMapValuesPipe, mapValuesPipe } from '../rdd/narrow.ts'
import { narrow } from './narrow.ts'

type Pairs<K, V> = StreamNode<readonly [K, V]>

export function mapValues<K, V, U>(parent: Pairs<K, V>, f: (value: V) => U, name?: string) {
  return narrow<readonly [K, V], readonly [K, U]>('mapValues', parent, name, (id) => mapValuesPipe(id, f))
}

export function flatMapValues<K, V, U>(parent: Pairs<K, V>, f: (value: V) => Iterable<U>, name?: string) {
  return narrow<readonly [K, V], readonly [K, U]>('flatMapValues', parent, name, (id) =>
    flatMapValuesPipe(id, f),
  )
}
