// Stateful operators with a checkpoint: where the job is stopped and started again must not show in what they yield.

import { expect, test, vi } from 'vitest'
import { plainCodec } from '../../../processor/checkpoint/plain-data.ts'
import type { StateOperator } from '../../../processor/graph/contracts/state.ts'
import type { Graph } from '../../../processor/graph/graph.ts'
import type { DStream } from '../../../processor/streams/dstream.ts'
import { type State, StateSpec } from '../../../processor/streams/state-spec.ts'
import { tableWithRestarts } from './restarts.ts'
import { table } from './tables.ts'

const words = [['a', 'b', 'a'], ['c'], [], ['b', 'a'], [], [], ['c', 'd'], []]
const sum = (a: number, b: number) => a + b
const minus = (a: number, b: number) => a - b
const keyed = (stream: DStream<string>) => stream.mapToPair((word) => [word, 1])

const counting = (word: string, one: number | undefined, state: State<number>) => {
  if (one === undefined) return `${word} gone at ${state.get()}`
  if (state.exists() && word === 'b') state.remove()
  else state.update((state.getOption() ?? 0) + one)
  return `${word} ${state.getOption() ?? 'removed'}`
}

const beginning: [string, number][] = [
  ['a', 100],
  ['x', 200],
]

/** Each yields rows from which its whole state can be told. */
const programs: [string, (stream: DStream<string>) => DStream<unknown>][] = [
  [
    'updateStateByKey',
    (s) => keyed(s).updateStateByKey((values, n: number = 0) => n + values.length, { name: 'n' }),
  ],
  [
    'updateStateByKey that removes, with initial state',
    (s) =>
      keyed(s).updateStateByKey(
        (values, n: number = 0) => (values.length === 0 && n % 2 === 0 ? undefined : n + 1),
        { name: 'n', initialState: beginning },
      ),
  ],
  [
    'updateStateByIterator under other keys, with initial state',
    (s) =>
      keyed(s).updateStateByIterator<number>(
        function* (entries) {
          for (const [key, values, n = 0] of entries) {
            if (n < 203) yield [values.length > 1 ? `${key}${key}` : key, n + values.length + 1]
          }
        },
        { name: 'n', initialState: beginning },
      ),
  ],
  ['mapWithState', (s) => keyed(s).mapWithState(counting, { name: 'n' })],
  [
    'mapWithState with timeout and initial state',
    (s) =>
      keyed(s).mapWithState(StateSpec.function(counting).timeout('2s').initialState(beginning), {
        name: 'n',
      }),
  ],
  ['stateSnapshots', (s) => keyed(s).mapWithState(counting, { name: 'n', timeout: '1s' }).stateSnapshots()],
  [
    'mapWithState with a codec',
    (s) =>
      keyed(s).mapWithState(
        (word, one, state: State<Map<string, Date>>, time) => {
          if (one === undefined) return `${word} gone`
          state.update(new Map([...(state.getOption() ?? []), [`${time.getTime()}`, time]]))
          return `${word} ${[...state.get().keys()].join('+')}`
        },
        {
          name: 'n',
          timeout: '2s',
          codec: {
            encode: (times) => Buffer.from([...times.keys()].join(',')),
            decode: (bytes) =>
              new Map(
                Buffer.from(bytes)
                  .toString()
                  .split(',')
                  .map((ms) => [ms, new Date(Number(ms))]),
              ),
          },
        },
      ),
  ],
  [
    'a window over state, and a window of that',
    (s) =>
      keyed(s)
        .updateStateByKey((values, n: number = 0) => n + values.length, { name: 'n' })
        .filter(([, n]) => n > 0)
        .window('3s', '1s')
        .window('2s', '2s'),
  ],
  [
    'a window with an inverse over mapWithState, beside a window over the same',
    (s) => {
      const seen = keyed(s)
        .mapWithState(
          (word, one, state: State<number>) => {
            state.update((state.getOption() ?? 0) + (one ?? 0))
            return [word, state.get()] as const
          },
          { name: 'n' },
        )
        .mapToPair((row) => row)
      return seen
        .reduceByKeyAndWindow(sum, '2s', '1s', minus, { name: 'w', filter: (_, n) => n !== 0 })
        .union(seen.window('2s').mapValues((n) => -n))
    },
  ],
  ['countByWindow', (s) => s.countByWindow('3s', '1s', { name: 'n' })],
  ['countByValueAndWindow', (s) => s.countByValueAndWindow('3s', '2s', { name: 'n' })],
  [
    'reduceByKeyAndWindow with an inverse',
    (s) => keyed(s).reduceByKeyAndWindow(sum, '3s', '1s', minus, { name: 'n' }),
  ],
  [
    'reduceByKeyAndWindow with an inverse and a filter',
    (s) => keyed(s).reduceByKeyAndWindow(sum, '2s', '2s', minus, { name: 'n', filter: (_, n) => n !== 0 }),
  ],
  ['reduceByKeyAndWindow without', (s) => keyed(s).reduceByKeyAndWindow(sum, '3s', '1s')],
  ['groupByKeyAndWindow', (s) => keyed(s).groupByKeyAndWindow('3s', '2s')],
  ['window', (s) => s.window('3s', '2s')],
  ['reduceByWindow', (s) => s.map((w) => w.length).reduceByWindow(sum, '2s', '1s')],
]

const inOrder = (table: Record<number, unknown[]>) =>
  Object.fromEntries(Object.entries(table).map(([n, rows]) => [n, rows.map(String).toSorted()]))

test.each(programs)(
  '%s: stopped after any batch, and after each, with other partitions',
  async (_, program) => {
    const unbroken = inOrder(await tableWithRestarts(words, program))
    expect(Object.values(unbroken).flat()).not.toEqual([])
    for (const restartsAfter of [[1], [3], [4, 6], [1, 2, 3, 4, 5, 6, 7]]) {
      const broken = await tableWithRestarts(words, program, { restartsAfter, parallelism: [1, 3, 2] })
      expect(inOrder(broken), `stopped after ${restartsAfter.join(', ')}`).toEqual(unbroken)
    }
  },
)

test('initial state does not come back, though all of it was removed before the restart', async () => {
  const once = (s: DStream<string>) =>
    keyed(s).mapWithState(
      (word, _, state: State<number>) => {
        const before = state.getOption() ?? 'none'
        if (state.exists()) state.remove()
        return `${word} ${before}`
      },
      { name: 'once', initialState: [['a', 1]] as [string, number][] },
    )
  const table = await tableWithRestarts([['a'], ['a'], ['a']], once, { restartsAfter: [1, 2] })
  expect(table).toEqual({ 1: ['a 1'], 2: ['a none'], 3: ['a none'] })
})

test('an initial state that a later program adds is not for an operator that has state, and that is told once', async () => {
  const warnings: string[] = []
  const table = await tableWithRestarts(
    [['a'], ['b'], ['c']],
    (s, run) =>
      keyed(s).updateStateByKey((values, n: number = 0) => n + values.length, {
        name: 'n',
        ...(run > 0 && { initialState: beginning }),
      }),
    { restartsAfter: [1, 2], warnings },
  )
  expect(inOrder(table)).toEqual({ 1: ['a,1'], 2: ['a,1', 'b,1'], 3: ['a,1', 'b,1', 'c,1'] })
  expect(warnings).toEqual(['n: it has state already (1 keys): its initial state is not read, now or later'])
})

test('a timeout may be added, changed and taken away between runs', async () => {
  const timeouts = [undefined, '2s', '1s', undefined] as const
  const table = await tableWithRestarts(
    [['a'], ['b'], [], [], []],
    (s, run) => {
      const timeout = timeouts[run]
      return keyed(s).mapWithState(counting, { name: 'n', ...(timeout && { timeout }) })
    },
    { restartsAfter: [2, 3, 4] },
  )
  expect(table).toEqual({ 1: ['a 1'], 2: ['b 1'], 3: [], 4: ['a gone at 1', 'b gone at 1'], 5: [] })
})

test('a batch that runs again without a poison record leaves state and timeouts as if the record had never been', async () => {
  const program = (s: DStream<string>) =>
    keyed(s).mapWithState(
      (word, one, state: State<number>) => {
        // The record before the bad one has been taken by then.
        if (word === 'bad') throw new Error('bad record')
        return counting(word, one, state)
      },
      { name: 'n', timeout: '1s', initialState: beginning },
    )
  const batches = [['a', 'b'], ['b', 'c'], ['a'], ['d'], [], []]
  const clean = await tableWithRestarts(batches, program)
  const poisoned = batches.map((batch) => (batch.length > 0 ? [...batch, 'bad'] : batch))
  const options = { onPoison: 'skip', restartsAfter: [2, 4] } as const
  expect(await tableWithRestarts(poisoned, program, options)).toEqual(clean)
})

/** Fails at bad rows, in a window that slides so far: it meets them later than in their own batch. */
const meetsLate = (s: DStream<string>, slide: '2s' | '3s') =>
  s
    .window(slide, slide)
    .map((word) => {
      if (word === 'bad') throw new Error('bad record')
      return word
    })
    .foreachRDD(async (rdd) => void (await rdd.count()))

const summed = {
  1: ['a,1', 'bad,1'],
  2: ['a,2'],
  3: ['a,2', 'bad,2', 'c,1'],
  4: ['a,1', 'c,1'],
  5: ['a,0', 'c,1'],
  6: ['a,0', 'c,0'],
  7: ['a,0', 'bad,1', 'c,0'],
  8: ['a,1'],
  9: ['a,1'],
}

test.each([[[]], [[1]], [[2]], [[3]], [[4, 5]], [[1, 2, 3, 4, 5, 6, 7, 8]]])(
  'a record that another window finds poison later is in no sum of a window with an inverse from then on, and none is wrong when its batch leaves; stopped after %j',
  async (restartsAfter) => {
    const batches = [['a', 'bad'], ['a'], ['bad', 'c', 'bad'], [], [], [], ['bad'], ['a'], []]
    const program = (s: DStream<string>) => {
      meetsLate(s, '2s')
      return keyed(s).reduceByKeyAndWindow(sum, '3s', '1s', minus, { name: 'n' })
    }
    const options = { onPoison: 'skip', restartsAfter, parallelism: [1, 3, 2] } as const
    expect(inOrder(await tableWithRestarts(batches, program, options))).toEqual(summed)
  },
)

test.each([[[]], [[2]], [[3]], [[2, 3, 4]]])(
  'also where the window with an inverse has no batch of its own when the record is found; stopped after %j',
  async (restartsAfter) => {
    const batches = [['a', 'bad'], ['a'], [], ['b'], [], [], [], []]
    const program = (s: DStream<string>) => {
      meetsLate(s, '3s')
      return s.countByValueAndWindow('4s', '2s', { name: 'n' })
    }
    const options = { onPoison: 'skip', restartsAfter } as const
    const table = inOrder(await tableWithRestarts(batches, program, options))
    expect(table).toEqual({ 2: ['a,2', 'bad,1'], 4: ['a,2', 'b,1'], 6: ['b,1'], 8: [] })
  },
)

test('a window with an inverse that has lost a record is reduced anew: it tells nothing of keys without values, not 0', async () => {
  const batches = [['bad'], [], [], [], [], ['z'], [], [], []]
  const program = (s: DStream<string>) => {
    s.window('4s', '4s')
      .map((word) => {
        if (word === 'bad') throw new Error('bad record')
        return word
      })
      .toTopic('copies', (value) => ({ value }))
    return s.countByWindow('3s', '1s', { name: 'n' })
  }
  expect(await tableWithRestarts(batches, program, { onPoison: 'skip' })).toEqual({
    1: [1],
    2: [1],
    3: [1],
    4: [],
    5: [],
    6: [1],
    7: [1],
    8: [1],
    9: [0],
  })
})

test('rows of parts that cannot change are kept for windows as they are', async () => {
  const encode = vi.spyOn(plainCodec, 'encode')
  try {
    const counts = (s: DStream<string>) => keyed(s).updateStateByKey((ones, n: number = 0) => n + ones.length)
    expect(await table([['a'], ['a', 'b'], []], (s) => counts(s).window('2s'))).toEqual({
      1: [['a', 1]],
      2: [
        ['a', 1],
        ['a', 2],
        ['b', 1],
      ],
      3: [
        ['a', 2],
        ['b', 1],
        ['a', 2],
        ['b', 1],
      ],
    })
    expect(encode).not.toHaveBeenCalled()
  } finally {
    encode.mockRestore()
  }
})

test('a state that a function changes in place, given back or not, is in windows as it was in its batch', async () => {
  interface Seen {
    times: number
  }
  const programs: ((s: DStream<string>) => DStream<unknown>)[] = [
    (s) =>
      keyed(s)
        .updateStateByKey<Seen>(
          (values, seen = { times: 0 }) => {
            seen.times += values.length
            return seen
          },
          { name: 'n' },
        )
        .changes()
        .window('3s')
        .map(([word, { times }]) => `${word} ${times}`),
    (s) =>
      keyed(s)
        .mapWithState(
          (word, one, state: State<Seen>) => {
            const seen = state.getOption() ?? { times: 0 }
            seen.times += one ?? 0
            if (!state.exists() || seen.times % 2 === 0) state.update(seen)
            return [word, seen] as const
          },
          { name: 'n' },
        )
        .window('3s')
        .map(([word, { times }]) => `${word} ${times}`),
  ]
  const often = [['a', 'b'], ['a'], ['a', 'b'], ['b'], []]
  for (const [index, program] of programs.entries()) {
    const unbroken = inOrder(await tableWithRestarts(often, program))
    expect(unbroken[3], `program ${index}`).toEqual(['a 1', 'a 2', 'a 3', 'b 1', 'b 2'])
    for (const restartsAfter of index === 0 ? [[1], [2], [1, 2, 3, 4]] : [[2]]) {
      const broken = await tableWithRestarts(often, program, { restartsAfter })
      expect(inOrder(broken), `program ${index}, stopped after ${restartsAfter.join()}`).toEqual(unbroken)
    }
  }
})

test('a countByWindow that is added to a program leaves the names of its filters, and the rows kept under them', async () => {
  const program = (s: DStream<string>, run: number) => {
    if (run > 0) s.countByWindow('3s', '1s', { name: 'n' }).foreachRDD(() => {})
    const counts = keyed(s).updateStateByKey((values, n: number = 0) => n + values.length, { name: 'counts' })
    return counts.filter(([word]) => word === 'a').window('3s')
  }
  const unbroken = await tableWithRestarts(words, (s) => program(s, 0))
  expect(unbroken[5]).toHaveLength(3)
  // Without a warning of state that no operator takes.
  expect(await tableWithRestarts(words, program, { restartsAfter: [4] })).toEqual(unbroken)
})

test('rows that no window reaches any more are not kept', async () => {
  const kept: number[] = []
  await tableWithRestarts(
    Array.from({ length: 12 }, () => ['a']),
    (s) => {
      const ages = keyed(s).updateStateByKey((_, age: number = 0) => age + 1, { name: 'age' })
      const { graph } = s.context as unknown as { graph: Graph }
      ages.window('3s').foreachRDD(() => {
        const rows = graph.stateOperators.find(({ shape }) => shape === 'rows') as StateOperator
        kept.push(graph.state(rows).reduce((all, { size }) => all + size, 0))
      })
      return ages
    },
    { restartsAfter: [7] },
  )
  // This batch's and the two before, and what has just been outrun.
  expect(Math.max(...kept)).toBeLessThanOrEqual(5)
  expect(kept.at(-1)).toBe(kept[5])
})
