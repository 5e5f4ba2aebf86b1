// The RDD operators and actions against plain arrays, over rows cut into partitions in many ways.

import { describe, expect, test } from 'vitest'
import { BatchContext } from '../../../processor/batch-context.ts'
import type { RDD } from '../../../processor/rdd/rdd.ts'
import { Random, seeds } from '../../world/random.ts'

const context = new BatchContext({ parallelism: 3 })
const rdd = <T>(rows: readonly T[], partitions = 3) => context.parallelize(rows, partitions) as RDD<T>
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)
const sorted = <T>(rows: readonly T[]) => [...rows].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
const byKey = <K, V>(rows: readonly (readonly [K, V])[]) => [...rows].sort(([a], [b]) => (a < b ? -1 : 1))

describe.each(seeds(1, 8))('random rows, seed %i', (seed) => {
  const random = new Random(seed)
  const partitions = random.between(1, 6)
  const left = Array.from({ length: random.below(60) }, () => random.below(20))
  const right = Array.from({ length: random.below(60) }, () => random.below(20))
  const rows = rdd(left, partitions)
  const others = rdd(right, random.between(1, 6))

  test('sets', async () => {
    expect(sorted(await rows.distinct().collect())).toEqual(sorted([...new Set(left)]))
    const both = [...new Set(left)].filter((row) => right.includes(row))
    expect(sorted(await rows.intersection(others).collect())).toEqual(sorted(both))
    const without = left.filter((row) => !right.includes(row))
    expect(sorted(await rows.subtract(others).collect())).toEqual(sorted(without))
    expect(await rows.union(others).collect()).toEqual([...left, ...right])
    const crossed = left.flatMap((a) => right.map((b) => a * 100 + b))
    expect(
      sorted(
        await rows
          .cartesian(others)
          .map(([a, b]) => a * 100 + b)
          .collect(),
      ),
    ).toEqual(sorted(crossed))
  })

  test('order', async () => {
    expect(await rows.sortBy((row) => row).collect()).toEqual(sorted(left))
    expect(
      await rows
        .sortBy((row) => row, { ascending: false, numPartitions: 4 })
        .glom()
        .collect(),
    ).toHaveLength(4)
    expect(await rows.sortBy((row) => row, { ascending: false }).collect()).toEqual(sorted(left).reverse())
    expect(await rows.top(5)).toEqual(sorted(left).reverse().slice(0, 5))
    expect(await rows.takeOrdered(7)).toEqual(sorted(left).slice(0, 7))
    expect(await rows.max()).toBe(left.length === 0 ? undefined : Math.max(...left))
    expect(await rows.min()).toBe(left.length === 0 ? undefined : Math.min(...left))
  })

  test('places', async () => {
    expect((await rows.zipWithIndex().collect()).map(([row, at]) => [left[at], row])).toEqual(
      left.map((row) => [row, row]),
    )
    expect(await rows.coalesce(2).collect()).toEqual(left)
    expect(rows.coalesce(2).partitions).toBe(Math.min(2, partitions))
    expect(sorted(await rows.repartition(5).collect())).toEqual(sorted(left))
    const numbered = rows.mapPartitionsWithIndex((partition, part) =>
      part.map((row) => [partition, row] as const),
    )
    const parts = await rows.glom().collect()
    expect(await numbered.collect()).toEqual(parts.flatMap((part, i) => part.map((row) => [i, row])))
    expect((await rows.zip(rows.map((row) => -row)).collect()).every(([a, b]) => a === -b)).toBe(true)
  })

  test('sums', async () => {
    const total = left.reduce((a, b) => a + b, 0)
    expect(await rows.sum()).toBe(total)
    expect(await rows.fold(0, (a, b) => a + b)).toBe(total)
    const sumAndCount = await rows.aggregate(
      () => ({ sum: 0, count: 0 }),
      (into, row) => Object.assign(into, { sum: into.sum + row, count: into.count + 1 }),
      (a, b) => ({ sum: a.sum + b.sum, count: a.count + b.count }),
    )
    expect(sumAndCount).toEqual({ sum: total, count: left.length })
    const stats = await rows.stats()
    expect(stats.count).toBe(left.length)
    if (left.length > 0) {
      const mean = total / left.length
      const variance = left.reduce((sum, row) => sum + (row - mean) ** 2, 0) / left.length
      expect(stats.mean).toBeCloseTo(mean, 10)
      expect(stats.variance).toBeCloseTo(variance, 10)
    }
    const { counts } = await rows.histogram([0, 5, 10, 20])
    const within = (from: number, below: number) => left.filter((row) => row >= from && row < below).length
    expect(counts).toEqual([within(0, 5), within(5, 10), within(10, 21)])
    const counted = await rows.countByValue()
    expect([...counted.values()].reduce((a, b) => a + b, 0)).toBe(left.length)
  })

  test('pairs', async () => {
    const pairs = rows.map((row) => [row % 5, row] as const)
    const keyed = rows.keyBy((row) => row % 5)
    const groups = new Map<number, number[]>()
    for (const row of left) groups.set(row % 5, [...(groups.get(row % 5) ?? []), row])
    expect(byKey(await keyed.groupByKey().collect())).toEqual(byKey([...groups]))
    expect(byKey(await rows.groupBy((row) => row % 5).collect())).toEqual(byKey([...groups]))
    const sums = [...groups].map(([key, values]) => [key, values.reduce((a, b) => a + b, 100)] as const)
    expect(byKey(await keyed.foldByKey(100, (a, b) => a + b).collect())).toEqual(byKey(sums))
    const lists = keyed.aggregateByKey<number[]>(
      () => [],
      (into, value) => [...into, value],
      (a, b) => [...a, ...b],
    )
    expect(byKey(await lists.collect())).toEqual(byKey([...groups]))
    expect(await keyed.lookup(3)).toEqual(groups.get(3) ?? [])
    expect(await keyed.countByKey()).toEqual(new Map([...groups].map(([key, { length }]) => [key, length])))
    expect((await keyed.sortByKey().keys().collect()).join()).toBe(sorted(left.map((row) => row % 5)).join())
    for (const part of await keyed.repartitionAndSortWithinPartitions(3).glom().collect()) {
      const keys = part.map(([key]) => key)
      expect(keys).toEqual(sorted(keys))
    }
    const moved = await keyed
      .partitionBy(4)
      .mapPartitionsWithIndex((at, part) => part.map(([key]) => [key, at] as const))
      .collect()
    expect(new Set(moved.map(String)).size).toBe(new Set(moved.map(([key]) => key)).size)
    expect(moved).toHaveLength(left.length)
    expect(await pairs.collect()).toEqual(left.map((row) => [row % 5, row]))
  })

  test('groups of several', async () => {
    const shifted = (by: number) => rdd(left.map((row) => row + by)).keyBy((row) => row % 3)
    const grouped = await shifted(0).groupWith(shifted(1), shifted(2), shifted(3)).collect()
    const rowsOf = grouped.map(([, groups]) => groups.reduce((sum, { length }) => sum + length, 0))
    expect(rowsOf.reduce((sum, n) => sum + n, 0)).toBe(left.length * 4)
    for (const [key, groups] of grouped) {
      for (const [at, group] of groups.entries()) {
        expect(sorted(group as number[])).toEqual(
          sorted(left.map((row) => row + at).filter((row) => row % 3 === key)),
        )
      }
    }
  })
})

describe('chance is the same for the same seed', () => {
  const rows = rdd(upTo(2000), 4)

  test('sample', async () => {
    const once = await rows.sample(0.3, { seed: 7 }).collect()
    expect(await rows.sample(0.3, { seed: 7 }).collect()).toEqual(once)
    expect(await rows.sample(0.3, { seed: 8 }).collect()).not.toEqual(once)
    expect(once.length).toBeGreaterThan(500)
    expect(once.length).toBeLessThan(700)
    const again = await rows.sample(2, { withReplacement: true, seed: 7 }).count()
    expect(again).toBeGreaterThan(3700)
    expect(again).toBeLessThan(4300)
    expect(() => rows.sample(1.5)).toThrow(/sample: a fraction of 1.5/)
  })

  test('randomSplit shares out every row', async () => {
    const parts = await Promise.all(rows.randomSplit([1, 2, 1], 3).map((part) => part.collect()))
    expect(sorted(parts.flat())).toEqual(upTo(2000))
    expect((parts[1] as number[]).length).toBeGreaterThan(900)
    expect(() => rows.randomSplit([0, 0])).toThrow(/weights/)
  })

  test('sampleByKey and takeSample', async () => {
    const keyed = rows.keyBy((row) => (row % 2 === 0 ? 'even' : 'odd'))
    const chosen = await keyed
      .sampleByKey(new Map([['even', 1]]))
      .values()
      .collect()
    expect(chosen).toEqual(upTo(2000).filter((row) => row % 2 === 0))
    const sample = await rows.takeSample(false, 50, 1)
    expect(new Set(sample).size).toBe(50)
    expect(await rows.takeSample(false, 50, 1)).toEqual(sample)
    expect(await rows.takeSample(true, 3000, 1)).toHaveLength(3000)
    expect(await rdd<number>([]).takeSample(true, 5)).toEqual([])
  })
})

test('distinct values are counted to within some percent', async () => {
  for (const n of [0, 10, 1000, 50_000]) {
    const counted = await rdd(upTo(n).flatMap((i) => [`user-${i}`, `user-${i}`])).countApproxDistinct(0.02)
    expect(Math.abs(counted - n)).toBeLessThanOrEqual(n * 0.08)
  }
})

test('persisted rows are computed once, and again after unpersist', async () => {
  let computed = 0
  const rows = rdd(upTo(10)).map((row) => {
    computed++
    return row
  })
  expect(rows.persist()).toBe(rows)
  await rows.count()
  await rows.collect()
  expect(computed).toBe(10)
  await rows.unpersist().count()
  expect(computed).toBe(20)
  expect(await rows.localCheckpoint().unpersist().count()).toBe(10)
  await rows.count()
  expect(computed).toBe(30)
})

test('rows go through a program, partition by partition', async () => {
  expect(await rdd(['b', 'a', 'd', 'c'], 2).pipe('sort').collect()).toEqual(['a', 'b', 'c', 'd'])
  expect(await rdd(upTo(100_000), 1).pipe(['sed', 's/^/n/']).count()).toBe(100_000)
  expect(await rdd(upTo(100_000), 1).pipe('head -n 2').collect()).toEqual(['0', '1'])
  await expect(rdd([1]).pipe('false').collect()).rejects.toThrow(/pipe: 'false' ended with 1/)
  await expect(rdd([1]).pipe('no-such-program').collect()).rejects.toThrow(/ENOENT/)
})

test('what cannot be is refused by name', async () => {
  await expect(
    rdd([1, 2, 3], 1)
      .zip(rdd([1, 2], 1))
      .collect(),
  ).rejects.toThrow(/3 and 2 in one partition/)
  expect(() => rdd([1], 1).zip(rdd([1], 2))).toThrow(/zip: 1 partitions with 2/)
  await expect(rdd([{}]).distinct().collect()).rejects.toThrow(/a key must be/)
  await expect(
    rdd(['a'])
      .map((row) => row as unknown as number)
      .sum(),
  ).rejects.toThrow(/sum: a row is a string/)
  await expect(rdd<number>([]).first()).rejects.toThrow(/first\(\) of an empty RDD/)
  await expect(rdd<number>([]).histogram(3)).rejects.toThrow(/no values/)
  expect(() => rdd([1]).coalesce(0)).toThrow(/coalesce: numPartitions must be a whole number above 0: got 0/)
})

test('accumulators add up what functions saw, broadcasts are there until they are destroyed', async () => {
  const seen = context.longAccumulator('seen')
  const words = context.collectionAccumulator<string>()
  const factor = context.broadcast(10)
  expect(seen.isZero).toBe(true)
  const product = rdd([1, 2, 3]).map((row) => {
    seen.add(row)
    words.add(`row ${row}`)
    return row * factor.value
  })
  expect(await product.collect()).toEqual([10, 20, 30])
  expect(seen.value).toBe(6)
  expect(words.value).toEqual(['row 1', 'row 2', 'row 3'])
  seen.reset()
  expect(seen.value).toBe(0)
  factor.destroy()
  await expect(product.collect()).rejects.toThrow(/destroyed/)
})

test('foreachPartition is awaited, and fails by name', async () => {
  const seen: number[][] = []
  await rdd(upTo(5), 2).foreachPartition(async (rows, partition) => {
    await Promise.resolve()
    seen[partition] = rows
  })
  expect(seen).toEqual([
    [0, 1],
    [2, 3, 4],
  ])
  const failing = rdd([1]).foreachPartition(() => Promise.reject(new Error('no')))
  await expect(failing).rejects.toThrow(/foreachPartition: no/)
})

test('range counts up and down', async () => {
  expect(await context.range(0, 10, 3).collect()).toEqual([0, 3, 6, 9])
  expect(await context.range(5, 0, -2, 4).collect()).toEqual([5, 3, 1])
  expect(await context.range(3, 3).collect()).toEqual([])
  expect(await context.emptyRDD<number>().count()).toBe(0)
})
