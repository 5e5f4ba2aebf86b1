// Changes values and leaves keys.

import type { StreamNode } from '../graph/node.ts'
import { flatMapValuesPipe, mapValuesPipe } from '../rdd/narrow.ts'
import { narrow } from './narrow.ts'

type Pairs<K, V> = StreamNode<readonly [K, V]>

export function mapValues<K, V, U>(parent: Pairs<K, V>, f: (value: V) => U, name?: string) {
  const pipe = (id: string) => mapValuesPipe<K, V, U>(id, f)
  return narrow('mapValues', parent, name, pipe, { keepsKeys: true })
}

export function flatMapValues<K, V, U>(parent: Pairs<K, V>, f: (value: V) => Iterable<U>, name?: string) {
  const pipe = (id: string) => flatMapValuesPipe<K, V, U>(id, f)
  return narrow('flatMapValues', parent, name, pipe, { keepsKeys: true })
}
