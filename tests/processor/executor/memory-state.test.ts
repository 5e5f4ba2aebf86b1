// State in memory against a plain Map that knows no batches.

import { expect, test } from 'vitest'
import { MemoryStatePartition } from '../../../processor/executor/memory-state.ts'
import type { StateCursor } from '../../../processor/graph/contracts/state.ts'
import type { Key } from '../../../processor/graph/key.ts'
import { Random, seeds } from '../../world/random.ts'

function entries(cursor: StateCursor<number>): [Key, number][] {
  const found: [Key, number][] = []
  while (cursor.next()) found.push([cursor.key, cursor.value])
  return found.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1))
}

const walk = (steps: Iterable<undefined>) => {
  for (const _ of steps);
}

const plain = (map: Map<string, number>) => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1))

test.each(seeds(1, 20))(
  'reads see the batch’s own changes; apply keeps them, drop forgets them, seed %i',
  (seed) => {
    const random = new Random(seed)
    const partition = new MemoryStatePartition<number>()
    let committed = new Map<string, number>()
    for (let batch = 0; batch < 20; batch++) {
      const current = new Map(committed)
      for (let step = random.below(30); step > 0; step--) {
        const key = `k${random.below(12)}`
        if (random.chance(0.4)) {
          partition.remove(key)
          current.delete(key)
        } else {
          const value = random.below(5)
          partition.put(key, value)
          current.set(key, value)
        }
        expect(partition.get(key), `seed ${seed}`).toBe(current.get(key))
        expect(partition.size, `seed ${seed}`).toBe(current.size)
      }
      expect(entries(partition.current()), `seed ${seed}`).toEqual(plain(current))
      expect(entries(partition.committed()), `seed ${seed}`).toEqual(plain(committed))
      if (random.chance(0.7)) {
        walk(partition.apply())
        committed = current
      } else {
        walk(partition.drop())
      }
      expect(entries(partition.current()), `seed ${seed}`).toEqual(plain(committed))
      expect(partition.size).toBe(committed.size)
    }
  },
)

test('the committed state can be walked while it changes', () => {
  const partition = new MemoryStatePartition<number>()
  for (const key of ['a', 'b', 'c']) partition.put(key, 1)
  walk(partition.apply())
  const cursor = partition.committed()
  const seen: [Key, number][] = []
  while (cursor.next()) {
    seen.push([cursor.key, cursor.value])
    partition.put(cursor.key, 2)
    partition.put(`new ${String(cursor.key)}`, 3)
    partition.remove('c')
  }
  expect(seen).toEqual([
    ['a', 1],
    ['b', 1],
    ['c', 1],
  ])
})
