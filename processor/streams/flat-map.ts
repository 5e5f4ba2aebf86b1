// Any number of rows out for each row in.

import type { StreamNode } from '../graph/node.ts'
import { flatMapPipe } from '../rdd/narrow.ts'
import { narrow } from './narrow.ts'

export function flatMap<T, U>(parent: StreamNode<T>, f: (row: T) => Iterable<U>, name?: string) {
  return narrow<T, U>('flatMap', parent, name, (id) => flatMapPipe(id, f))
}
