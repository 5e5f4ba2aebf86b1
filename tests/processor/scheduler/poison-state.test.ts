// Keyed state in a batch that runs again without a poison record: it is as if the first run had never been.

import { expect, test } from 'vitest'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { MemoryProtocol } from '../../../processor/executor/memory-protocol.ts'
import { textValues } from '../../../processor/source/row-kind.ts'
import { TopicSource } from '../../../processor/source/topic-source.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import type { DStream } from '../../../processor/streams/dstream.ts'
import type { PairDStream } from '../../../processor/streams/pair-dstream.ts'
import { ModelLog } from '../model-log.ts'

const SECOND = 1000

/** What a job that skips poison writes to `out`, batch by batch. */
async function run(
  onPoison: 'skip' | 'fatal',
  batches: string[][],
  build: (pairs: PairDStream<string, number>) => DStream<readonly [string, unknown]>,
): Promise<string[][]> {
  const log = new ModelLog()
  log.createTopic('in', 1)
  const clock = new ManualClock(0)
  const commit = new MemoryProtocol()
  const context = new StreamingContext({
    appName: 'poisoned',
    batchDuration: SECOND,
    clock,
    executor: { monotonicMs: () => clock.now() },
    warn: () => {},
    commit,
    onPoison,
    parallelism: 2,
  })
  const startingOffsets = 'earliest'
  const source = new TopicSource({ views: log, topics: 'in', rows: textValues, startingOffsets, clock })
  const words = context.createDirectStream(source)
  build(words.mapToPair((word) => [word, 1])).toTopic('out', ([key, value]) => ({
    key,
    value: `${key} ${JSON.stringify(value)}`,
  }))
  // It comes second: by then the state has moved on.
  words
    .map((word) => {
      if (word === 'bad') throw new Error('bad')
      return word
    })
    .toTopic('words', (value) => ({ value }))
  await context.start()
  const out: string[][] = []
  for (const lines of batches) {
    const before = commit.records('out').length
    log.produce('in', 0, lines)
    await clock.advance(SECOND)
    const written = commit.records('out').slice(before)
    out.push(written.map(({ value }) => String(value)).sort())
  }
  await context.stop({ graceful: true })
  await context.awaitTermination()
  return out
}

interface Total {
  n: number
}

const adding = (values: readonly number[], total: Total = { n: 0 }) => {
  total.n += values.length
  return total
}

test('an initial state that can be walked once only is there in the second run too', async () => {
  function* once(): Generator<[string, Total]> {
    yield ['a', { n: 10 }]
    yield ['b', { n: 20 }]
  }
  const out = await run('skip', [['a', 'bad'], ['b']], (pairs) =>
    pairs.updateStateByKey(adding, { initialState: once() }).changes(),
  )
  expect(out).toEqual([['a {"n":11}', 'b {"n":20}'], ['b {"n":21}']])
})

test.each(['updateStateByKey', 'updateStateByIterator', 'mapWithState'])(
  'a value of the initial state that %s changes in place is begun with anew in the second run',
  async (operator) => {
    const initialState: [string, Total][] = [['a', { n: 10 }]]
    const out = await run('skip', [['a', 'bad']], (pairs) => {
      if (operator === 'updateStateByKey') return pairs.updateStateByKey(adding, { initialState }).changes()
      if (operator === 'mapWithState') {
        return pairs.mapWithState<Total, [string, Total]>(
          (key, value, state) => {
            const total = adding([value ?? 0], state.getOption())
            state.update(total)
            return [key, total]
          },
          { initialState },
        )
      }
      return pairs
        .updateStateByIterator<Total>(
          function* (entries) {
            for (const [key, values, total] of entries) yield [key, adding(values, total)]
          },
          { initialState },
        )
        .changes()
    })
    expect(out).toEqual([['a {"n":11}']])
  },
)

test('a codec whose decode gives undefined ends the job, and does not make a key without state of it', async () => {
  const codec = { encode: () => Buffer.alloc(0), decode: () => undefined as unknown as Total }
  await expect(
    run('skip', [['a'], ['a']], (pairs) => pairs.updateStateByKey(adding, { name: 'n', codec }).changes()),
  ).rejects.toThrow(/n: its codec: decode gave undefined, which is no state/)
})

test.each(['fatal', 'skip'] as const)(
  'what an iterator function hands back as it was is no change, also where batches may run again (%s)',
  async (onPoison) => {
    const out = await run(onPoison, [['a', 'b'], ['b']], (pairs) =>
      pairs
        .updateStateByIterator<Total>(function* (entries) {
          for (const [key, values, total] of entries) yield [key, adding(values, total)]
        })
        .changes(),
    )
    expect(out).toEqual([['a {"n":1}', 'b {"n":1}'], ['b {"n":2}']])
  },
)
