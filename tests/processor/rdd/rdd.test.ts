// RDDs by themselves: how rows are computed, and how often.

import { expect, test } from 'vitest'
import { CallingThreadExecutor } from '../../../processor/executor/calling-thread.ts'
import { OperatorError } from '../../../processor/graph/errors.ts'
import type { Emit, RowReader } from '../../../processor/graph/contracts/rows.ts'
import { ArrayReader } from '../../../processor/rdd/array-reader.ts'
import type { Dataset } from '../../../processor/rdd/dataset.ts'
import { PairRDD } from '../../../processor/rdd/pair-rdd.ts'
import { rddContext } from '../../../processor/rdd/rdd-context.ts'
import { RDD } from '../../../processor/rdd/rdd.ts'
import { ArrayDataset, CachedDataset, sliceRows } from '../../../processor/rdd/stored.ts'

const context = rddContext({ run: new CallingThreadExecutor(), parallelism: 2, scope: 'test' })
const rdd = <T>(rows: T[], partitions = 2) => new RDD(new ArrayDataset(sliceRows(rows, partitions)), context)
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)

/** A leaf that notes what is asked of it. */
class Leaf implements Dataset<number> {
  readonly partitions = 1
  readonly keeps = 'always'
  opened = 0
  closed = 0
  pushed = 0
  private readonly rows: number

  constructor(rows: number) {
    this.rows = rows
  }

  prepare(): Promise<void> {
    return Promise.resolve()
  }

  open(_: number, emit: Emit<number>): RowReader {
    this.opened++
    const reader = new ArrayReader(upTo(this.rows), (row: number) => {
      this.pushed++
      emit(row)
    })
    return { read: (maxRows) => reader.read(maxRows), close: () => void this.closed++ }
  }
}

test('a chain of narrow operators is one pass: a row is through all of them before the next is read', async () => {
  const leaf = new Leaf(3)
  const log: string[] = []
  let chain = new RDD<number>(leaf, context)
  for (const step of ['a', 'b', 'c']) {
    chain = chain.map((row) => {
      log.push(`${step}${row}`)
      return row
    })
  }
  await chain
    .filter((row) => row !== 1)
    .flatMap((row) => [row, row])
    .foreach((row) => void log.push(`out${row}`))
  expect(log.join(' ')).toBe('a0 b0 c0 out0 out0 a1 b1 c1 a2 b2 c2 out2 out2')
  expect(leaf.opened).toBe(1)
})

test('opening a chain of any length opens the leaf alone: operators add no reader and hold no rows', () => {
  const leaf = new Leaf(1)
  let reader: RowReader | undefined
  const open = leaf.open.bind(leaf)
  leaf.open = (partition, emit) => (reader = open(partition, emit))
  let chain: RDD<number> = new RDD<number>(leaf, context)
  for (let i = 0; i < 50; i++) chain = chain.map((row) => row + 1)
  const rows: number[] = []
  expect(chain.dataset.open(0, (row) => void rows.push(row))).toBe(reader)
  reader?.read(1)
  expect(rows).toEqual([50])
})

test('a cached RDD runs its operators once per row, without it each action runs them again', async () => {
  let calls = 0
  const mapped = rdd(upTo(10)).map((row) => {
    calls++
    return row
  })
  await mapped.count()
  await mapped.count()
  expect(calls).toBe(20)
  const cached = mapped.cache()
  await Promise.all([cached.count(), cached.collect()])
  expect(await cached.filter((row) => row > 5).count()).toBe(4)
  expect(calls).toBe(30)
})

test('a shuffle runs its input once, whatever is asked of it afterwards', async () => {
  let calls = 0
  const counts = rdd(['a', 'b', 'a'])
    .mapToPair((word) => {
      calls++
      return [word, 1]
    })
    .reduceByKey((a, b) => a + b)
  expect(await counts.count()).toBe(2)
  expect(new Map(await counts.collect())).toEqual(
    new Map([
      ['a', 2],
      ['b', 1],
    ]),
  )
  expect(calls).toBe(3)
})

test('take and isEmpty read no more than they need', async () => {
  const leaf = new Leaf(100_000)
  const rows = new RDD<number>(leaf, context)
  expect(await rows.take(3)).toEqual([0, 1, 2])
  expect(leaf.pushed).toBeLessThan(1000)
  expect(await rows.isEmpty()).toBe(false)
  expect(await rows.first()).toBe(0)
  expect(leaf.closed).toBe(leaf.opened)
  expect(await rdd<number>([]).isEmpty()).toBe(true)
  await expect(rdd<number>([]).first()).rejects.toThrow('first() of an empty RDD')
})

test('actions', async () => {
  const rows = rdd(upTo(10), 3)
  expect(rows.partitions).toBe(3)
  expect(await rows.collect()).toEqual(upTo(10))
  expect(await rows.count()).toBe(10)
  expect(await rows.reduce((a, b) => a + b)).toBe(45)
  expect(await rdd<number>([]).reduce((a, b) => a + b)).toBeUndefined()
  expect(await rows.union(rdd([77])).take(100)).toEqual([...upTo(10), 77])
  expect(await rows.mapPartitions((part) => [part.length]).collect()).toEqual([3, 3, 4])
  expect(await rdd(['a', 'b', 'a']).distinct(1).collect()).toEqual(['a', 'b'])
  expect(
    await rdd(['x', 'yy'])
      .keyBy((text) => text.length)
      .collect(),
  ).toEqual([
    [1, 'x'],
    [2, 'yy'],
  ])
})

test('rows can be taken one after the other, and left early', async () => {
  const leaf = new Leaf(10_000)
  const rows = new RDD<number>(leaf, context)
  const seen: number[] = []
  for await (const row of rows) {
    seen.push(row)
    if (seen.length === 300) break
  }
  expect(seen).toEqual(upTo(300))
  expect(leaf.pushed).toBeLessThan(2000)
  expect(leaf.closed).toBe(1)
  const all: number[] = []
  for await (const row of rdd(upTo(1000), 3)) all.push(row)
  expect(all).toEqual(upTo(1000))
})

test('keys are compared by value: numbers, text, bigint, booleans and null side by side', async () => {
  const keys = [1, '1', 1n, true, null, 1, '1', 1n, true, null, -0, 0, NaN, NaN]
  const counted = await rdd(keys).countByValue()
  expect(counted).toEqual(
    new Map<unknown, number>([
      [1, 2],
      ['1', 2],
      [1n, 2],
      [true, 2],
      [null, 2],
      [0, 2],
      [NaN, 2],
    ]),
  )
})

test('a key that is not compared by value is refused, naming the operator', async () => {
  const pairs = new PairRDD(new ArrayDataset([[[{ id: 1 }, 1] as const]]), context)
  await expect(pairs.reduceByKey((a) => a).collect()).rejects.toThrow(
    'test.reduceByKey: a key must be a string',
  )
  await expect(pairs.join(pairs).collect()).rejects.toThrow('test.join: a key must be a string')
})

test('an error names the innermost operator and closes the reader', async () => {
  const leaf = new Leaf(3)
  const failing = new RDD<number>(leaf, context)
    .map((row) => row)
    .filter((row) => {
      if (row === 2) throw new RangeError('two')
      return true
    })
  const error = await failing
    .flatMap((row) => [row])
    .count()
    .catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(OperatorError)
  expect(error).toMatchObject({
    operator: 'test.filter',
    message: 'test.filter: two',
    cause: new RangeError('two'),
  })
  expect(leaf.closed).toBe(1)
})

test('an error inside an iterable that a function gave back is that function’s', async () => {
  const failing = rdd([1]).flatMap(function* () {
    yield 1
    throw new Error('late')
  })
  await expect(failing.map((row) => row).count()).rejects.toThrow('test.flatMap: late')
})

test('foreach refuses an async function: nothing would wait for it', async () => {
  // oxlint-disable-next-line typescript/no-misused-promises -- this is the mistake that is tested
  const wrong = rdd([1]).foreach(async () => {})
  await expect(wrong).rejects.toThrow('test.foreach: its function is async; use for await')
})

test('offset ranges are only on a direct stream’s own RDD', () => {
  expect(() => rdd([1]).offsetRanges).toThrow('test: offsetRanges are on the RDD of a direct stream itself')
})

test('a cache that is prepared twice at once runs its parent once', async () => {
  const leaf = new Leaf(5)
  const cached = new CachedDataset(leaf)
  await Promise.all([cached.prepare(context.run), cached.prepare(context.run)])
  expect(leaf.opened).toBe(1)
})
