// updateStateByKey: called for every key with new values or state, in every batch.

import { expect, test } from 'vitest'
import { byText, newWorld, run, SECOND, START, start, type World } from './tables.ts'

const batches = [['a', 'b', 'a'], [], ['b']]
const words = (world: World) => world.context.queueStream([...batches]).mapToPair((word) => [word, 1])
const total = (values: readonly number[], state = 0) => state + values.length

test.each([1, 3])('the stream is the whole state in every batch, %i partitions', async (parallelism) => {
  const world = newWorld({ parallelism })
  const rows = await run(world, words(world).updateStateByKey(total), 4)
  for (const batch of Object.values(rows)) batch.sort(([a], [b]) => (a < b ? -1 : 1))
  expect(rows).toEqual({
    1: [
      ['a', 2],
      ['b', 1],
    ],
    2: [
      ['a', 2],
      ['b', 1],
    ],
    3: [
      ['a', 2],
      ['b', 2],
    ],
    4: [
      ['a', 2],
      ['b', 2],
    ],
  })
})

test('changes() is only what the batch changed', async () => {
  const world = newWorld()
  expect(await run(world, words(world).updateStateByKey(total).changes(), 4)).toEqual({
    1: [
      ['a', 2],
      ['b', 1],
    ],
    2: [],
    3: [['b', 2]],
    4: [],
  })
})

test('the function is called for every key with state, with its key and the batch time', async () => {
  const world = newWorld()
  const calls: unknown[] = []
  const noted = words(world).updateStateByKey((values, state: number | undefined, key, time) => {
    calls.push([(time.getTime() - START) / SECOND, key, values, state])
    return total(values, state)
  })
  await run(world, noted, 3)
  expect(calls).toEqual([
    [1, 'a', [1, 1], undefined],
    [1, 'b', [1], undefined],
    [2, 'a', [], 2],
    [2, 'b', [], 1],
    [3, 'b', [1], 1],
    [3, 'a', [], 2],
  ])
})

test('undefined removes a key; it begins anew with its next value', async () => {
  const world = newWorld()
  const input = [['a', 'b'], ['a'], [], ['b']]
  const lives = world.context
    .queueStream(input)
    .mapToPair((word) => [word, 1])
    // Lives for one batch after its last value.
    .updateStateByKey((values, age: number | undefined) => {
      if (values.length > 0) return 0
      return age === 0 ? 1 : undefined
    })
  const removed: Record<number, string[]> = {}
  lives.removedKeys().foreachRDD(async (rdd, time) => {
    removed[(time.getTime() - START) / SECOND] = await rdd.collect()
  })
  expect(await run(world, lives, 4)).toEqual({
    1: [
      ['a', 0],
      ['b', 0],
    ],
    2: [
      ['a', 0],
      ['b', 1],
    ],
    3: [['a', 1]],
    4: [['b', 0]],
  })
  expect(removed).toEqual({ 1: [], 2: [], 3: ['b'], 4: ['a'] })
})

test('state moves on in batches that nothing reads', async () => {
  const world = newWorld()
  const ages = world.context
    .queueStream([['a']])
    .mapToPair((word) => [word, 1])
    .updateStateByKey((_, age: number = 0) => age + 1)
  expect(await run(world, ages.window('1s', '3s'), 6)).toEqual({ 3: [['a', 3]], 6: [['a', 6]] })
})

test('a window over state holds what each batch had', async () => {
  const world = newWorld()
  const ages = world.context
    .queueStream([['a']])
    .mapToPair((word) => [word, 1])
    .updateStateByKey((_, age: number = 0) => age + 1)
  expect(await run(world, ages.window('3s', '3s'), 3)).toEqual({
    3: [
      ['a', 1],
      ['a', 2],
      ['a', 3],
    ],
  })
})

test('a state object handed back unchanged is not written again, unless new values came', async () => {
  const world = newWorld()
  const seen = words(world).updateStateByKey((values, state: { words: number } | undefined) => {
    const kept = state ?? { words: 0 }
    kept.words += values.length
    return kept
  })
  const changed = await run(
    world,
    seen.changes().mapValues(({ words: n }) => n),
    3,
  )
  expect(changed).toEqual({
    1: [
      ['a', 2],
      ['b', 1],
    ],
    2: [],
    3: [['b', 2]],
  })
})

test('a failed update changes no state and ends the job, naming operator, batch and time', async () => {
  const world = newWorld()
  const states = words(world).updateStateByKey(
    (values, state: number = 0) => {
      if (values.length === 0) throw new Error('no values')
      return state + values.length
    },
    { name: 'totals' },
  )
  const ended = run(world, states, 3)
  await expect(ended).rejects.toThrow('batch 2 of 2023-11-14T22:13:22.000Z: totals: no values')
  await expect(ended).rejects.toMatchObject({ batchId: 2, operator: 'totals' })
  const { operators } = world.commit.state as unknown as {
    operators: Map<string, { get(k: string): unknown }[]>
  }
  expect(operators.get('totals')?.[0]?.get('a')).toBe(2)
})

test('the state of a batch cannot be read in another', async () => {
  const world = newWorld()
  let first: { collect(): Promise<unknown> } | undefined
  words(world)
    .updateStateByKey(total)
    .foreachRDD(async (rdd) => {
      first ??= rdd
      await first.collect()
    })
  await start(world)
  await world.clock.advance(2 * SECOND)
  await expect(world.context.awaitTermination()).rejects.toThrow(
    `the state of time ${START + SECOND} is read at time ${START + 2 * SECOND}`,
  )
})

test('the iterator form gets every key with values or state, and gives the whole new state under any keys', async () => {
  const world = newWorld()
  const seen: unknown[] = []
  const renamed = words(world).updateStateByIterator<number>(function* (entries, time) {
    for (const [key, values, state] of entries) {
      seen.push([(time.getTime() - START) / SECOND, key, values, state])
      if (key === 'b' && state !== undefined) continue
      yield [key === 'a' ? 'A' : key, (state ?? 0) + values.length]
    }
  })
  const removed: Record<number, string[]> = {}
  renamed.removedKeys().foreachRDD(async (rdd, time) => {
    removed[(time.getTime() - START) / SECOND] = await rdd.collect()
  })
  expect(await run(world, renamed, 3)).toEqual({
    1: [
      ['A', 2],
      ['b', 1],
    ],
    2: [['A', 2]],
    3: [
      ['A', 2],
      ['b', 1],
    ],
  })
  expect(seen).toEqual([
    [1, 'a', [1, 1], undefined],
    [1, 'b', [1], undefined],
    [2, 'A', [], 2],
    [2, 'b', [], 1],
    [3, 'b', [1], undefined],
    [3, 'A', [], 2],
  ])
  expect(removed).toEqual({ 1: [], 2: ['b'], 3: [] })
})

test('two keys that change places keep their states', async () => {
  const world = newWorld({ parallelism: 3 })
  const swapped = world.context
    .queueStream([['a', 'b', 'b']])
    .mapToPair((word) => [word, 1])
    .updateStateByIterator<number>(function* (entries) {
      for (const [key, values, state] of entries) yield [key === 'a' ? 'b' : 'a', state ?? values.length]
    })
  const rows = await run(world, swapped, 3)
  expect(Object.values(rows).map((batch) => batch.toSorted(byText))).toEqual([
    [
      ['a', 2],
      ['b', 1],
    ],
    [
      ['a', 1],
      ['b', 2],
    ],
    [
      ['a', 2],
      ['b', 1],
    ],
  ])
})

test('a key that the iterator form gives twice ends the job: one of its states would be lost', async () => {
  const world = newWorld()
  const same = words(world).updateStateByIterator<number>(
    (entries) => [...entries].map(([, values]) => ['same', values.length] as const),
    { name: 'merged' },
  )
  await expect(run(world, same, 1)).rejects.toThrow(`merged: its function gave key 'same' twice`)
})

test('initial state is what the first batch finds, and no later one', async () => {
  const world = newWorld({ parallelism: 2 })
  const initialState = world.context.parallelize<[string, number]>([
    ['a', 10],
    ['z', 5],
  ])
  const totals = words(world).updateStateByKey(
    (values, state: number = 0, key: string) => (key === 'z' && state > 5 ? undefined : state + 1),
    { initialState },
  )
  const rows = await run(world, totals, 4)
  expect(Object.values(rows).map((batch) => batch.toSorted(byText))).toEqual([
    [
      ['a', 11],
      ['b', 1],
      ['z', 6],
    ],
    [
      ['a', 12],
      ['b', 2],
    ],
    [
      ['a', 13],
      ['b', 3],
    ],
    [
      ['a', 14],
      ['b', 4],
    ],
  ])
})

test('state behind a window begins with its first own batch', async () => {
  const world = newWorld()
  const states = words(world)
    .window('2s', '2s')
    .updateStateByKey((values, state: number = 0) => state + values.length, { initialState: [['x', 1]] })
  expect(await run(world, states, 4)).toEqual({
    2: [
      ['a', 2],
      ['b', 1],
      ['x', 1],
    ],
    4: [
      ['a', 2],
      ['b', 2],
      ['x', 1],
    ],
  })
})
