// mapWithState: one call per record, and one for a key that has timed out.

import { expect, test } from 'vitest'
import { TimeoutIndex } from '../../../processor/streams/timeout-index.ts'
import { type State, StateSpec } from '../../../processor/streams/state-spec.ts'
import { Random, seeds } from '../../world/random.ts'
import { byText, newWorld, run, SECOND, START, type World } from './tables.ts'

const pairs = (world: World, batches: string[][]) =>
  world.context.queueStream(batches.map((batch) => [...batch])).mapToPair((word) => [word, 1])

/** Counts, and says each time what it has seen. */
const count = (word: string, one: number | undefined, state: State<number>) => {
  if (one === undefined) return `${word} gone at ${state.get()}`
  state.update((state.getOption() ?? 0) + one)
  return `${word} ${state.get()}`
}

test.each([1, 3])(
  'the function is called once per record, in their order; %i partitions',
  async (parallelism) => {
    const world = newWorld({ parallelism })
    const rows = await run(world, pairs(world, [['a', 'b', 'a'], [], ['b']]).mapWithState(count), 4)
    if (parallelism > 1) for (const batch of Object.values(rows)) batch.sort(byText)
    expect(rows).toEqual({
      1: parallelism > 1 ? ['a 1', 'a 2', 'b 1'] : ['a 1', 'b 1', 'a 2'],
      2: [],
      3: ['b 2'],
      4: [],
    })
  },
)

test('it gets the batch time, and what it returns is a row, undefined none', async () => {
  const world = newWorld()
  const seconds = pairs(world, [['a', 'b'], ['a']]).mapWithState(
    (word, one, state: State<true>, time): [string, number, number] | undefined => {
      if (state.exists()) return [word, one as number, (time.getTime() - START) / SECOND]
      state.update(true)
      return undefined
    },
  )
  expect(await run(world, seconds, 2)).toEqual({ 1: [], 2: [['a', 1, 2]] })
})

test('stateSnapshots are the whole state in every batch', async () => {
  const world = newWorld()
  const counts = pairs(world, [['a', 'b', 'a'], [], ['b']]).mapWithState(count)
  expect(counts.stateSnapshots()).toBe(counts.stateSnapshots())
  expect(await run(world, counts.stateSnapshots(), 3)).toEqual({
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
  })
})

test('a removed state is gone for the next record, of the same batch too', async () => {
  const world = newWorld()
  const toggled = pairs(world, [['a', 'a', 'a'], ['a']]).mapWithState((_, __, state: State<string>) => {
    const before = state.getOption() ?? 'none'
    if (state.exists()) state.remove()
    else state.update('there')
    return `${before} → ${state.exists() ? 'there' : 'none'}`
  })
  expect(await run(world, toggled, 2)).toEqual({
    1: ['none → there', 'there → none', 'none → there'],
    2: ['there → none'],
  })
})

test('the initial state is there for the first record, and has not come by a record', async () => {
  const world = newWorld({ parallelism: 2 })
  const spec = StateSpec.function(count).initialState(
    world.context.parallelize<[string, number]>([
      ['a', 10],
      ['z', 20],
    ]),
  )
  const counts = pairs(world, [['a'], ['b']]).mapWithState(spec)
  const snapshots: unknown[] = []
  counts
    .stateSnapshots()
    .foreachRDD(async (rdd) => void snapshots.push((await rdd.collect()).toSorted(byText)))
  expect(await run(world, counts, 2)).toEqual({ 1: ['a 11'], 2: ['b 1'] })
  expect(snapshots).toEqual([
    [
      ['a', 11],
      ['z', 20],
    ],
    [
      ['a', 11],
      ['b', 1],
      ['z', 20],
    ],
  ])
})

test('a key without records for longer than the timeout gets one call without a value', async () => {
  const world = newWorld()
  const batches = [['a', 'b'], ['b'], [], [], ['a'], []]
  const counts = pairs(world, batches).mapWithState(StateSpec.function(count).timeout('2s'))
  const keys: string[][] = []
  counts.stateSnapshots().foreachRDD(async (rdd) => void keys.push(await rdd.keys().collect()))
  expect(await run(world, counts, 8)).toEqual({
    1: ['a 1', 'b 1'],
    2: ['b 2'],
    3: [],
    // Two seconds are the timeout, a third is longer.
    4: ['a gone at 1'],
    5: ['a 1', 'b gone at 2'],
    6: [],
    7: [],
    8: ['a gone at 1'],
  })
  expect(keys).toEqual([['a', 'b'], ['a', 'b'], ['a', 'b'], ['b'], ['a'], ['a'], ['a'], []])
})

test('a record that comes in the batch of its timeout keeps the key', async () => {
  const world = newWorld()
  const counts = pairs(world, [['a'], [], [], ['a'], []]).mapWithState(count, { timeout: '2s' })
  expect(await run(world, counts, 5)).toEqual({ 1: ['a 1'], 2: [], 3: [], 4: ['a 2'], 5: [] })
})

test('with a timeout, a state that is only read is refreshed; a function that removes leaves nothing to time out', async () => {
  const world = newWorld()
  const looked = pairs(world, [['a', 'b'], ['a', 'b'], [], ['a']]).mapWithState(
    (word, one, state: State<number>) => {
      if (one === undefined) return `${word} gone`
      if (!state.exists()) state.update(1)
      else if (word === 'b') state.remove()
      return undefined
    },
    { timeout: '1s' },
  )
  // a is read in 2, too late in 4, where it has gone in the batch itself: it was there until then.
  expect(await run(world, looked, 6)).toEqual({ 1: [], 2: [], 3: [], 4: [], 5: [], 6: ['a gone'] })
})

test('the initial state counts as touched by the first batch', async () => {
  const world = newWorld()
  const options = { timeout: '1s', initialState: [['old', 7]] as [string, number][] } as const
  expect(await run(world, pairs(world, [['a']]).mapWithState(count, options), 3)).toEqual({
    1: ['a 1'],
    2: [],
    3: ['old gone at 7', 'a gone at 1'],
  })
})

const refused: [string, (state: State<number>, one: number | undefined) => void, string][] = [
  ['get without a state', (state) => void state.get(), `key 'a' has no state`],
  [
    'update after remove',
    (state) => {
      state.remove()
      state.update(1)
    },
    `the state of key 'a' cannot be updated: it has been removed`,
  ],
  [
    'remove twice',
    (state) => {
      state.remove()
      state.remove()
    },
    `the state of key 'a' cannot be removed: it has been removed already`,
  ],
  [
    'update with undefined',
    (state) => state.update(undefined as unknown as number),
    'undefined is no state: remove it instead',
  ],
  [
    'update while timing out',
    (state, one) => state.update(one ?? 2),
    `the state of key 'a' cannot be updated: it is timing out`,
  ],
  [
    'remove while timing out',
    (state, one) => {
      expect(state.isTimingOut()).toBe(one === undefined)
      if (one === undefined) state.remove()
      else state.update(one)
    },
    `the state of key 'a' cannot be removed: it is timing out`,
  ],
]

test.each(refused)('%s is refused, naming the key, and ends the job', async (_, act, message) => {
  const world = newWorld()
  const mapped = pairs(world, [['a']]).mapWithState((__, one, state: State<number>) => act(state, one), {
    name: 'act',
    timeout: '1s',
  })
  await expect(run(world, mapped, 4)).rejects.toThrow(`act: ${message}`)
})

test('a timeout must be longer than nothing', () => {
  expect(() => StateSpec.function(count).timeout(0)).toThrow('timeout')
})

test.each(seeds(1, 20))('timeouts come when a list of all keys says so, seed %i', async (seed) => {
  const random = new Random(seed)
  const batches = Array.from({ length: 30 }, () =>
    Array.from({ length: random.below(4) }, () => random.pick(['a', 'b', 'c', 'd', 'e'])),
  )
  const idle = random.between(1, 5)
  const last = new Map<string, number>()
  const expected = batches.map((batch, second) => {
    for (const word of batch) last.set(word, second)
    const gone = [...last].filter(([, at]) => at < second - idle).map(([word]) => word)
    for (const word of gone) last.delete(word)
    return gone.toSorted(byText)
  })
  const world = newWorld({ parallelism: random.between(1, 3) })
  const gone = pairs(world, batches).mapWithState(
    (word, one, state: State<number>) => {
      if (one === undefined) return word
      if (!state.exists()) state.update(0)
      return undefined
    },
    { timeout: idle * SECOND },
  )
  const rows = await run(world, gone, batches.length)
  expect(Object.values(rows).map((batch) => batch.toSorted(byText))).toEqual(expected)
})

test('the index gives again what a batch had taken when the batch runs again, and not what only the first run touched', () => {
  const index = new TimeoutIndex()
  index.begin(1000)
  index.touched('a')
  index.touched('b')
  index.begin(2000)
  expect([...index.takeBefore(2000)]).toEqual([
    ['a', 1000],
    ['b', 1000],
  ])
  index.touched('a')
  index.touched('c')
  index.begin(2000)
  index.touched('c')
  index.begin(3000)
  expect([...index.takeBefore(3000)]).toEqual([
    ['a', 1000],
    ['b', 1000],
    ['c', 2000],
  ])
  index.begin(4000)
  expect([...index.takeBefore(4000)]).toEqual([])
})

test('a key that is touched in every batch does not fill the index', () => {
  const index = new TimeoutIndex()
  index.begin(1)
  index.touched('once')
  let batchMs = 1
  while (!index.isMostlyPast(2)) {
    index.begin(++batchMs)
    index.touched('always')
  }
  expect(batchMs).toBeLessThan(10_000)
  // What is taken is no longer there.
  expect([...index.takeBefore(batchMs)].length).toBe(batchMs - 1)
  expect(index.isMostlyPast(0)).toBe(false)
})
