// A partitioner of the program's own: every operator that brings keys together puts them where it says, and yields the
// rows that it yields otherwise.

import { describe, expect, test } from 'vitest'
import type { PairRDD, Partitioner } from '../../../streaming.ts'
import { HashPartitioner, RangePartitioner } from '../../../streaming.ts'
import type { DStream } from '../../../processor/streams/dstream.ts'
import type { PairDStream } from '../../../processor/streams/pair-dstream.ts'
import { type State, StateSpec } from '../../../processor/streams/state-spec.ts'
import { tableWithRestarts } from './restarts.ts'
import { byText, finish, newWorld, SECOND, start, table, type Yielded } from './tables.ts'

type Words = PairDStream<string, number>
interface Where {
  readonly name?: string
  readonly partitioner?: Partitioner<string>
  readonly numPartitions?: number
}

/** Letters from either end of the alphabet: 'a' and 'z' are in the last one. */
const byLetter: Partitioner<string> = {
  numPartitions: 4,
  getPartition: (key) => 3 - ((key.codePointAt(0) as number) % 4),
}

const words = [['a', 'b', 'a', 'z'], ['c', 'b'], [], ['d', 'e', 'a'], ['z']]
const sum = (a: number, b: number) => a + b
const minus = (a: number, b: number) => a - b
const keyed = (stream: DStream<string>): Words => stream.mapToPair((word) => [word, 1])
const count = (values: readonly number[], n: number = 0) => n + values.length
const counting = (word: string, one: number | undefined, state: State<number>) => {
  if (one !== undefined) state.update((state.getOption() ?? 0) + one)
  return [word, state.get()] as const
}
const beginning: [string, number][] = [
  ['a', 100],
  ['x', 200],
]
const joined = (rows: DStream<readonly [string, unknown]>) => rows as PairDStream<string, unknown>

/** The keyed operators, with what says where keys go. All yield pairs of a word and something. */
const operators: Record<string, (pairs: Words, where: Where) => DStream<readonly [string, unknown]>> = {
  reduceByKey: (pairs, where) => pairs.reduceByKey(sum, where),
  groupByKey: (pairs, where) => pairs.groupByKey(where),
  combineByKey: (pairs, where) =>
    pairs.combineByKey({ create: (n) => `${n}`, merge: (text, n) => `${text}${n}` }, where),
  cogroup: (pairs, where) =>
    pairs.cogroup(
      pairs.filter(([word]) => word < 'c'),
      where,
    ),
  join: (pairs, where) => pairs.join(pairs.groupByKey(), where),
  leftOuterJoin: (pairs, where) =>
    pairs.leftOuterJoin(
      pairs.filter(([word]) => word < 'c'),
      where,
    ),
  rightOuterJoin: (pairs, where) => pairs.filter(([word]) => word < 'c').rightOuterJoin(pairs, where),
  fullOuterJoin: (pairs, where) => pairs.fullOuterJoin(pairs.mapValues(String), where),
  countByValue: (pairs, where) => pairs.map(([word]) => word).countByValue(where),
  groupByKeyAndWindow: (pairs, where) => pairs.groupByKeyAndWindow('2s', '1s', where),
  reduceByKeyAndWindow: (pairs, where) => pairs.reduceByKeyAndWindow(sum, '3s', '1s', undefined, where),
  'reduceByKeyAndWindow with an inverse': (pairs, where) =>
    pairs.reduceByKeyAndWindow(sum, '2s', '1s', minus, where),
  countByValueAndWindow: (pairs, where) =>
    pairs.map(([word]) => word).countByValueAndWindow('2s', '1s', where),
  updateStateByKey: (pairs, where) => pairs.updateStateByKey(count, where),
  'updateStateByKey with initial state': (pairs, where) =>
    pairs.updateStateByKey(count, { initialState: beginning, ...where }),
  'updateStateByKey, changes': (pairs, where) => pairs.updateStateByKey(count, where).changes(),
  // What it gives lies in other partitions than what it was given.
  updateStateByIterator: (pairs, where) =>
    pairs.updateStateByIterator<number>(
      function* (entries) {
        for (const [key, ones, n = 0] of entries) {
          yield [String.fromCodePoint((key.codePointAt(0) as number) + 1), n + ones.length]
        }
      },
      { initialState: beginning, ...where },
    ),
  mapWithState: (pairs, where) => pairs.mapWithState(counting, { timeout: '1s', ...where }),
  'mapWithState with a StateSpec': (pairs, { name = 'spec', partitioner, numPartitions = 1 }) => {
    const spec = StateSpec.function(counting).initialState(beginning)
    return pairs.mapWithState(
      partitioner ? spec.partitioner(partitioner) : spec.numPartitions(numPartitions),
      { name },
    )
  },
  stateSnapshots: (pairs, where) =>
    pairs.mapWithState(counting, { initialState: beginning, ...where }).stateSnapshots(),
}

type Placed = readonly [partition: number, partitions: number, row: readonly [string, unknown]]

/** Rows with the partition that they are in. */
function placed(stream: DStream<readonly [string, unknown]>): DStream<Placed> {
  return stream.transform((rdd) =>
    rdd.mapPartitionsWithIndex((partition, rows) =>
      rows.map((row): Placed => [partition, rdd.partitions, row as readonly [string, unknown]]),
    ),
  )
}

const rowsOf = (yielded: Yielded<Placed>) =>
  Object.fromEntries(
    Object.entries(yielded).map(([n, rows]) => [n, rows.map(([, , row]) => row).sort(byText)]),
  )

describe.each(Object.entries(operators))('%s', (_, operator) => {
  const run = (where: Where) =>
    table(words, (stream) => placed(operator(keyed(stream), where)), { partitions: 2 })

  test('puts keys where the partitioner says, and yields the same rows', async () => {
    const plain = await run({ numPartitions: 2 })
    const own = await run({ partitioner: byLetter })
    expect(Object.values(plain).flat().length).toBeGreaterThan(5)
    expect(rowsOf(own)).toEqual(rowsOf(plain))
    for (const [partition, partitions, [key]] of Object.values(own).flat()) {
      expect([key, partition, partitions]).toEqual([key, byLetter.getPartition(key), 4])
    }
  })

  test('the hash is a partitioner too: the same places as by their number', async () => {
    expect(await run({ partitioner: new HashPartitioner(3) })).toEqual(await run({ numPartitions: 3 }))
  })
})

describe('the RDD of a batch knows what its rows lie by', () => {
  /** A stream of whatever rows. */
  interface Known {
    foreachRDD(f: (rdd: { readonly partitioner: Partitioner | undefined }) => void): void
  }
  const found = async (operator: (s: DStream<string>) => Known) => {
    const world = newWorld({ parallelism: 2 })
    const partitioners: (Partitioner | undefined)[] = []
    const stream = operator(world.context.queueStream([['a', 'b'], ['b'], []]))
    stream.foreachRDD((rdd) => void partitioners.push(rdd.partitioner))
    await start(world)
    await world.clock.advance(3 * SECOND)
    await finish(world)
    return partitioners
  }
  const where = { partitioner: byLetter }
  const states = (s: DStream<string>) => keyed(s).updateStateByKey(count, where)

  test.each<[string, (s: DStream<string>) => Known]>([
    ...Object.entries(operators)
      .filter(([name]) => !/mapWithState/.test(name))
      .map(
        ([name, operator]) =>
          [name, (s: DStream<string>) => operator(keyed(s), where)] as [
            string,
            (s: DStream<string>) => Known,
          ],
      ),
    ['state', states],
    ['its changes', (s) => states(s).changes()],
    ['filter', (s) => states(s).filter(() => true)],
    ['mapValues', (s) => states(s).mapValues((n) => -n)],
    ['flatMapValues', (s) => states(s).flatMapValues((n) => [n, n])],
    ['mapPartitions', (s) => states(s).mapPartitions((rows) => rows, { preservePartitioning: true })],
    ['mapPartitionsToPair', (s) => states(s).mapPartitionsToPair((r) => r, { preservePartitioning: true })],
    ['window', (s) => keyed(s).reduceByKey(sum, where).window('2s')],
    ['window over state', (s) => states(s).window('2s')],
    ['union', (s) => keyed(s).reduceByKey(sum, where).union(states(s))],
    [
      'cache',
      (s) =>
        states(s)
          .mapValues((n) => n)
          .cache(),
    ],
    [
      'transform',
      (s) =>
        keyed(s)
          .reduceByKey(sum, where)
          .transform((rdd) => rdd.reduceByKey(sum)),
    ],
  ])('%s', async (_, operator) => {
    expect(await found(operator)).toEqual([byLetter, byLetter, byLetter])
  })

  test.each<[string, (s: DStream<string>) => Known]>([
    ['input', (s) => s],
    ['map', (s) => states(s).map((row) => row)],
    ['mapToPair', (s) => states(s).mapToPair((row) => row)],
    ['mapPartitions', (s) => states(s).mapPartitions((rows) => rows)],
    ['glom', (s) => states(s).glom()],
    ['repartition', (s) => states(s).repartition(4)],
    ['removedKeys', (s) => states(s).removedKeys()],
    [
      'union',
      (s) =>
        states(s).union(
          keyed(s)
            .groupByKey()
            .mapValues(({ length }) => length),
        ),
    ],
  ])('%s knows of none', async (_, operator) => {
    expect(await found(operator)).toEqual([undefined, undefined, undefined])
  })

  test('without one, the hash in the parallelism of the context', async () => {
    const known = await found((s) => keyed(s).reduceByKey(sum))
    expect(known.every((each) => new HashPartitioner(2).equals(each as Partitioner))).toBe(true)
  })

  test('a window over rows that lie alike has their partitions', async () => {
    const windows = await table(
      [
        ['a', 'b'],
        ['b', 'c'],
      ],
      (s) => keyed(s).reduceByKey(sum, where).window('2s').glom(),
    )
    expect(windows[2]).toEqual([
      [['c', 1]],
      [
        ['b', 1],
        ['b', 1],
      ],
      [['a', 1]],
      [],
    ])
  })
})

test('a RangePartitioner in a stream: each batch is in order from partition to partition', async () => {
  const inOrder = (s: DStream<string>) =>
    keyed(s).transformToPair((rdd) => rdd.partitionBy(new RangePartitioner(2, rdd)))
  const parts = await table(
    [
      ['d', 'a', 'c', 'b'],
      ['z', 'x', 'z', 'y'],
    ],
    (s) =>
      inOrder(s)
        .map(([key]) => key)
        .glom(),
  )
  expect(parts).toEqual({
    1: [
      ['a', 'b'],
      ['d', 'c'],
    ],
    2: [
      ['x', 'y'],
      ['z', 'z'],
    ],
  })
})

test('state cannot lie by ranges that only rows tell, though others have read them before: refused by name', () => {
  const { context } = newWorld()
  const partitioner = new RangePartitioner<string>(2, context.parallelize([['a', 1] as [string, number]]))
  const where = { partitioner, name: 'n' }
  const words = keyed(context.queueStream([['a']])).reduceByKey(sum, { partitioner })
  const refused = 'n: state cannot lie by a RangePartitioner'
  expect(() => words.updateStateByKey(count, where)).toThrow(refused)
  expect(() => words.updateStateByIterator((rows) => [...rows].map(([key]) => [key, 1]), where)).toThrow(
    refused,
  )
  expect(() => words.reduceByKeyAndWindow(sum, '2s', '1s', minus, where)).toThrow(refused)
  expect(() => words.map(([word]) => word).countByValueAndWindow('2s', '1s', where)).toThrow(refused)
  const unnamed = StateSpec.function(counting).partitioner(partitioner)
  expect(() => words.mapWithState(unnamed)).toThrow('mapWithState: state cannot lie by a RangePartitioner')
})

test('of numPartitions and partitioner the last one that a StateSpec is told counts', async () => {
  const partitions = async (spec: StateSpec<string, number, number, readonly [string, number]>) => {
    const rows = await table([['a']], (s) => placed(keyed(s).mapWithState(spec)))
    return rows[1]?.[0]?.[1]
  }
  const spec = StateSpec.function(counting)
  expect(await partitions(spec.numPartitions(2).partitioner(byLetter))).toBe(4)
  expect(await partitions(spec.partitioner(byLetter).numPartitions(2))).toBe(2)
})

test('what cannot be is refused as the program is built, by name', () => {
  const words = keyed(newWorld().context.queueStream([['a']]))
  const none = { numPartitions: 0, getPartition: () => 0 }
  expect(() => words.reduceByKey(sum, { partitioner: none, name: 'sums' })).toThrow(
    'sums: numPartitions must be a whole number above 0: got 0',
  )
  expect(() => words.groupByKey({ partitioner: byLetter, numPartitions: 4 })).toThrow(
    'groupByKey: a partitioner has its own numPartitions: give one of the two',
  )
  expect(() => words.repartition(1.5)).toThrow(
    'repartition: numPartitions must be a whole number above 0: got 1.5',
  )
  expect(() => newWorld().context.queueStream([['a']], { numPartitions: 0 })).toThrow(
    'queueStream: numPartitions',
  )
  expect(() => newWorld().context.constantStream(['a'], { numPartitions: 0 })).toThrow(
    'constantStream: numPart',
  )
  expect(() => new HashPartitioner(-1)).toThrow(
    'HashPartitioner: numPartitions must be a whole number above 0: got -1',
  )
})

describe('a partitioner that is wrong fails the batch, with operator, key and answer', () => {
  const answers: [answer: unknown, text: string][] = [
    [4, "its partitioner gives key 'b' partition 4, of 0 to 3"],
    [-1, "its partitioner gives key 'b' partition -1, of 0 to 3"],
    [0.5, "its partitioner gives key 'b' partition 0.5, of 0 to 3"],
    [Number.NaN, "its partitioner gives key 'b' partition NaN, of 0 to 3"],
    ['1', "its partitioner gives key 'b' partition '1', of 0 to 3"],
    [undefined, "its partitioner gives key 'b' partition undefined, of 0 to 3"],
  ]
  const answering = (answer: unknown): Partitioner<string> => ({
    numPartitions: 4,
    getPartition: (key) => (key === 'b' ? (answer as number) : 0),
  })

  test.each(answers)('%s', async (answer, text) => {
    const run = table([['a'], ['b']], (s) =>
      keyed(s).reduceByKey(sum, { partitioner: answering(answer), name: 'sums' }),
    )
    await expect(run).rejects.toMatchObject({ operator: 'sums', batchId: 2 })
    await expect(run).rejects.toThrow(`sums: ${text}`)
  })

  const throwing: Partitioner<string> = {
    numPartitions: 4,
    getPartition: () => {
      throw new Error('it knows no letters')
    },
  }

  test.each(Object.entries(operators))('%s: one that throws', async (_, operator) => {
    const run = table([['a'], ['b']], (s) => operator(keyed(s), { partitioner: throwing }))
    await expect(run).rejects.toThrow(/^batch 1 .*: it knows no letters/)
  })

  // In one thread a key is placed as its row comes, in another when all rows have been combined: a record that was
  // left out here would end the job there.
  test('no record is to blame, whatever becomes of poison', async () => {
    const partitionBy = (s: DStream<string>) =>
      keyed(s).transform((rdd) => (rdd as PairRDD<string, number>).partitionBy(answering(7)))
    const run = tableWithRestarts([['a'], ['a', 'b']], partitionBy, { onPoison: 'skip' })
    await expect(run).rejects.toMatchObject({ record: undefined, batchId: 2 })
    await expect(run).rejects.toThrow(/partitionBy: its partitioner gives key 'b' partition 7/)
  })
})

const byLength: Partitioner<string> = { numPartitions: 3, getPartition: (key) => key.length % 3 }

describe('state belongs to keys: it is there under another partitioner, and another number of partitions', () => {
  const wheres: Where[] = [
    { partitioner: byLetter },
    { numPartitions: 2 },
    { partitioner: byLength },
    { partitioner: new HashPartitioner(5) },
    {},
  ]
  const stateful = Object.entries(operators).filter(([name]) => /State|state|Window/.test(name))

  test.each(stateful)('%s', async (_, operator) => {
    // Its name is what the state is found by.
    const program = (where: Where) => (s: DStream<string>) => operator(keyed(s), { name: 'n', ...where })
    const inOrder = (rows: Yielded<unknown>) =>
      Object.fromEntries(Object.entries(rows).map(([n, of]) => [n, of.toSorted(byText)]))
    const unbroken = await tableWithRestarts(words, program({}))
    expect(Object.values(unbroken).flat().length).toBeGreaterThan(5)
    const changed = (s: DStream<string>, run: number) => program(wheres[run] as Where)(s)
    const broken = await tableWithRestarts(words, changed, {
      restartsAfter: [1, 2, 3, 4],
      parallelism: [2, 1],
    })
    expect(inOrder(broken)).toEqual(inOrder(unbroken))
  })

  test('windows over state too', async () => {
    const program = (where: Where) => (s: DStream<string>) =>
      joined(
        keyed(s)
          .updateStateByKey(count, { name: 'n', ...where })
          .window('2s')
          .groupByKey(where),
      )
    const unbroken = await tableWithRestarts(words, program({ partitioner: byLetter }))
    const changed = (s: DStream<string>, run: number) => program(wheres[run] as Where)(s)
    const broken = await tableWithRestarts(words, changed, { restartsAfter: [2, 4], parallelism: [1, 3] })
    for (const n of Object.keys(unbroken))
      expect(broken[Number(n)]?.toSorted(byText)).toEqual(unbroken[Number(n)]?.toSorted(byText))
  })

  test('rows that windows over state have kept lie by the partitioner of today', async () => {
    const program = (where: Where) => (s: DStream<string>) =>
      keyed(s)
        .updateStateByKey(count, { name: 'n', ...where })
        .window('3s')
        .transform((rdd) => {
          const name = rdd.partitioner === where.partitioner ? 'known' : 'unknown'
          return rdd.glom().map((rows) => [name, ...rows.map(([key, n]) => `${key}${n}`)])
        })
    const wheres = [byLetter, byLetter, byLength].map((partitioner) => ({ partitioner }))
    const [first, , last] = wheres as [Where, Where, Where]
    const changed = (s: DStream<string>, run: number) => program(wheres[run] as Where)(s)
    const broken = await tableWithRestarts(words, changed, { restartsAfter: [2, 4] })
    const [byFirst, byLast] = [
      await tableWithRestarts(words, program(first)),
      await tableWithRestarts(words, program(last)),
    ]
    expect(byFirst[4]).toHaveLength(4)
    expect(byLast[5]).toHaveLength(3)
    for (const n of [1, 2, 3, 4]) expect(broken[n], `batch ${n}`).toEqual(byFirst[n])
    const sorted = (parts: string[][] | undefined) => parts?.map((part) => part.toSorted())
    expect(sorted(broken[5])).toEqual(sorted(byLast[5]))
  })

  test('a restart with a partitioner that knows not all kept keys says which, and changes nothing', async () => {
    const knowsFew: Partitioner<string> = { numPartitions: 2, getPartition: (key) => 'ab'.indexOf(key) }
    const program = (s: DStream<string>, run: number) =>
      keyed(s).updateStateByKey(count, { name: 'n', ...(run === 1 && { partitioner: knowsFew }) })
    await expect(tableWithRestarts(words, program, { restartsAfter: [2] })).rejects.toThrow(
      /n: its partitioner gives key '[cz]' partition -1, of 0 to 1/,
    )
  })
})
