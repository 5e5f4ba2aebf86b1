// One job with many operations side by side, as a module: the driver and every worker build it. What each operation
// yields, batch by batch, is collected here, in the driver's copy of the module.

import {
  type DStream,
  type PairDStream,
  type Partitioner,
  RangePartitioner,
  type RDD,
  type State,
  StateSpec,
  type StreamingContext,
} from '../../../../streaming.ts'

type Word = readonly [string, number]

/** Batches of the two inputs. */
export const words: Word[][] = [
  [
    ['a', 1],
    ['b', 2],
    ['a', 3],
    ['c', 4],
    ['d', 5],
    ['a', 6],
  ],
  [],
  [
    ['b', 7],
    ['e', 8],
    ['b', 9],
  ],
  [
    ['a', 10],
    ['f', 11],
    ['g', 12],
    ['a', 13],
    ['h', 14],
    ['e', 15],
    ['a', 16],
  ],
  [['d', 17]],
]

export const names: (readonly [string, string])[][] = [
  [
    ['a', 'Ada'],
    ['b', 'Bob'],
    ['z', 'Zoe'],
  ],
  [['a', 'Al']],
  [
    ['b', 'Bea'],
    ['b', 'Ben'],
  ],
  [],
  [['d', 'Dan']],
]

export const SECOND = 1000

/** Rows by operation and batch time. */
export const yielded = new Map<string, Map<number, unknown[]>>()

/** By operation: what foreachRDD was told that the rows lie by. */
export const liesBy = new Map<string, string>()

export interface Parameters {
  partitions: number
  /** Only files are written, to names that begin so. */
  prefix?: string
}

export default function build(ssc: StreamingContext, { partitions, prefix }: Parameters): void {
  const queue = { numPartitions: partitions }
  const pairs = asPairs(ssc.queueStream<Word>([...words], queue))
  const named = asPairs(ssc.queueStream<readonly [string, string]>([...names], queue))
  if (prefix !== undefined) {
    pairs.reduceByKey((a, b) => a + b, { numPartitions: 3 }).saveAsTextFiles(prefix)
    return
  }
  const values = pairs.map(([, value]) => value)
  const twice = values.map((value) => value * 2)
  const updated = pairs.updateStateByKey<number>((news, old) => {
    const sum = news.reduce((a, b) => a + b, old ?? 0)
    return sum > 40 ? undefined : sum
  })
  const sliding = pairs.reduceByKeyAndWindow(
    (a, b) => a + b,
    3 * SECOND,
    SECOND,
    (a, b) => a - b,
    { filter: (_key, value) => value > 0, numPartitions: 3 },
  )
  const mapped = pairs.mapWithState(
    (key, value, state: State<number>) => {
      if (value === undefined) return `${key} gone with ${state.get()}`
      state.update((state.getOption() ?? 0) + value)
      return `${key} ${state.get()}`
    },
    { timeout: 2 * SECOND, initialState: [['z', 100]] },
  )
  const operations: Record<string, DStream<unknown>> = {
    map: twice,
    flatMap: values.flatMap((value) => (value % 2 === 0 ? [value, -value] : [])),
    filter: twice.filter((value) => value > 10),
    mapPartitions: values.mapPartitions((rows) => [rows.length, ...rows.toReversed()]),
    glom: values.glom(),
    ...overRdds(pairs),
    ...inPlaces(pairs, named),
    repartition: values.repartition(3).glom(),
    union: values.union(twice),
    count: values.count(),
    reduce: values.reduce((a, b) => Math.max(a, b)),
    concatenation: pairs.map(([key]) => key).reduce((a, b) => a + b),
    countByValue: pairs.map(([key]) => key).countByValue(),
    reduceByKey: pairs.reduceByKey((a, b) => a + b),
    groupByKey: pairs.groupByKey(),
    groupByKeyInThree: pairs.groupByKey({ numPartitions: 3 }),
    // No way to bring two of them together: rows go to their key's worker as they are.
    combineByKey: pairs.combineByKey({ create: (value) => `${value}`, merge: (a, value) => `${a}+${value}` }),
    cogroup: pairs.cogroup(named),
    join: pairs.join(named),
    leftOuterJoin: pairs.leftOuterJoin(named),
    fullOuterJoin: pairs.fullOuterJoin(named),
    window: pairs.window(2 * SECOND),
    windowOfWindow: pairs.window(2 * SECOND).window(2 * SECOND, 2 * SECOND),
    reduceByKeyAndWindow: pairs.reduceByKeyAndWindow((a, b) => a + b, 3 * SECOND, 2 * SECOND),
    slidingWithInverse: sliding,
    slidingChanges: sliding.changes(),
    groupOfWindow: asPairs(pairs.window(3 * SECOND)).groupByKey(),
    countByWindow: values.countByWindow(2 * SECOND, SECOND),
    updateStateByKey: updated,
    changes: updated.changes(),
    removedKeys: updated.removedKeys(),
    updateWithInitialState: pairs.updateStateByKey<number>(
      (news, old = 0) => news.reduce((a, b) => a + b, old),
      { initialState: ascii() },
    ),
    // Keys change, and with them the worker that has them.
    updateStateByIterator: pairs.updateStateByIterator<number>(
      function* (entries) {
        for (const [key, news, old = 0] of entries) {
          if (key < 'h') yield [String.fromCharCode(key.charCodeAt(0) + 1), old + news.length]
        }
      },
      { initialState: ascii() },
    ),
    iteratorChanges: pairs
      .updateStateByIterator<number>((entries) =>
        [...entries].flatMap(([key, news, old = 0]) => (news.length > 0 ? [[key, old + 1] as const] : [])),
      )
      .changes(),
    // Objects that are handed back as they were are no change, on whatever way they came.
    iteratorObjects: pairs
      .updateStateByIterator<{ n: number }>(function* (entries) {
        for (const [key, news, old = { n: 0 }] of entries) {
          yield [key, news.length === 0 ? old : { n: old.n + news.length }]
        }
      })
      .changes(),
    mapWithState: mapped,
    stateSnapshots: mapped.stateSnapshots(),
    windowOverState: updated.window(2 * SECOND),
    groupByKeyAndWindow: pairs.groupByKeyAndWindow(3 * SECOND, SECOND),
    countByValueAndWindow: pairs.map(([key]) => key).countByValueAndWindow(2 * SECOND, SECOND),
    transformWith: pairs.transformWith(named, (a, b) => a.join(b)),
    cached: twice.cache().map((value) => value + 1),
    transform: pairs.transform((rdd, time) =>
      rdd.join(ssc.parallelize([...ascii()], 2)).map((row) => [...row, time.getTime() % 7]),
    ),
  }
  const keep = (name: string, { partitioner, partitions }: RDD<unknown>, time: Date, rows: unknown[]) => {
    let byTime = yielded.get(name)
    if (byTime === undefined) yielded.set(name, (byTime = new Map()))
    byTime.set(time.getTime(), rows)
    liesBy.set(name, `${partitioner?.constructor.name ?? 'nobody knows'} of ${partitions}`)
  }
  for (const [name, stream] of Object.entries(operations)) {
    stream.foreachRDD(async (rdd, time) => keep(name, rdd, time, await rdd.collect()), { name })
  }
  // What the function makes of the rows goes by what it is told that they lie by.
  const sorted = pairs.transformToPair((rdd) => rdd.sortByKey({ numPartitions: 3 }))
  sorted.foreachRDD(async (rdd, time) => {
    const summed = rdd.reduceByKey((a, b) => a + b)
    keep('summedByReader', rdd, time, await summed.glom().collect())
  })
}

/** From the end of the alphabet: every thread makes its own. */
class ByLetter implements Partitioner<string> {
  readonly numPartitions = 3

  getPartition(key: string): number {
    return 2 - (key.charCodeAt(0) % 3)
  }
}

/** Keys where a partitioner of the program's says. */
function inPlaces(
  pairs: PairDStream<string, number>,
  named: PairDStream<string, string>,
): Record<string, DStream<unknown>> {
  const partitioner = new ByLetter()
  const where = { partitioner }
  const sum = (a: number, b: number) => a + b
  const counted = pairs.updateStateByKey<number>((news, old = 0) => news.reduce(sum, old), where)
  const spec = StateSpec.function((key: string, value: number | undefined, state: State<number>) => {
    if (value !== undefined) state.update((state.getOption() ?? 0) + value)
    return `${key} ${state.get()}`
  })
  return {
    reduceInPlaces: pairs.reduceByKey(sum, where).glom(),
    combineInPlaces: pairs
      .combineByKey({ create: (value) => `${value}`, merge: (a, value) => `${a}+${value}` }, where)
      .glom(),
    // Both lie so already.
    joinInPlaces: pairs.reduceByKey(sum, where).fullOuterJoin(named.groupByKey(where), where).glom(),
    windowInPlaces: pairs.reduceByKeyAndWindow(sum, 3 * SECOND, SECOND, undefined, where).glom(),
    inverseInPlaces: pairs.reduceByKeyAndWindow(sum, 3 * SECOND, SECOND, (a, b) => a - b, where).glom(),
    stateInPlaces: counted.glom(),
    windowOfStateInPlaces: counted.window(2 * SECOND).glom(),
    iteratorInPlaces: pairs
      .updateStateByIterator<number>(
        function* (entries) {
          for (const [key, news, old = 0] of entries) {
            if (key < 'h') yield [String.fromCharCode(key.charCodeAt(0) + 1), old + news.length]
          }
        },
        { initialState: ascii(), ...where },
      )
      .glom(),
    mappedInPlaces: pairs
      .mapWithState(
        spec
          .partitioner(partitioner)
          .timeout(2 * SECOND)
          .initialState(ascii()),
      )
      .glom(),
    unionInPlaces: pairs.reduceByKey(sum, where).union(counted),
    unionInPlacesGlom: pairs.reduceByKey(sum, where).union(counted).glom(),
    windowOfPlaces: pairs
      .reduceByKey(sum, where)
      .window(3 * SECOND)
      .filter(([key]) => key !== 'a'),
    ranges: pairs.transform((rdd) => rdd.partitionBy(new RangePartitioner(3, rdd)).glom()),
    rangesOfSorted: pairs.transform((rdd) => rdd.sortByKey({ numPartitions: 3 }).join(rdd).glom()),
    keptPlaces: counted.mapPartitionsToPair((rows) => rows, { preservePartitioning: true }),
    byDefault: pairs.transform((rdd) => rdd.reduceByKey(sum, partitioner).join(rdd)),
    rddsInPlaces: pairs.transform((rdd) => rdd.partitionBy(partitioner).cogroup(rdd, partitioner).glom()),
  }
}

/** What RDDs have beyond streams. */
function overRdds(pairs: PairDStream<string, number>): Record<string, DStream<unknown>> {
  const other = () => pairs.map(([key, value]) => `${key}${value}`).countByValue({ numPartitions: 3 })
  return {
    partitionBy: pairs.transform((rdd) => rdd.partitionBy(3).glom()),
    sortBy: pairs.transform((rdd) => rdd.sortBy(([, value]) => -value)),
    zipWithIndex: pairs.transform((rdd) => rdd.reduceByKey((a, b) => a + b, 3).zipWithIndex()),
    coalesce: pairs.transform((rdd) =>
      rdd
        .reduceByKey((a, b) => a + b, 3)
        .coalesce(1)
        .glom(),
    ),
    cartesian: pairs.transform((rdd) => rdd.keys().cartesian(rdd.reduceByKey((a, b) => a + b, 3))),
    zip: other().transform((rdd) => rdd.zip(rdd.map(([key]) => key))),
    distinct: pairs.transform((rdd) => rdd.keys().distinct()),
    sample: pairs.transform((rdd) => rdd.sample(0.5, { seed: 7 })),
    unionOfShuffles: other()
      .union(pairs.map(([key]) => key).countByValue({ numPartitions: 2 }))
      .glom(),
  }
}

function* ascii(): Generator<readonly [string, number]> {
  for (const letter of 'abcdefgh') yield [letter, letter.charCodeAt(0)] as const
}

function asPairs<K, V>(stream: DStream<readonly [K, V]>): PairDStream<K, V> {
  return stream.transformToPair((rdd) => rdd as never)
}
