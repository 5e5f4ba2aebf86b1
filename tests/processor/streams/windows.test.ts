// Windows: (t − length, t], first at zero + slide, partial at the start. Batch n is second n.

import { expect, test } from 'vitest'
import { Random, seeds } from '../../world/random.ts'
import { finish, newWorld, run, SECOND, START, start, table, type World } from './tables.ts'

const ones = [[1], [2], [3], [4], [5], [6]]
const sum = (a: number, b: number) => a + b
const minus = (a: number, b: number) => a - b

test('a window is the last batches together, partial at the start', async () => {
  expect(await table(ones, (s) => s.window('3s'))).toEqual({
    1: [1],
    2: [1, 2],
    3: [1, 2, 3],
    4: [2, 3, 4],
    5: [3, 4, 5],
    6: [4, 5, 6],
  })
})

test('with a slide it has no data set in between', async () => {
  expect(await table(ones, (s) => s.window('3s', '2s'))).toEqual({ 2: [1, 2], 4: [2, 3, 4], 6: [4, 5, 6] })
})

test('a window shorter than its slide skips rows', async () => {
  expect(await table(ones, (s) => s.window('1s', '3s'))).toEqual({ 3: [3], 6: [6] })
})

test('a window of a window', async () => {
  expect(await table(ones, (s) => s.window('2s', '2s').window('4s', '2s'))).toEqual({
    2: [1, 2],
    4: [1, 2, 3, 4],
    6: [3, 4, 5, 6],
  })
})

test('empty batches are part of windows', async () => {
  expect(await table([[1], [], [], [2]], (s) => s.window('2s'))).toEqual({ 1: [1], 2: [1], 3: [], 4: [2] })
})

test.each([
  ['window', (w: World) => w.context.queueStream(ones).window(1500), 'the window of 1500 ms'],
  ['slide', (w: World) => w.context.queueStream(ones).window('2s', 1500), 'the slide of 1500 ms'],
  [
    'inverse',
    (w: World) =>
      w.context
        .queueStream(ones)
        .mapToPair((n) => [n, n])
        .reduceByKeyAndWindow(sum, 2500, '1s', minus),
    'the window of 2500 ms',
  ],
])('an unaligned %s is refused at start, by name', async (_, make, message) => {
  const world = newWorld()
  make(world).print()
  await expect(start(world)).rejects.toThrow(`${message} must be a multiple of its parent's slide, 1000 ms`)
})

test('a parent is computed once, however many windows it is in', async () => {
  const seen: number[] = []
  const note = (n: number) => {
    seen.push(n)
    return n
  }
  await table(ones, (s) => s.map(note).window('3s'))
  expect(seen).toEqual([1, 2, 3, 4, 5, 6])
})

test('rows that no window will reach are not held', async () => {
  const seen: number[] = []
  await table(ones, (s) => s.map((n) => seen.push(n)).window('1s', '3s'))
  expect(seen).toEqual([3, 6])
})

const words = [['a'], ['a', 'b'], [], ['b'], [], []]
const pairs = (world: World, batches = words) =>
  world.context.queueStream([...batches]).mapToPair((w) => [w, 1])

test('reduceByKeyAndWindow reduces each batch, then the batches', async () => {
  const world = newWorld()
  expect(await run(world, pairs(world).reduceByKeyAndWindow(sum, '2s'), 6)).toEqual({
    1: [['a', 1]],
    2: [
      ['a', 2],
      ['b', 1],
    ],
    3: [
      ['a', 1],
      ['b', 1],
    ],
    4: [['b', 1]],
    5: [['b', 1]],
    6: [],
  })
})

test('with an inverse, keys that left stay at zero', async () => {
  const world = newWorld()
  const counts = pairs(world).reduceByKeyAndWindow(sum, '2s', '1s', minus)
  expect(await run(world, counts, 6)).toEqual({
    1: [['a', 1]],
    2: [
      ['a', 2],
      ['b', 1],
    ],
    3: [
      ['a', 1],
      ['b', 1],
    ],
    4: [
      ['a', 0],
      ['b', 1],
    ],
    5: [
      ['a', 0],
      ['b', 1],
    ],
    6: [
      ['a', 0],
      ['b', 0],
    ],
  })
})

test('with an inverse and a filter, keys that left are dropped', async () => {
  const world = newWorld()
  const counts = pairs(world).reduceByKeyAndWindow(sum, '2s', '1s', minus, { filter: (_, n) => n > 0 })
  expect(await run(world, counts, 6)).toMatchObject({ 4: [['b', 1]], 5: [['b', 1]], 6: [] })
})

test('a window with an inverse tells what it changed', async () => {
  const world = newWorld()
  const counts = pairs(world).reduceByKeyAndWindow(sum, '2s', '1s', minus, { filter: (_, n) => n > 0 })
  const removed: Record<string, string[]> = {}
  counts.removedKeys().foreachRDD(async (rdd, time) => {
    removed[(time.getTime() / SECOND) % 10] = await rdd.collect()
  })
  expect(await run(world, counts.changes(), 6)).toEqual({
    1: [['a', 1]],
    2: [
      ['a', 2],
      ['b', 1],
    ],
    3: [['a', 1]],
    // b left and came in one step: nothing changed.
    4: [],
    5: [],
    6: [],
  })
  expect(removed).toEqual({ 1: [], 2: [], 3: [], 4: ['a'], 5: [], 6: ['b'] })
})

test('values leaving a key that the filter dropped too early are an error, as in Spark', async () => {
  const world = newWorld()
  const batches = words.map((batch) => [...batch, 'x', 'x'])
  const counts = pairs(world, batches).reduceByKeyAndWindow(sum, '2s', '1s', minus, {
    name: 'hot',
    filter: (_, n) => n > 1,
  })
  await expect(run(world, counts, 6)).rejects.toThrow("hot: values leave the window under key 'a'")
})

test.each(seeds(1, 20))('naive and inverse windows agree, seed %i', async (seed) => {
  const random = new Random(seed)
  const batches = Array.from({ length: 12 }, () =>
    Array.from({ length: random.below(5) }, () => random.pick(['a', 'b', 'c', 'd'])),
  )
  const slide = random.between(1, 3)
  const length = random.between(1, 5)
  const lengths = [length * SECOND, slide * SECOND] as const
  const naiveWorld = newWorld({ parallelism: random.between(1, 3) })
  const naive = await run(naiveWorld, pairs(naiveWorld, batches).reduceByKeyAndWindow(sum, ...lengths), 12)
  const world = newWorld({ parallelism: random.between(1, 3) })
  const inverse = pairs(world, batches).reduceByKeyAndWindow(sum, ...lengths, minus, {
    filter: (_, n) => n > 0,
  })
  const byText = (rows: unknown[]) => rows.map(String).toSorted()
  const moved = await run(world, inverse, 12)
  expect(Object.keys(moved)).toEqual(Object.keys(naive))
  for (const batch of Object.keys(naive).map(Number)) {
    expect(byText(moved[batch] ?? []), `seed ${seed} window ${length}/${slide} batch ${batch}`).toEqual(
      byText(naive[batch] ?? []),
    )
  }
})

test('countByWindow tells nothing before the first row, and 0 for a window that all have left', async () => {
  expect(await table([[], [7, 7], [7], [], []], (s) => s.countByWindow('2s', '1s'))).toEqual({
    1: [],
    2: [2],
    3: [3],
    4: [1],
    5: [0],
  })
})

test('countByValueAndWindow counts each row of the window, and tells no more of those that left', async () => {
  const counts = await table(words, (s) => s.countByValueAndWindow('2s', '1s'))
  expect(counts).toEqual({
    1: [['a', 1]],
    2: [
      ['a', 2],
      ['b', 1],
    ],
    3: [
      ['a', 1],
      ['b', 1],
    ],
    4: [['b', 1]],
    5: [['b', 1]],
    6: [],
  })
})

test('groupByKeyAndWindow has the values of the window, oldest first; a batch is in several windows', async () => {
  const batches = [[1, 2], [3], [], [5]]
  const grouped = await table(
    batches,
    (s) => s.mapToPair((n) => [n % 2, n]).groupByKeyAndWindow('3s', '1s'),
    {
      partitions: 2,
    },
  )
  expect(grouped).toEqual({
    1: [
      [1, [1]],
      [0, [2]],
    ],
    2: [
      [1, [1, 3]],
      [0, [2]],
    ],
    3: [
      [1, [1, 3]],
      [0, [2]],
    ],
    4: [[1, [3, 5]]],
  })
})

test('to persist a window is to persist its parent', async () => {
  const seen: string[] = []
  const world = newWorld()
  const parent = world.context.queueStream([['a'], ['b']]).map((w) => {
    seen.push(w)
    return w
  })
  // A window over only its own batch is no reason to hold rows.
  const window = parent.window('1s').persist()
  expect(
    await run(
      world,
      window.transform((rdd) => rdd.union(rdd)),
      2,
    ),
  ).toEqual({
    1: ['a', 'a'],
    2: ['b', 'b'],
  })
  expect(seen).toEqual(['a', 'b'])
})

const times = (batch: number) => new Date(START + batch * SECOND)

test.each([
  ['both ends are included', 2, 4, [2, 3, 4]],
  ['ends are floored to the slide', 2.7, 4.9, [2, 3, 4]],
  ['batches that are not remembered, or are yet to come, are left out', 0, 9, [2, 3, 4, 5]],
  ['from after to', 4, 3, []],
] as const)('slice: %s', async (_, from, to, expected) => {
  const world = newWorld()
  world.context.remember('4s')
  const input = world.context.queueStream([...ones])
  const slices: Record<number, number[]> = {}
  input.foreachRDD(async (__, time) => {
    const found = await Promise.all(input.slice(times(from), times(to)).map((rdd) => rdd.collect()))
    slices[(time.getTime() - START) / SECOND] = found.flat()
  })
  await start(world)
  await world.clock.advance(5 * SECOND)
  await finish(world)
  expect(slices[5]).toEqual(expected)
})

test('a slice of a stream that slides has the batches at which it is valid', async () => {
  const world = newWorld()
  world.context.remember('10s')
  const pairwise = world.context.queueStream([...ones]).window('2s', '2s')
  const found: number[][] = []
  pairwise.foreachRDD(async () => {
    const rdds = pairwise.slice(times(3), times(6))
    for (const rdd of rdds) found.push(await rdd.collect())
  })
  await start(world)
  await world.clock.advance(6 * SECOND)
  await finish(world)
  // Batch 2 and 4 see themselves alone; batch 6 both that are asked for.
  expect(found).toEqual([
    [1, 2],
    [1, 2],
    [3, 4],
    [1, 2],
    [3, 4],
    [5, 6],
  ])
})

test('there is no slice before the job has started', () => {
  const world = newWorld()
  const input = world.context.queueStream([...ones])
  expect(() => input.slice(times(1), times(2))).toThrow('queueStream-1: slice() before the job has started')
})

test('reduceByWindow, naive and with an inverse', async () => {
  const expected = { 2: [3], 4: [9], 6: [15] }
  expect(await table(ones, (s) => s.reduceByWindow(sum, '3s', '2s'))).toEqual(expected)
  expect(await table(ones, (s) => s.reduceByWindow(sum, '3s', '2s', minus))).toEqual(expected)
})

test('data sets are let go once no window reaches them', async () => {
  const world = newWorld()
  const input = world.context.queueStream(Array.from({ length: 50 }, (_, i) => [i]))
  input
    .map((n) => n)
    .window('5s')
    .print()
  const { graph } = world.context as unknown as { graph: { held: number } }
  await start(world)
  await world.clock.advance(10 * SECOND)
  const held = graph.held
  await world.clock.advance(40 * SECOND)
  expect(graph.held).toBe(held)
  await finish(world)
})
