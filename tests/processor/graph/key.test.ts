import { expect, test } from 'vitest'
import { checkKey, hashKey, partitionOf, type Key } from '../../../processor/graph/key.ts'
import { Random } from '../../world/random.ts'

test('hashes stay as they are: state in checkpoints is placed by them', () => {
  const keys: Key[] = [
    '',
    'a',
    'word',
    'Ünïcode ☃',
    0,
    1,
    -1,
    0.5,
    2 ** 40,
    NaN,
    0n,
    12345678901234567890n,
    true,
    false,
    null,
  ]
  expect(keys.map(hashKey)).toMatchInlineSnapshot(`
    [
      1436499461,
      222320857,
      1978401439,
      1952845353,
      0,
      682038363,
      1090041756,
      56772643,
      1831970306,
      731697097,
      846743473,
      989708582,
      1231,
      1237,
      0,
    ]
  `)
})

test('equal keys of a Map have equal hashes', () => {
  expect(hashKey(-0)).toBe(hashKey(0))
  const odd = new Float64Array(new Uint32Array([1, 0x7ff80001]).buffer)[0] as number
  expect(hashKey(odd)).toBe(hashKey(Number.NaN))
})

test('every key has a valid partition, and many keys spread evenly', () => {
  const random = new Random(1)
  const makers: (() => Key)[] = [
    () => random.bytes(random.below(12)).toString('latin1'),
    () => random.next() * 1e6 - 5e5,
    () => random.below(1e9) - 5e8,
    () => BigInt(random.below(1e9)) - 500_000_000n,
  ]
  for (const make of makers) {
    const counts = [0, 0, 0, 0, 0, 0, 0]
    for (let i = 0; i < 7000; i++) {
      const partition = partitionOf(make(), counts.length)
      expect(partition).toBeGreaterThanOrEqual(0)
      counts[partition] = (counts[partition] as number) + 1
    }
    expect(Math.min(...counts)).toBeGreaterThan(700)
  }
})

test('short running numbers spread, as numbers and as text', () => {
  for (const key of [(i: number) => i, (i: number) => `k${i}`]) {
    const used = new Set(Array.from({ length: 64 }, (_, i) => partitionOf(key(i), 8)))
    expect(used.size).toBe(8)
  }
})

test.each([
  [undefined, 'undefined'],
  [Symbol('s'), 'symbol'],
  [{}, 'Object'],
  [[1, 2], 'Array'],
  [Buffer.from('a'), 'Buffer'],
  [Object.create(null), 'object'],
])('a key that is not compared by value is refused: %s', (key, what) => {
  expect(() => checkKey(key, 'reduceByKey-1')).toThrow(
    `reduceByKey-1: a key must be a string, number, bigint, boolean or null, not ${what}`,
  )
})
