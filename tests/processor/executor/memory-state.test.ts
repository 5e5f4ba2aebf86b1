// State in memory against a plain Map that knows no batches.

import { expect, test } from 'vitest'
import { MemoryStatePartition } from '../../../processor/executor/memory-state.ts'
import type { StateCursor } from '../../../processor/graph/contracts/state.ts'
import type { Key } from '../../../processor/graph/key.ts'
import { Random, seeds } from '../../world/random.ts'

function walked<V>(cursor: StateCursor<V>): [Key, V][] {
  const found: [Key, V][] = []
  while (cursor.next()) found.push([cursor.key, cursor.value])
  return found
}

const entries = (cursor: StateCursor<number>) =>
  walked(cursor).toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1))

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

test('keys are found among many, whatever was removed before, in the order in which they came', () => {
  const random = new Random(1)
  const partition = new MemoryStatePartition<number>()
  const expected = new Map<Key, number>()
  const keyOf = (n: number): Key => [`k${n}`, n, BigInt(n), n + 0.5][n % 4] as Key
  for (let batch = 0; batch < 12; batch++) {
    // Most keys go in every third batch: places are made anew then.
    for (const key of batch % 3 === 2 ? [...expected.keys()].slice(20) : []) {
      partition.remove(key)
      expected.delete(key)
    }
    // A key that came again within the batch would have kept its place.
    walk(partition.apply())
    for (let step = 0; step < 6000; step++) {
      const key = keyOf(random.below(20_000))
      partition.put(key, step)
      expected.set(key, step)
    }
    walk(partition.apply())
    expect(partition.size).toBe(expected.size)
    let index = 0
    const all = [...expected]
    for (const [key, value] of walked(partition.current())) {
      const [expectedKey, expectedValue] = all[index++] as [Key, number]
      if (key !== expectedKey || value !== expectedValue) expect([key, value]).toEqual(all[index - 1])
    }
    expect(index).toBe(all.length)
    expect(partition.end).toBeLessThanOrEqual(2 * expected.size + 4096)
  }
  for (const [key, value] of expected) expect(partition.get(key)).toBe(value)
  expect(partition.get('never')).toBeUndefined()
})

test('keys are equal as in Map', () => {
  const partition = new MemoryStatePartition<number>()
  const keys = [0, -0, Number.NaN, Number.NaN, '0', 0n, false, null, 'null', '']
  const expected = new Map<Key, number>()
  for (const [value, key] of keys.entries()) {
    partition.put(key, value)
    expected.set(key, value)
  }
  expect(walked(partition.current())).toEqual([...expected])
})

test('a key that came as -0 is 0, as in Map and as it comes back from disk', () => {
  const partition = new MemoryStatePartition<number>()
  partition.put(-0, 1)
  expect(Object.is(partition.keyAt(0), 0)).toBe(true)
})

test('a batch that is dropped leaves no place behind for the keys that it brought', () => {
  const partition = new MemoryStatePartition<number>()
  partition.put('kept', 1)
  walk(partition.apply())
  for (let run = 0; run < 3; run++) {
    for (let i = 0; i < 10_000; i++) partition.put(`k${i}`, i)
    partition.set(partition.place('kept'), undefined)
    partition.place('never set')
    expect(partition.size).toBe(10_000)
    walk(partition.drop())
    expect(partition.size).toBe(1)
    expect(walked(partition.current())).toEqual([['kept', 1]])
  }
  expect(partition.end).toBeLessThan(10_000)
})

test('of a key that came and went within a batch nothing is kept', () => {
  const partition = new MemoryStatePartition<number>()
  partition.put('a', 1)
  partition.put('b', 1)
  partition.remove('a')
  partition.place('c')
  expect(walked(partition.changes())).toEqual([['b', 1]])
  walk(partition.apply())
  partition.remove('b')
  expect(walked(partition.changes())).toEqual([['b', undefined]])
})
