// One row out for each row in.

import type { StreamNode } from '../graph/node.ts'
import { mapPipe } from '../rdd/narrow.ts'
import { narrow } from './narrow.ts'

export function map<T, U>(parent: StreamNode<T>, f: (row: T) => U, name?: string, kind = 'map') {
  return narrow<T, U>(kind, parent, name, (id) => mapPipe(id, f))
}
