// What an RDD knows of where its rows lie: who brings it about, who keeps it, who loses it, and what operators that are
// not told make of it.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { BatchContext } from '../../../processor/batch-context.ts'
import {
  defaultPartitioner,
  HashPartitioner,
  isSamePartitioner,
  type Partitioner,
} from '../../../processor/graph/partitioner.ts'
import type { PairRDD } from '../../../processor/rdd/pair-rdd.ts'
import { RangePartitioner } from '../../../processor/rdd/range-partitioner.ts'
import type { RDD } from '../../../processor/rdd/rdd.ts'

setFlagsFromString('--expose_gc')
const collectGarbage = runInNewContext('gc') as () => void

const context = new BatchContext({ parallelism: 3 })
const pairs = context.parallelize(
  'the quick brown fox jumps over the lazy dog'.split('').map((letter, at): [string, number] => [letter, at]),
  4,
)
const sum = (a: number, b: number) => a + b
const same = <T>(rows: T[]) => rows

/** Vowels apart. */
const byVowel: Partitioner<string> = {
  numPartitions: 2,
  getPartition: (key) => Number('aeiou'.includes(key)),
}
const placed = pairs.partitionBy(byVowel)

test.each<[string, RDD<unknown>]>([
  ['reduceByKey', pairs.reduceByKey(sum, byVowel)],
  ['foldByKey', pairs.foldByKey(0, sum, byVowel)],
  ['aggregateByKey', pairs.aggregateByKey(0, sum, sum, byVowel)],
  ['groupByKey', pairs.groupByKey(byVowel)],
  ['combineByKey', pairs.combineByKey({ create: (n) => n, merge: sum }, byVowel)],
  ['groupBy', pairs.keys().groupBy((letter) => letter, byVowel)],
  ['partitionBy', placed],
  ['repartitionAndSortWithinPartitions', pairs.repartitionAndSortWithinPartitions(byVowel)],
  ['cogroup', pairs.cogroup(pairs, byVowel)],
  ['join', pairs.join(pairs, byVowel)],
  ['leftOuterJoin', pairs.leftOuterJoin(pairs, byVowel)],
  ['rightOuterJoin', pairs.rightOuterJoin(pairs, byVowel)],
  ['fullOuterJoin', pairs.fullOuterJoin(pairs, byVowel)],
  [
    'subtractByKey',
    pairs.subtractByKey(
      pairs.filter(([letter]) => letter === 't'),
      byVowel,
    ),
  ],
  ['filter', placed.filter(() => true)],
  ['mapValues', placed.mapValues((n) => n + 1)],
  ['flatMapValues', placed.flatMapValues((n) => [n, n])],
  ['mapPartitions that preserves', placed.mapPartitions(same, { preservesPartitioning: true })],
  ['mapPartitionsToPair that preserves', placed.mapPartitionsToPair(same, { preservesPartitioning: true })],
  [
    'mapPartitionsWithIndex that preserves',
    placed.mapPartitionsWithIndex((_, rows) => rows, { preservesPartitioning: true }),
  ],
  ['zipPartitions that preserves', placed.zipPartitions(placed, same, { preservesPartitioning: true })],
  ['sample', placed.sample(0.5)],
  ['sampleByKey', placed.sampleByKey(new Map([['t', 1]]))],
  ['randomSplit', placed.randomSplit([1, 1])[1] as RDD<unknown>],
  ['persist', placed.mapValues((n) => n).persist()],
  ['checkpoint', placed.mapValues((n) => n).checkpoint()],
  ['union of rows that lie alike', placed.union(pairs.reduceByKey(sum, byVowel))],
])('%s knows it, and rows lie so', async (_, rdd) => {
  expect(rdd.partitioner).toBe(byVowel)
  expect(rdd.partitions).toBe(2)
  const parts = (await rdd.glom().collect()) as [string, unknown][][]
  for (const [partition, rows] of parts.entries()) {
    expect(rows.map(([key]) => byVowel.getPartition(key))).toEqual(rows.map(() => partition))
  }
  expect(parts.flat().length).toBeGreaterThan(0)
})

test.each<[string, RDD<unknown>]>([
  ['parallelize', pairs],
  ['map', placed.map((row) => row)],
  ['flatMap', placed.flatMap((row) => [row])],
  ['mapToPair', placed.mapToPair((row) => row)],
  ['keyBy', placed.keyBy(([key]) => key)],
  ['keys', placed.keys()],
  ['values', placed.values()],
  ['mapPartitions', placed.mapPartitions(same)],
  ['glom', placed.glom()],
  ['zipWithIndex', placed.zipWithIndex()],
  ['zip', placed.zip(placed)],
  ['cartesian', placed.cartesian(placed)],
  ['coalesce', placed.coalesce(1)],
  ['repartition', placed.repartition(2)],
  ['sortBy', placed.sortBy(([key]) => key)],
  ['distinct', placed.keys().distinct()],
  ['subtract', placed.keys().subtract(pairs.keys())],
  ['intersection', placed.keys().intersection(pairs.keys())],
  ['union with rows that lie otherwise', placed.union(pairs.partitionBy(5))],
  ['union with rows that lie nobody knows how', placed.union(pairs)],
])('%s knows of none', (_, rdd) => {
  expect(rdd.partitioner).toBeUndefined()
})

test('rows that lie so already are not moved again', () => {
  expect(placed.partitionBy(byVowel)).toBe(placed)
  const hashed = pairs.reduceByKey(sum, 7)
  expect(hashed.partitionBy(7)).toBe(hashed)
  expect(hashed.partitionBy(new HashPartitioner(7))).toBe(hashed)
  expect(hashed.partitionBy(6)).not.toBe(hashed)
})

test('a union of rows that lie alike has their partitions, rows of the first one first', async () => {
  const few = context
    .parallelize<[string, number]>(
      [
        ['a', 1],
        ['b', 2],
      ],
      1,
    )
    .partitionBy(byVowel)
  const more = context
    .parallelize<[string, number]>(
      [
        ['c', 3],
        ['e', 4],
      ],
      2,
    )
    .partitionBy(byVowel)
  const none = context.emptyRDD<[string, number]>()
  for (const united of [few.union(none, more), context.union([few, more, none])]) {
    expect(await united.glom().collect()).toEqual([
      [
        ['b', 2],
        ['c', 3],
      ],
      [
        ['a', 1],
        ['e', 4],
      ],
    ])
  }
})

test('partitioners are the same where they are one object, or one says so of the other', () => {
  const twin = { ...byVowel, equals: (other: Partitioner) => other === byVowel }
  expect(isSamePartitioner(byVowel, byVowel)).toBe(true)
  expect(isSamePartitioner(byVowel, { ...byVowel })).toBe(false)
  expect(isSamePartitioner(twin, byVowel)).toBe(true)
  expect(isSamePartitioner(new HashPartitioner(2), new HashPartitioner(2))).toBe(true)
  expect(isSamePartitioner(new HashPartitioner(2), new HashPartitioner(3))).toBe(false)
  expect(isSamePartitioner(new HashPartitioner(2), byVowel)).toBe(false)
  expect(isSamePartitioner(undefined, undefined)).toBe(false)
})

test('a partitioner derived from the hash is not the hash: rows by the one are moved for the other, and found', async () => {
  class ByFirstLetter extends HashPartitioner {
    override getPartition(key: unknown) {
      return String(key).charCodeAt(0) % this.numPartitions
    }
  }
  const [own, hash] = [new ByFirstLetter(4), new HashPartitioner(4)]
  expect(isSamePartitioner(own, hash)).toBe(false)
  expect(isSamePartitioner(hash, own)).toBe(false)
  const byFirst = pairs.partitionBy(own)
  expect(byFirst.partitionBy(hash)).not.toBe(byFirst)
  const both = context.union([byFirst, pairs.partitionBy(hash)]) as unknown as typeof pairs
  expect(both.partitioner).toBeUndefined()
  for (const letter of ['t', 'q', 'o']) {
    expect(await both.lookup(letter)).toHaveLength(2 * (await pairs.lookup(letter)).length)
  }
})

describe('an operator that is told no place takes', () => {
  const of = (partitions: number, partitioner?: Partitioner) => ({ partitions, partitioner })
  const hash = (n: number) => new HashPartitioner(n)

  // Spark's Partitioner.defaultPartitioner, with spark.default.parallelism 3.
  test.each<[string, Parameters<typeof defaultPartitioner>[0], Partitioner]>([
    ['the hash, where none is known', [of(8), of(2)], hash(3)],
    ['the one that is known', [of(2, byVowel)], byVowel],
    ['that of the largest that has one', [of(2, byVowel), of(5, hash(5)), of(9)], hash(5)],
    ['the first of two as large', [of(2, byVowel), of(2, hash(2))], byVowel],
    ['not one of far fewer partitions', [of(2, byVowel), of(20)], hash(3)],
    ['one of nearly ten times fewer', [of(2, byVowel), of(19)], byVowel],
    ['one of far fewer, if they are as many as the default', [of(4, hash(4)), of(400)], hash(4)],
  ])('%s', (_, parents, expected) => {
    const found = defaultPartitioner(parents, 3)
    expect(found === expected || isSamePartitioner(found, expected)).toBe(true)
  })

  test.each<[string, (rdd: PairRDD<string, number>) => RDD<unknown>]>([
    ['reduceByKey', (rdd) => rdd.reduceByKey(sum)],
    ['groupByKey', (rdd) => rdd.groupByKey()],
    ['cogroup', (rdd) => rdd.cogroup(pairs.partitionBy(2))],
    ['join', (rdd) => rdd.join(pairs)],
    ['join, from the other side', (rdd) => pairs.join(rdd)],
    ['groupWith', (rdd) => pairs.groupWith(rdd, pairs)],
    ['subtractByKey', (rdd) => rdd.subtractByKey(pairs.partitionBy(2).filter(([key]) => key < 'c'))],
  ])('%s: what its rows lie by', async (_, operator) => {
    const rdd = operator(placed)
    expect(rdd.partitioner).toBe(byVowel)
    expect(await rdd.count()).toBeGreaterThan(0)
    expect(operator(pairs).partitioner).not.toBe(byVowel)
  })

  test('subtract, subtractByKey and distinct have as many partitions as their rows, whatever the default', () => {
    expect(pairs.subtractByKey(pairs).partitions).toBe(4)
    expect(pairs.keys().subtract(pairs.keys()).partitions).toBe(4)
    expect(pairs.keys().distinct().partitions).toBe(4)
    expect(context.emptyRDD<number>().distinct().partitions).toBe(1)
  })
})

test('lookup reads the one partition that can have the key', async () => {
  const seen: string[] = []
  const counted = placed.mapValues((n) => n).filter(([key]) => seen.push(key) > 0)
  expect(await counted.lookup('e')).toEqual([2, 28, 33])
  expect(new Set(seen)).toEqual(new Set(['e', 'u', 'i', 'o', 'a']))
  expect(await placed.lookup('nothing')).toEqual([])
})

describe('ranges', () => {
  const numbers = (n: number, of: (i: number) => number = (i) => (i * 7919) % n) =>
    context.parallelize(
      Array.from({ length: n }, (_, i): [number, number] => [of(i), i]),
      5,
    )
  const keysOf = async (rdd: RDD<readonly [number, unknown]>) =>
    (await rdd.glom().collect()).map((rows) => rows.map(([key]) => key))

  // As Spark 4.2 cuts them, where it has as many ranges as are asked for.
  test.each<[string, number[], number, boolean, number[][]]>([
    [
      'of the same size',
      [6, 2, 4, 1, 5, 3],
      3,
      true,
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    ],
    [
      'the other way round',
      [6, 2, 4, 1, 5, 3],
      3,
      false,
      [
        [6, 5],
        [4, 3],
        [2, 1],
      ],
    ],
    ['alike are together', [1, 1, 1, 1, 2, 3], 3, true, [[1, 1, 1, 1], [2], [3]]],
    ['alike and the other way round', [1, 1, 1, 1, 2, 3], 3, false, [[3], [2], [1, 1, 1, 1]]],
    ['all alike', [5, 5, 5], 3, true, [[5, 5, 5], [], []]],
    ['all alike and the other way round', [5, 5, 5], 3, false, [[], [5, 5, 5], []]],
    ['fewer rows than partitions', [2, 1], 4, true, [[1], [2], [], []]],
    ['no rows', [], 2, true, [[], []]],
  ])('sortByKey: %s', async (_, keys, numPartitions, ascending, expected) => {
    const rdd = context.parallelize(
      keys.map((key, at): [number, number] => [key, at]),
      2,
    )
    const sorted = rdd.sortByKey({ numPartitions, ascending })
    expect(await keysOf(sorted)).toEqual(expected)
    // Rows that are alike stay in their order.
    const rows = await sorted.collect()
    for (const [at, [key, place]] of rows.entries()) {
      const next = rows[at + 1]
      if (next?.[0] === key) expect(next[1]).toBeGreaterThan(place)
    }
    // And what is brought to its ranges lies as it does.
    expect(sorted.partitioner).toBeInstanceOf(RangePartitioner)
    const moved = rdd.groupByKey(sorted.partitioner as Partitioner<number>)
    const distinct = expected.map((part) => [...new Set(part)].sort((a, b) => a - b))
    expect((await keysOf(moved)).map((part) => part.sort((a, b) => a - b))).toEqual(distinct)
  })

  test('sortByKey().join: rows stay in their ranges', async () => {
    const rdd = numbers(100)
    const sorted = rdd.sortByKey({ numPartitions: 4 })
    const joined = sorted.join(rdd)
    expect(joined.partitioner).toBe(sorted.partitioner)
    const parts = await keysOf(joined)
    expect(parts.map(({ length }) => length)).toEqual([25, 25, 25, 25])
    for (const [at, part] of parts.entries()) {
      expect(Math.max(...part)).toBe(at * 25 + 24)
      expect(Math.min(...part)).toBe(at * 25)
    }
  })

  test.each([100, 50_000])(
    'a RangePartitioner of %i keys: ranges of about the same size, in order',
    async (n) => {
      const rdd = numbers(n)
      const ranges = new RangePartitioner(4, rdd)
      const parts = await keysOf(rdd.partitionBy(ranges))
      let before = -1
      for (const part of parts) {
        expect(Math.min(...part)).toBeGreaterThan(before)
        before = part.reduce((a, b) => Math.max(a, b))
        expect(part.length).toBeGreaterThan(n / 6)
        expect(part.length).toBeLessThan(n / 3)
      }
      expect(parts.flat().length).toBe(n)
      // The same rows, the same ranges.
      const again = new RangePartitioner(4, numbers(n))
      expect(again.equals(ranges)).toBe(false)
      await numbers(n).partitionBy(again).count()
      expect(again.equals(ranges)).toBe(true)
      expect(await keysOf(rdd.partitionBy(again))).toEqual(parts)
    },
  )

  test('in falling order, by another order, in one partition, of no rows', async () => {
    const rdd = numbers(40)
    const falling = await keysOf(rdd.partitionBy(new RangePartitioner(2, rdd, { ascending: false })))
    expect(Math.min(...(falling[0] as number[]))).toBe(20)
    const odd = (a: number, b: number) => (b % 2) - (a % 2) || a - b
    const [first] = await keysOf(rdd.partitionBy(new RangePartitioner(2, rdd, { compare: odd })))
    expect(first?.every((key) => key % 2 === 1)).toBe(true)
    expect(await keysOf(rdd.partitionBy(new RangePartitioner(1, rdd)))).toHaveLength(1)
    const none = context.parallelize<[number, number]>([], 2)
    const [all, empty] = await keysOf(rdd.partitionBy(new RangePartitioner(2, none)))
    expect([all?.length, empty?.length]).toEqual([40, 0])
  })

  test('the same bounds are not the same ranges the other way round, or by another order', async () => {
    const rdd = numbers(40)
    const compare = (a: number, b: number) => a - b
    const all = [{}, { ascending: false }, { compare }].map(
      (options) => new RangePartitioner(2, rdd, options),
    )
    for (const ranges of all) await rdd.partitionBy(ranges).count()
    for (const a of all) for (const b of all) expect(a.equals(b)).toBe(a === b)
  })

  test('once it knows its ranges it holds no rows', async () => {
    const made = async () => {
      const value = { some: 'value' }
      const rdd = numbers(20).mapValues(() => value)
      const sorted = rdd.sortByKey({ numPartitions: 4 })
      const read = sorted.partitioner as Partitioner<number>
      await sorted.count()
      const asked = rdd.sortByKey({ numPartitions: 4 }).partitioner as Partitioner<number>
      await numbers(20).partitionBy(asked).count()
      const sampled = new RangePartitioner(4, rdd.persist())
      await numbers(20).partitionBy(sampled).count()
      return { ranges: [read, asked, sampled], value: new WeakRef(value) }
    }
    const { ranges, value } = await made()
    // What is dereferenced or made in a turn lives to its end.
    await new Promise((resolve) => setImmediate(resolve))
    collectGarbage()
    expect(value.deref()).toBeUndefined()
    for (const each of ranges) expect([0, 19].map((key) => each.getPartition(key))).toEqual([0, 3])
  })

  test('it is asked too early by who brings no rows', () => {
    expect(() => new RangePartitioner(2, numbers(4)).getPartition(1)).toThrow(
      /known only when rows are brought/,
    )
    expect(() => new RangePartitioner(0, numbers(4))).toThrow('RangePartitioner: numPartitions must be')
  })
})
