// RDDs with a partitioner of the program's own: keys are where it says, and the rows are the same.

import { describe, expect, test } from 'vitest'
import { BatchContext } from '../../../processor/batch-context.ts'
import { HashPartitioner, type Partitioner, type Partitioning } from '../../../processor/graph/partitioner.ts'
import { ArrayReader } from '../../../processor/rdd/array-reader.ts'
import type { Exchanging, Peers, Share } from '../../../processor/rdd/dataset.ts'
import type { PairRDD } from '../../../processor/rdd/pair-rdd.ts'
import type { RDD } from '../../../processor/rdd/rdd.ts'

const context = new BatchContext({ parallelism: 3 })
const letters = 'the quick brown fox jumps over the lazy dog'.split('')
const pairs = context.parallelize(
  letters.map((letter, at): [string, number] => [letter, at]),
  4,
)
const others = context.parallelize(
  'oxygen'.split('').map((letter): [string, string] => [letter, letter]),
  2,
)
const sum = (a: number, b: number) => a + b

/** Vowels apart. */
const byVowel: Partitioner<string> = {
  numPartitions: 2,
  getPartition: (key) => Number('aeiou'.includes(key)),
}

type Keyed = PairRDD<string, unknown>
const keysOf = (rows: RDD<string>): Keyed =>
  rows.map((row): [string, null] => [row, null]) as unknown as Keyed

const operators: Record<string, (where?: Partitioning<string>) => Keyed> = {
  reduceByKey: (where) => pairs.reduceByKey(sum, where),
  foldByKey: (where) => pairs.foldByKey(0, sum, where),
  aggregateByKey: (where) => pairs.aggregateByKey(0, sum, sum, where),
  groupByKey: (where) => pairs.groupByKey(where),
  combineByKey: (where) => pairs.combineByKey({ create: (n) => [n], merge: (all, n) => [...all, n] }, where),
  partitionBy: (where = 3) => pairs.partitionBy(where),
  repartitionAndSortWithinPartitions: (where = 3) => pairs.repartitionAndSortWithinPartitions(where),
  cogroup: (where) => pairs.cogroup(others, where),
  'cogroup of four': (where) => pairs.cogroup([others, pairs, others], where),
  join: (where) => pairs.join(others, where),
  leftOuterJoin: (where) => pairs.leftOuterJoin(others, where),
  rightOuterJoin: (where) => pairs.rightOuterJoin(others, where),
  fullOuterJoin: (where) => pairs.fullOuterJoin(others, where),
  subtractByKey: (where) => pairs.subtractByKey(others, where),
  groupBy: (where) => pairs.keys().groupBy((letter) => letter, where),
  intersection: (where) => keysOf(pairs.keys().intersection(others.keys(), where)),
  subtract: (where) => keysOf(pairs.keys().subtract(others.keys(), where)),
}

const sorted = (rows: readonly unknown[]) => rows.map((row) => JSON.stringify(row)).sort()

describe.each(Object.entries(operators))('%s', (_, operator) => {
  test('puts keys where the partitioner says, and has the same rows', async () => {
    const own = operator(byVowel)
    expect(own.partitions).toBe(2)
    const parts = await own.glom().collect()
    for (const [partition, rows] of parts.entries()) {
      expect(rows.map(([key]) => byVowel.getPartition(key))).toEqual(rows.map(() => partition))
    }
    expect(parts.flat().length).toBeGreaterThan(2)
    expect(sorted(parts.flat())).toEqual(sorted(await operator().collect()))
  })

  test('the hash is a partitioner too', async () => {
    const byHash = await operator(new HashPartitioner(5)).glom().collect()
    expect(byHash).toEqual(await operator(5).glom().collect())
  })

  test('no partitions, and partitions that there are not, are refused by name', async () => {
    expect(() => operator(0)).toThrow(/\w+: numPartitions must be a whole number above 0: got 0/)
    const outside = { numPartitions: 2, getPartition: () => 2 }
    await expect(operator(outside).collect()).rejects.toThrow(
      /^parallelize\.\w+: its partitioner gives key '.' partition 2, of 0 to 1/,
    )
  })
})

test('a join of rows that lie alike moves none of them to another thread', async () => {
  const given: [operator: string, away: number][] = []
  const peers: Peers = {
    index: 0,
    count: 2,
    whenOver() {},
    // The other thread has nothing for this one.
    begin<T>(operator: string): Exchanging<T> {
      const mine: T[] = []
      let away = 0
      return {
        give(to, row) {
          if (to === 0) mine.push(row)
          else away++
        },
        shares() {
          given.push([operator, away])
          const share = (rows: T[]): Share<T> => ({
            open: (emit) => new ArrayReader(rows, emit),
            release() {},
          })
          return Promise.resolve([share(mine), share([])])
        },
      }
    },
  }
  const alone = new BatchContext({ parallelism: 2, executor: { peers } })
  const half = alone.parallelize(
    letters.map((letter, at): [string, number] => [letter, at]),
    2,
  )
  const sums = half.reduceByKey(sum, byVowel).filter(([letter]) => letter !== ' ')
  const joined = await sums.join(half.groupByKey(byVowel), byVowel).collect()
  expect(joined.map(([letter]) => byVowel.getPartition(letter))).toEqual(joined.map(() => 0))
  expect(joined.length).toBeGreaterThan(5)
  // The vowels of the first half.
  expect(Object.fromEntries(given)).toMatchObject({
    'parallelize.reduceByKey': 4,
    'parallelize.groupByKey': 4,
    'parallelize.join': 0,
  })
})

test('a number of partitions is checked wherever it is given', () => {
  const rows = pairs.keys()
  for (const none of [0, -1, 1.5, Number.NaN, '2' as unknown as number]) {
    for (const wrong of [
      () => context.parallelize([1], none),
      () => context.range(0, 9, 1, none),
      () => context.textFile('.', none),
      () => context.wholeTextFiles('.', none),
      () => rows.coalesce(none),
      () => rows.repartition(none),
      () => rows.distinct(none),
      () => rows.sortBy((row) => row, { numPartitions: none }),
      () => pairs.sortByKey({ numPartitions: none }),
    ]) {
      expect(wrong).toThrow(new RegExp(`: numPartitions must be a whole number above 0: got ${none}`))
      expect(wrong).toThrow(RangeError)
    }
  }
  expect(() => context.binaryRecords('.', 0)).toThrow("a record's length is a whole number above 0: got 0")
})
