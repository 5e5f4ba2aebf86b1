// The rows that a function keeps.

import type { StreamNode } from '../graph/node.ts'
import { filterPipe } from '../rdd/narrow.ts'
import { narrow } from './narrow.ts'

export function filter<T>(parent: StreamNode<T>, f: (row: T) => boolean, name?: string) {
  return narrow<T, T>('filter', parent, name, (id) => filterPipe(id, f), { keepsKeys: true })
}
