// The job at work: its grid, its queue, what it tells, and how it ends.

import { expect, test } from 'vitest'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import type { BatchInfo } from '../../../processor/scheduler/listener.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import { TwinSource, TwinTopic } from './twins.ts'

const SECOND = 1000
const START = 1_700_000_000_300

interface Gate {
  /** Batches that have come to the gate. */
  readonly waiting: number
  open(): Promise<void>
}

/** A context whose batches wait in their output until the test lets each one go. */
function gated(options: { maxPendingBatches?: number; batches?: number } = {}) {
  const clock = new ManualClock(START)
  const warnings: string[] = []
  const context = new StreamingContext({
    appName: 'gated',
    batchDuration: SECOND,
    clock,
    maxPendingBatches: options.maxPendingBatches ?? 100,
    executor: { monotonicMs: () => clock.now() },
    warn: (message) => warnings.push(message),
  })
  const infos = { submitted: [] as BatchInfo[], started: [] as BatchInfo[], completed: [] as BatchInfo[] }
  context.addStreamingListener({
    onBatchSubmitted: (batch) => void infos.submitted.push(batch),
    onBatchStarted: (batch) => void infos.started.push(batch),
    onBatchCompleted: (batch) => void infos.completed.push(batch),
  })
  const waiting: (() => void)[] = []
  const gate: Gate = {
    get waiting() {
      return waiting.length
    },
    async open() {
      waiting.shift()?.()
      await clock.advance(0)
    },
  }
  const rows = Array.from({ length: options.batches ?? 100 }, (_, i) => [i, i])
  const stream = context.queueStream(rows)
  stream.foreachRDD(
    async (rdd) => {
      await new Promise<void>((resolve) => waiting.push(resolve))
      await rdd.count()
    },
    { name: 'gate' },
  )
  return { clock, context, gate, infos, stream, warnings }
}

const secondsOf = (batches: BatchInfo[]) => batches.map(({ time }) => time.getTime() - START + 300)

test('batch times are multiples of the interval, however late the clock wakes the job', async () => {
  const { clock, context, gate, infos } = gated()
  await context.start()
  clock.tick(3.2 * SECOND)
  for (let i = 0; i < 4; i++) {
    await clock.advance(0)
    await gate.open()
  }
  expect(secondsOf(infos.completed)).toEqual([1000, 2000, 3000])
  expect(clock.nextDueMs).toBe(START + 3700)
  await context.stop()
})

test('batches wait in a bounded queue; beyond it they are planned late, at their own times', async () => {
  const { clock, context, gate, infos } = gated({ maxPendingBatches: 2 })
  await context.start()
  await clock.advance(6 * SECOND)
  expect(secondsOf(infos.submitted)).toEqual([1000, 2000, 3000])
  expect(secondsOf(infos.started)).toEqual([1000])
  for (let i = 0; i < 6; i++) await gate.open()
  expect(secondsOf(infos.completed)).toEqual([1000, 2000, 3000, 4000, 5000, 6000])
  await context.stop()
})

test('BatchInfo tells the delays', async () => {
  const { clock, context, gate, infos } = gated()
  await context.start()
  await clock.advance(2700)
  await gate.open()
  await gate.open()
  expect(infos.completed[1]).toEqual({
    time: new Date(START + 1700),
    batchId: 2,
    inputs: { 'queueStream-1': { description: 'queueStream', records: 2, ranges: [] } },
    records: 2,
    submissionTimeMs: START + 1700,
    processingStartTimeMs: START + 2700,
    processingEndTimeMs: START + 2700,
    schedulingDelayMs: 1000,
    processingTimeMs: 0,
    totalDelayMs: 1000,
    outputOperations: [
      {
        batchTime: new Date(START + 1700),
        id: 0,
        name: 'gate',
        startTimeMs: START + 2700,
        endTimeMs: START + 2700,
        failureReason: undefined,
      },
    ],
    poisonRecords: [],
  })
  expect(infos.submitted[0]).toMatchObject({ processingStartTimeMs: undefined, totalDelayMs: undefined })
  await gate.open()
  await context.stop()
})

test('a listener that throws is reported, and disturbs nothing', async () => {
  const { clock, context, gate, infos, warnings } = gated()
  const remove = context.addStreamingListener({
    onBatchStarted: () => {
      throw new Error('my mistake')
    },
  })
  await context.start()
  await clock.advance(SECOND)
  await gate.open()
  expect(infos.completed.length).toBe(1)
  expect(warnings).toEqual(['a streaming listener failed: my mistake'])
  remove()
  await clock.advance(SECOND)
  expect(warnings.length).toBe(1)
  await gate.open()
  await context.stop()
})

test('a graceful stop plans nothing more and runs what is planned', async () => {
  const { clock, context, gate, infos } = gated()
  await context.start()
  await clock.advance(3 * SECOND)
  const stopped = context.stop({ graceful: true })
  await clock.advance(5 * SECOND)
  expect(context.getState()).toBe('ACTIVE')
  for (let i = 0; i < 3; i++) await gate.open()
  await stopped
  expect(secondsOf(infos.completed)).toEqual([1000, 2000, 3000])
  expect(context.getState()).toBe('STOPPED')
  expect(clock.timersSet).toBe(0)
  await context.stop()
  await context.awaitTermination()
})

test('a stop gives up the running batch, and is no error', async () => {
  const { clock, context, gate, infos } = gated()
  await context.start()
  await clock.advance(3 * SECOND)
  const stopped = context.stop()
  await gate.open()
  await stopped
  expect(infos.completed).toEqual([])
  await expect(context.awaitTermination()).resolves.toBeUndefined()
})

test('a context can be stopped before it starts, and not started afterwards', async () => {
  const { context } = gated()
  expect(context.getState()).toBe('INITIALIZED')
  await context.stop()
  expect(context.getState()).toBe('STOPPED')
  await expect(context.start()).rejects.toThrow('it can be started only once')
})

test('await using stops gracefully', async () => {
  const { clock, context, gate, infos } = gated()
  const opening = (async () => {
    await using job = context
    await job.start()
    await clock.advance(SECOND)
  })()
  while (gate.waiting === 0) await clock.advance(0)
  await gate.open()
  await opening
  expect(infos.completed.length).toBe(1)
  expect(context.getState()).toBe('STOPPED')
})

test('waiting for the end can give up', async () => {
  const { clock, context } = gated()
  await context.start()
  const waiting = context.awaitTerminationOrTimeout('500ms')
  await clock.advance(500)
  expect(await waiting).toBe(false)
  const again = context.awaitTerminationOrTimeout('500ms')
  await context.stop()
  expect(await again).toBe(true)
  expect(clock.timersSet).toBe(0)
})

test('an error in an input is told with its batch, and ends the job', async () => {
  const clock = new ManualClock(START)
  const context = new StreamingContext({ appName: 'broken', batchDuration: SECOND, clock })
  context
    .queueStream(
      (function* () {
        yield [1]
        throw new Error('no more rows')
      })(),
    )
    .print()
  await context.start()
  await clock.advance(3 * SECOND)
  await expect(context.awaitTermination()).rejects.toThrow(/^batch \d of .*: no more rows$/)
  expect(context.getState()).toBe('STOPPED')
})

test('remember keeps batches longer', async () => {
  const { clock, context, gate, stream } = gated()
  const { graph } = context as unknown as { graph: { held: number } }
  stream.map((n) => n).foreachRDD(() => {})
  context.remember('10s')
  await context.start()
  for (let i = 0; i < 30; i++) {
    await clock.advance(SECOND)
    await gate.open()
  }
  // Two streams, ten batches each.
  expect(graph.held).toBe(20)
  expect(() => context.remember('20s')).toThrow('the graph is frozen')
  await context.stop()
})

function asap(topic: TwinTopic, rowsPerPartition?: number) {
  const clock = new ManualClock(START)
  const context = new StreamingContext({
    appName: 'asap',
    trigger: 'asap',
    clock,
    executor: { monotonicMs: () => clock.now() },
  })
  const source = new TwinSource(topic, rowsPerPartition)
  const lines = context.createDirectStream(source)
  const batches: string[][] = []
  const times: number[] = []
  lines.foreachRDD(async (rdd, time) => {
    batches.push(await rdd.collect())
    times.push(time.getTime())
  })
  return { clock, context, lines, batches, times, source }
}

test('as soon as data: a batch when rows come, none without', async () => {
  const topic = new TwinTopic([['a'], []])
  const { clock, context, batches, times, source } = asap(topic)
  await context.start()
  await clock.advance(0)
  expect(batches).toEqual([['a']])
  await clock.advance(10 * SECOND)
  expect(batches.length).toBe(1)
  topic.append(1, 'b', 'c')
  topic.append(0, 'd')
  await clock.advance(0)
  // This topic calls back within its append, so the first one is planned before the second happens.
  expect(batches).toEqual([['a'], ['b', 'c'], ['d']])
  expect(times.toSorted((a, b) => a - b)).toEqual(times)
  expect(new Set(times).size).toBe(times.length)
  expect(clock.timersSet).toBe(0)
  await context.stop()
  expect(source.pinned.size).toBe(0)
  expect(topic.callbacks.size).toBe(0)
})

test('as soon as data: rows that came while a batch ran make one next batch', async () => {
  const topic = new TwinTopic([['a']])
  const { clock, context, lines, batches } = asap(topic)
  let release = () => {}
  lines.foreachRDD(() => new Promise<void>((resolve) => (release = resolve)))
  await context.start()
  await clock.advance(0)
  for (const row of ['b', 'c', 'd']) topic.append(0, row)
  await clock.advance(0)
  expect(batches).toEqual([['a']])
  release()
  await clock.advance(0)
  expect(batches).toEqual([['a'], ['b', 'c', 'd']])
  release()
  await context.stop()
})

test('as soon as data: a backlog beyond the limit is worked off batch after batch', async () => {
  const { clock, context, batches } = asap(new TwinTopic([['a', 'b', 'c', 'd', 'e']]), 2)
  await context.start()
  await clock.advance(0)
  expect(batches).toEqual([['a', 'b'], ['c', 'd'], ['e']])
  await context.stop()
})

test('as soon as data: windows are refused, by name', async () => {
  const { context, lines } = asap(new TwinTopic([[]]))
  lines.window('5s', '5s', { name: 'last five' }).print()
  await expect(context.start()).rejects.toThrow('last five: a window needs a batchDuration')
})

test('a direct stream shows its offset ranges, one row partition each', async () => {
  const { clock, context, lines } = asap(new TwinTopic([['a', 'b'], [], ['c']]))
  const seen: unknown[] = []
  lines
    .transform((rdd) => {
      seen.push(
        rdd.partitions,
        rdd.offsetRanges.map(({ partition, from, until }) => [partition, from, until]),
      )
      return rdd
    })
    .foreachRDD(async (rdd) => void seen.push(await rdd.glom().collect()))
  await context.start()
  await clock.advance(0)
  expect(seen).toEqual([
    3,
    [
      [0, 0n, 2n],
      [1, 0n, 0n],
      [2, 0n, 1n],
    ],
    [['a', 'b'], [], ['c']],
  ])
  await context.stop()
})

test('a function that two operators read runs once per row', async () => {
  const { clock, context, lines } = asap(new TwinTopic([['a', 'b']]))
  const calls: string[] = []
  const noted = lines.map((line) => {
    calls.push(line)
    return line
  })
  noted.count().foreachRDD(async (rdd) => void (await rdd.collect()))
  noted.map((line) => line).foreachRDD(async (rdd) => void (await rdd.collect()))
  await context.start()
  await clock.advance(0)
  expect(calls).toEqual(['a', 'b'])
  await context.stop()
})

test.each([
  [{ appName: 'x' }, "either a batchDuration or trigger: 'asap'"],
  [{ appName: 'x', batchDuration: 0 }, 'batchDuration: a duration is'],
  [{ appName: 'x', batchDuration: 1, parallelism: 0 }, 'parallelism must be a whole number above 0'],
  [{ appName: 'x', batchDuration: 1, maxPendingBatches: 1.5 }, 'maxPendingBatches must be'],
])('options that make no sense are refused: %j', (options, message) => {
  expect(() => new StreamingContext(options as { appName: string; batchDuration: number })).toThrow(message)
})
