// Types follow the chain: what a program gets wrong does not compile.

import { expectTypeOf, test } from 'vitest'
import { HashPartitioner, type Partitioner } from '../../../processor/graph/partitioner.ts'
import type { PairRDD } from '../../../processor/rdd/pair-rdd.ts'
import type { RDD } from '../../../processor/rdd/rdd.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import type { DStream } from '../../../processor/streams/dstream.ts'
import type { MapWithStateDStream } from '../../../processor/streams/map-with-state-dstream.ts'
import type { PairDStream } from '../../../processor/streams/pair-dstream.ts'
import type { StateDStream } from '../../../processor/streams/state-dstream.ts'
import { type State, StateSpec } from '../../../processor/streams/state-spec.ts'
import { newWorld } from './tables.ts'

test('row types are inferred through the operators', () => {
  const { context } = newWorld()
  const lines = context.queueStream([['a b']])
  expectTypeOf(lines).toEqualTypeOf<DStream<string>>()
  const words = lines.flatMap((line) => line.split(' '))
  const pairs = words.mapToPair((word) => [word, 1])
  expectTypeOf(pairs).toEqualTypeOf<PairDStream<string, number>>()
  const counts = pairs.reduceByKey((a, b) => a + b)
  expectTypeOf(counts.mapValues((n) => BigInt(n))).toEqualTypeOf<PairDStream<string, bigint>>()
  expectTypeOf(counts.window('2s')).toEqualTypeOf<PairDStream<string, number>>()
  expectTypeOf(counts.filter(([, n]) => n > 1)).toEqualTypeOf<PairDStream<string, number>>()
  expectTypeOf(counts.join(pairs.groupByKey())).toEqualTypeOf<PairDStream<string, [number, number[]]>>()
  expectTypeOf(counts.leftOuterJoin(counts)).toEqualTypeOf<
    PairDStream<string, [number, number | undefined]>
  >()
  expectTypeOf(words.countByValue()).toEqualTypeOf<PairDStream<string, number>>()
})

test('windows, transformations and unions keep the types of rows', () => {
  const { context } = newWorld()
  const words = context.queueStream([['a']])
  const pairs = words.mapToPair((word) => [word, 1])
  expectTypeOf(words.repartition(2)).toEqualTypeOf<DStream<string>>()
  expectTypeOf(pairs.repartition(2)).toEqualTypeOf<PairDStream<string, number>>()
  expectTypeOf(pairs.cache()).toEqualTypeOf<PairDStream<string, number>>()
  expectTypeOf(words.countByValueAndWindow('2s')).toEqualTypeOf<StateDStream<string, number>>()
  expectTypeOf(pairs.groupByKeyAndWindow('2s')).toEqualTypeOf<PairDStream<string, number[]>>()
  expectTypeOf(context.union([pairs, pairs])).toEqualTypeOf<PairDStream<string, number>>()
  expectTypeOf(context.union([words, words])).toEqualTypeOf<DStream<string>>()
  const joined = words.transformWithToPair(pairs, (plain, keyed) => {
    expectTypeOf(plain).toEqualTypeOf<RDD<string>>()
    return keyed.join(plain.keyBy((w) => w)).mapValues(([n, w]) => ({ n, w }))
  })
  expectTypeOf(joined).toEqualTypeOf<PairDStream<string, { n: number; w: string }>>()
})

test('state has the type that its function returns, without undefined', () => {
  const { context } = newWorld()
  const totals = context
    .queueStream([['a']])
    .mapToPair((word) => [word, 1])
    .updateStateByKey((values, state: { n: number } | undefined) =>
      values.length === 0 ? undefined : { n: (state?.n ?? 0) + values.length },
    )
  expectTypeOf(totals).toEqualTypeOf<StateDStream<string, { n: number }>>()
  expectTypeOf(totals.changes()).toEqualTypeOf<PairDStream<string, { n: number }>>()
  expectTypeOf(totals.removedKeys()).toEqualTypeOf<DStream<string>>()
})

test('mapWithState has the rows of its function, and snapshots of its state', () => {
  const { context } = newWorld()
  const pairs = context.queueStream([['a']]).mapToPair((word) => [word, 1])
  const mapped = pairs.mapWithState((word, one, state: State<Date>, time) => {
    expectTypeOf(word).toEqualTypeOf<string>()
    expectTypeOf(one).toEqualTypeOf<number | undefined>()
    expectTypeOf(state.getOption()).toEqualTypeOf<Date | undefined>()
    return time > new Date(0) ? { word } : undefined
  })
  expectTypeOf(mapped).toEqualTypeOf<MapWithStateDStream<string, Date, { word: string }>>()
  expectTypeOf(mapped.map((row) => row.word)).toEqualTypeOf<DStream<string>>()
  expectTypeOf(mapped.stateSnapshots()).toEqualTypeOf<PairDStream<string, Date>>()
  const spec = StateSpec.function((word: string, one: number | undefined, state: State<bigint>) => {
    state.update(BigInt(one ?? 0))
    return word.length
  })
  const bySpec = pairs.mapWithState(
    spec
      .timeout('5s')
      .numPartitions(2)
      .initialState([['a', 1n]]),
  )
  expectTypeOf(bySpec).toEqualTypeOf<MapWithStateDStream<string, bigint, number>>()
  // @ts-expect-error the state is a bigint
  void (() => spec.initialState([['a', 1]]))
  const byLength = pairs.map(([, n]) => n).mapToPair((n) => [n, n])
  // @ts-expect-error keys are strings
  void (() => byLength.mapWithState(spec))
  const renamed = pairs.updateStateByIterator<Set<number>>((entries) =>
    [...entries].map(
      ([key, values, state = new Set<number>()]) => [key, new Set([...values, ...state])] as const,
    ),
  )
  expectTypeOf(renamed).toEqualTypeOf<StateDStream<string, Set<number>>>()
})

test("a partitioner is one of the stream's keys", () => {
  const { context } = newWorld()
  const pairs = context.queueStream([['a']]).mapToPair((word) => [word, 1])
  const byLength: Partitioner<string> = { numPartitions: 2, getPartition: (key) => key.length % 2 }
  const bySize: Partitioner<number> = { numPartitions: 2, getPartition: (key) => key % 2 }
  const sum = (a: number, b: number) => a + b
  expectTypeOf(pairs.reduceByKey(sum, { partitioner: byLength })).toEqualTypeOf<PairDStream<string, number>>()
  pairs.groupByKey({ partitioner: { numPartitions: 1, getPartition: (key) => key.length - 1 } })
  pairs.updateStateByKey((_, n: number = 0) => n, { partitioner: new HashPartitioner(2) })
  // @ts-expect-error keys are strings
  void (() => pairs.reduceByKey(sum, { partitioner: bySize }))
  // @ts-expect-error keys are strings
  void (() => pairs.join(pairs, { partitioner: bySize }))
  // @ts-expect-error counted rows are numbers
  void (() => pairs.map(([, n]) => n).countByValue({ partitioner: byLength }))
  void (() =>
    pairs.foreachRDD((rdd) => {
      expectTypeOf(rdd.cogroup([rdd.mapValues(String), rdd], byLength)).toEqualTypeOf<
        PairRDD<string, [number[], string[], number[]]>
      >()
      // @ts-expect-error keys are strings
      void rdd.partitionBy(bySize)
    }))
})

test('foreachRDD of pairs gets a PairRDD, of other rows an RDD', () => {
  const { context } = newWorld()
  const words = context.queueStream([['a']])
  words.foreachRDD((rdd) => void expectTypeOf(rdd).toEqualTypeOf<RDD<string>>())
  words
    .mapToPair((word) => [word, 1])
    .foreachRDD((rdd) => void expectTypeOf(rdd).toExtend<PairRDD<string, number>>())
})

test('mistakes do not compile', () => {
  const { context } = newWorld()
  const words = context.queueStream([['a']])
  // @ts-expect-error a stream of strings has no keys
  void (() => words.reduceByKey((a: string) => a))
  // @ts-expect-error numbers are not strings
  void (() => words.map((word) => word.length).filter((n) => n.startsWith('a')))
  // @ts-expect-error the unit is missing
  void (() => words.window('5'))
  // @ts-expect-error a record needs a value
  void (() => words.toTopic('t', (word) => ({ key: word })))
  // @ts-expect-error an interval or as-soon-as-data, not both
  void (() => new StreamingContext({ appName: 'x', batchDuration: 1, trigger: 'asap' }))
})

test('the context types several streams together, and static rows', () => {
  const { context } = newWorld()
  const words = context.queueStream([['a']])
  const pairs = words.mapToPair((word) => [word, 1])
  const both = context.transform([words, pairs], ([plain, keyed]) => {
    expectTypeOf(plain).toEqualTypeOf<RDD<string>>()
    return keyed
      .join(context.parallelize([['a', true] as const]))
      .union(plain.keyBy((w) => w).mapValues(() => [1, true]))
  })
  expectTypeOf(both).toEqualTypeOf<DStream<readonly [string, [number, true]]>>()
  expectTypeOf(context.parallelize([1])).toEqualTypeOf<RDD<number>>()
})
