// Operators that know only their own batch: batches in, batches out.

import { expect, test } from 'vitest'
import { GraphError } from '../../../processor/graph/errors.ts'
import type { RDD } from '../../../processor/rdd/rdd.ts'
import { finish, newWorld, run, SECOND, START, start, table } from './tables.ts'

const numbers = [[1, 2, 3], [], [4]]
const sum = (a: number, b: number) => a + b

test('map, filter and flatMap give a data set for every batch, empty ones too', async () => {
  expect(await table(numbers, (s) => s.map((n) => n * 10))).toEqual({ 1: [10, 20, 30], 2: [], 3: [40] })
  expect(await table(numbers, (s) => s.filter((n) => n % 2 === 0))).toEqual({ 1: [2], 2: [], 3: [4] })
  expect(await table(numbers, (s) => s.flatMap((n) => Array<number>(n).fill(n)))).toEqual({
    1: [1, 2, 2, 3, 3, 3],
    2: [],
    3: [4, 4, 4, 4],
  })
})

test('flatMap takes any iterable', async () => {
  expect(await table([['ab', 'c']], (s) => s.flatMap((text) => text))).toEqual({ 1: ['a', 'b', 'c'] })
})

test('an exhausted queue goes on with batches without rows', async () => {
  expect(await table([[1]], (s) => s.map((n) => n), { batches: 3 })).toEqual({ 1: [1], 2: [], 3: [] })
})

test('mapPartitions sees each partition whole, glom makes it a row', async () => {
  const options = { partitions: 2 }
  expect(await table(numbers, (s) => s.mapPartitions((rows) => [rows.length]), options)).toEqual({
    1: [1, 2],
    2: [0, 0],
    3: [0, 1],
  })
  expect(await table(numbers, (s) => s.glom(), options)).toEqual({
    1: [[1], [2, 3]],
    2: [[], []],
    3: [[], [4]],
  })
})

test('count emits 0 for an empty batch, reduce emits nothing', async () => {
  expect(await table(numbers, (s) => s.count(), { partitions: 3 })).toEqual({ 1: [3], 2: [0], 3: [1] })
  expect(await table(numbers, (s) => s.reduce(sum), { partitions: 3 })).toEqual({ 1: [6], 2: [], 3: [4] })
})

test('a reducing function gets two arguments and no more', async () => {
  expect(await table([[3, 1, 2]], (s) => s.reduce(Math.max))).toEqual({ 1: [3] })
  const perKey = await table([[3, 1, 2]], (s) =>
    s.mapToPair((n) => ['k', n]).reduceByKeyAndWindow(Math.max, SECOND, SECOND, (a) => a),
  )
  expect(perKey).toEqual({ 1: [['k', 3]] })
})

test('countByValue', async () => {
  expect(await table([['a', 'b', 'a'], []], (s) => s.countByValue())).toEqual({
    1: [
      ['a', 2],
      ['b', 1],
    ],
    2: [],
  })
})

test('union is the rows of both, of the context as of the stream', async () => {
  const doubled = { 1: [1, 2, 3, 10, 20, 30], 2: [], 3: [4, 40] }
  expect(await table(numbers, (s) => s.union(s.map((n) => n * 10)))).toEqual(doubled)
  expect(await table(numbers, (s, { context }) => context.union([s, s.map((n) => n * 10)]))).toEqual(doubled)
})

test('union and joins refuse streams of different slides, naming them', async () => {
  const world = newWorld()
  const input = world.context.queueStream([[1]])
  input.union(input.window('2s', '2s', { name: 'pairs of batches' })).print()
  await expect(start(world)).rejects.toThrow(
    'union-1: its parents must have the same slide, but queueStream-1 slides by 1000 ms, pairs of batches slides by 2000 ms',
  )
  expect(world.context.getState()).toBe('STOPPED')
})

test('repartition deals the rows out evenly', async () => {
  const dealt = await table([[1, 2, 3, 4, 5], [], [6]], (s) => s.repartition(2).glom(), { partitions: 3 })
  expect(dealt).toEqual({
    1: [
      [1, 3, 5],
      [2, 4],
    ],
    2: [[], []],
    3: [[6], []],
  })
  expect(() =>
    newWorld()
      .context.queueStream([[1]])
      .repartition(0),
  ).toThrow('repartition: numPartitions must be a whole number above 0: got 0')
})

test('transformWith gets the RDDs of both streams and the time', async () => {
  const rows = await table(numbers, (s) =>
    s.transformWith(
      s.mapToPair((n) => [n, n * n]),
      (plain, squares, time) =>
        plain
          .keyBy((n) => n)
          .join(squares)
          .map(([n, [, square]]) => `${(time.getTime() - START) / SECOND}: ${n} ${square}`),
    ),
  )
  expect(rows).toEqual({ 1: ['1: 1 1', '1: 2 4', '1: 3 9'], 2: [], 3: ['3: 4 16'] })
  const pairs = await table(numbers, (s) =>
    s.transformWithToPair(s, (a, b) => a.union(b).keyBy((n) => n % 2)).reduceByKey(sum),
  )
  expect(pairs).toEqual({
    1: [
      [1, 8],
      [0, 4],
    ],
    2: [],
    3: [[0, 8]],
  })
})

test('unions of pairs have keys, and streams of two contexts do not come together', async () => {
  const united = await table(numbers, (s, { context }) => {
    const pairs = s.mapToPair((n) => ['all', n])
    return context.union([pairs, pairs]).reduceByKey(sum)
  })
  expect(united).toEqual({ 1: [['all', 12]], 2: [], 3: [['all', 8]] })
  const { context } = newWorld()
  const foreign = newWorld().context.queueStream([[1]], { name: 'foreign' })
  expect(() => context.queueStream([[1]]).union(foreign)).toThrow("'foreign' is a stream of another context")
  expect(() => context.union([])).toThrow('there are no streams to unite')
  expect(() => context.transform([], () => context.parallelize([1]))).toThrow(
    'there are no streams to transform',
  )
})

test('a transform that gives nothing ends the job, naming the operator', async () => {
  const nothing = () => undefined as unknown as RDD<number>
  await expect(table(numbers, (s) => s.transform(nothing, { name: 'lookup' }))).rejects.toThrow(
    'lookup: its function gave no RDD; for no rows, give an empty one',
  )
})

test('a stream knows its context', () => {
  const { context } = newWorld()
  expect(context.queueStream([[1]]).map(String).context).toBe(context)
})

test('persisted rows are computed once in a batch, whoever reads them, and not after NONE', async () => {
  for (const [level, calls] of [
    ['MEMORY_ONLY', 4],
    ['NONE', 8],
  ] as const) {
    const seen: number[] = []
    await table(numbers, (s) => {
      const noted = s.map((n) => seen.push(n))
      expect(noted.cache().persist(level)).toBe(noted)
      return noted.transform((rdd) => rdd.union(rdd))
    })
    expect(seen.length, level).toBe(calls)
  }
})

test('persist is refused once the job has started, and for levels that mean nothing here', async () => {
  const world = newWorld()
  const input = world.context.queueStream([[1]])
  expect(() => input.persist('MEMORY_ONLY_2' as 'MEMORY_ONLY')).toThrow('storage level MEMORY_ONLY_2')
  input.print()
  await start(world)
  expect(() => input.persist()).toThrow(
    /cannot change the storage level of queueStream-1: the graph is frozen/,
  )
  await finish(world)
})

test('transform runs once per batch, with its time', async () => {
  const times: number[] = []
  const rows = await table(numbers, (s) =>
    s.transform((rdd, time) => {
      times.push((time.getTime() - START) / SECOND)
      return rdd.map((n) => -n)
    }),
  )
  expect(rows).toEqual({ 1: [-1, -2, -3], 2: [], 3: [-4] })
  expect(times).toEqual([1, 2, 3])
})

test('transform joins with static data that may change between batches', async () => {
  const prices: [string, number][] = [['tea', 3]]
  const joined = await table(
    [
      ['tea', 'rum'],
      ['tea', 'rum'],
    ],
    (s, { context }) =>
      s
        .mapToPair((name) => [name, 1])
        .transform((orders, time) => {
          if (time.getTime() === START + 2 * SECOND) prices.push(['rum', 9])
          return orders.join(context.parallelize([...prices]))
        }),
  )
  expect(joined).toEqual({
    1: [['tea', [1, 3]]],
    2: [
      ['tea', [1, 3]],
      ['rum', [1, 9]],
    ],
  })
})

test('the context transforms several streams together', async () => {
  const counts = await table(numbers, (s, { context }) =>
    context.transform([s, s.filter((n) => n > 1)], ([all, some]) => all.union(some)),
  )
  expect(counts).toEqual({ 1: [1, 2, 3, 2, 3], 2: [], 3: [4, 4] })
})

test('mapValues and flatMapValues leave keys alone', async () => {
  const pairs = (f: (n: number) => number[]) =>
    table(numbers, (s) =>
      s
        .mapToPair((n) => [`k${n}`, n])
        .flatMapValues(f)
        .mapValues(String),
    )
  expect(await pairs((n) => Array<number>(n - 1).fill(n))).toEqual({
    1: [
      ['k2', '2'],
      ['k3', '3'],
      ['k3', '3'],
    ],
    2: [],
    3: [
      ['k4', '4'],
      ['k4', '4'],
      ['k4', '4'],
    ],
  })
})

const lines = [['a b a', 'c'], [], ['b b']]

test('word count, the first program, whatever the number of partitions', async () => {
  for (const parallelism of [1, 4]) {
    const counts = await table(
      lines,
      (s) =>
        s
          .flatMap((line) => line.split(' '))
          .mapToPair((word) => [word, 1])
          .reduceByKey(sum),
      { parallelism, partitions: 2 },
    )
    expect(sorted(counts)).toEqual({
      1: [
        ['a', 2],
        ['b', 1],
        ['c', 1],
      ],
      2: [],
      3: [['b', 2]],
    })
  }
})

test('groupByKey and combineByKey', async () => {
  const byParity = (n: number) => [n % 2, n] as const
  expect(await table(numbers, (s) => s.mapToPair(byParity).groupByKey())).toEqual({
    1: [
      [1, [1, 3]],
      [0, [2]],
    ],
    2: [],
    3: [[0, [4]]],
  })
  const text = { create: (n: number) => `${n}`, merge: (all: string, n: number) => `${all}+${n}` }
  expect(await table(numbers, (s) => s.mapToPair(byParity).combineByKey(text))).toEqual({
    1: [
      [1, '1+3'],
      [0, '2'],
    ],
    2: [],
    3: [[0, '4']],
  })
})

const left = [
  [
    ['a', 1],
    ['b', 2],
    ['b', 3],
  ],
  [],
  [['c', 4]],
] as [string, number][][]
const right = [
  [
    ['b', 'x'],
    ['d', 'y'],
  ],
  [['a', 'z']],
  [],
] as [string, string][][]

async function together(kind: 'cogroup' | 'join' | 'leftOuterJoin' | 'rightOuterJoin' | 'fullOuterJoin') {
  const world = newWorld()
  const pairs = <V>(batches: [string, V][][]) =>
    world.context.queueStream([...batches]).mapToPair((row) => row)
  const a = pairs(left)
  const b = pairs(right)
  switch (kind) {
    case 'cogroup':
      return run(world, a.cogroup(b), 3)
    case 'join':
      return run(world, a.join(b), 3)
    case 'leftOuterJoin':
      return run(world, a.leftOuterJoin(b), 3)
    case 'rightOuterJoin':
      return run(world, a.rightOuterJoin(b), 3)
    default:
      return run(world, a.fullOuterJoin(b), 3)
  }
}

test('cogroup has every key of either side', async () => {
  expect(await together('cogroup')).toEqual({
    1: [
      ['a', [[1], []]],
      ['b', [[2, 3], ['x']]],
      ['d', [[], ['y']]],
    ],
    2: [['a', [[], ['z']]]],
    3: [['c', [[4], []]]],
  })
})

test('joins are per batch; a missing side is undefined', async () => {
  const b = [
    ['b', [2, 'x']],
    ['b', [3, 'x']],
  ]
  const a1 = ['a', [1, undefined]]
  const d1 = ['d', [undefined, 'y']]
  const a2 = ['a', [undefined, 'z']]
  const c3 = ['c', [4, undefined]]
  expect(await together('join')).toEqual({ 1: b, 2: [], 3: [] })
  expect(await together('leftOuterJoin')).toEqual({ 1: [a1, ...b], 2: [], 3: [c3] })
  expect(await together('rightOuterJoin')).toEqual({ 1: [...b, d1], 2: [a2], 3: [] })
  expect(await together('fullOuterJoin')).toEqual({ 1: [a1, ...b, d1], 2: [a2], 3: [c3] })
})

test('a queue gives all that waits at once where asked to', async () => {
  const world = newWorld()
  const stream = world.context.queueStream([[1], [2, 3]], { oneAtATime: false })
  expect(await run(world, stream, 2)).toEqual({ 1: [1, 2, 3], 2: [] })
})

test('a queue can be any iterable, or filled as batches arrive', async () => {
  const world = newWorld()
  function* batches() {
    yield [1]
    yield [2]
  }
  async function* arriving() {
    yield [10]
    yield [20]
  }
  const stream = world.context.queueStream(batches()).union(world.context.queueStream(arriving()))
  expect(await run(world, stream, 3)).toEqual({ 1: [1, 10], 2: [2, 20], 3: [] })
})

test('an operator cannot be added once the job has started', async () => {
  const world = newWorld()
  const stream = world.context.queueStream([[1]])
  stream.print()
  await start(world)
  expect(() => stream.map((n) => n)).toThrow('cannot add map: the graph is frozen')
  await expect(world.context.start()).rejects.toThrow('can be started only once')
  await world.context.stop()
})

test('a job without an output operation is refused', async () => {
  const world = newWorld()
  world.context.queueStream([[1]]).map((n) => n)
  await expect(start(world)).rejects.toThrow(GraphError)
})

test('two operators of one name are refused', async () => {
  const world = newWorld()
  const stream = world.context.queueStream([[1]])
  stream.map((n) => n, { name: 'x' }).print()
  stream.map((n) => n, { name: 'x' }).print()
  await expect(start(world)).rejects.toThrow("two operators are named 'x'")
})

function sorted<U>(batches: Record<number, U[]>): Record<number, U[]> {
  return Object.fromEntries(
    Object.entries(batches).map(([n, rows]) => [
      n,
      rows.toSorted((a, b) => (String(a) < String(b) ? -1 : 1)),
    ]),
  )
}
