// A job that crashes, at every step there is, and is started again: what it wrote is what it writes
// without a crash. Counts, windows of both kinds and their past are all recovered.

import { expect, test } from 'vitest'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import type { StreamingContextOptions } from '../../../processor/streaming-context-options.ts'
import { Random } from '../../world/random.ts'
import { Crash, TwinDisk, TwinProtocol, TwinSource, TwinTopic } from './twins.ts'

const SECOND = 1000
const BATCHES = 8

function newTopic(): TwinTopic {
  const random = new Random(7)
  const line = () => Array.from({ length: 3 }, () => random.pick(['a', 'b', 'c', 'd', 'e'])).join(' ')
  return new TwinTopic([Array.from({ length: BATCHES }, line), Array.from({ length: BATCHES - 3 }, line)])
}

type Overrides = Partial<Pick<StreamingContextOptions, 'downtimeBatches' | 'parallelism'>> & {
  batchDuration?: number
}

function newJob(disk: TwinDisk, topic: TwinTopic, clock: ManualClock, overrides: Overrides = {}) {
  const context = new StreamingContext({
    appName: 'restart',
    batchDuration: SECOND,
    clock,
    commit: new TwinProtocol(disk),
    executor: { monotonicMs: () => clock.now() },
    ...overrides,
  })
  // One row per partition and batch, so that a late plan takes the same rows as an early one.
  const source = new TwinSource(topic, 1, () => disk.step('read'))
  const sum = (a: number, b: number) => a + b
  const ones = context
    .createDirectStream(source, { name: 'lines' })
    .flatMap((line) => line.split(' '))
    .mapToPair((word) => [word, 1])
  const record = (kind: string) => (row: readonly [string, number]) => ({
    key: `${kind}.${row[0]}`,
    value: `${row[1]}`,
  })
  ones
    .updateStateByKey((values, state: number = 0) => state + values.length, { name: 'totals' })
    .changes()
    .toTopic('out', record('total'))
  ones.reduceByKeyAndWindow(sum, '3s', '2s').toTopic('out', record('naive'))
  ones
    .reduceByKeyAndWindow(sum, '3s', '2s', (a, b) => a - b, { name: 'moving', filter: (_, n) => n > 0 })
    .toTopic('out', record('naive again'))
  return { context, source }
}

/** Runs until all input is in committed batches, starting the job again as often as it crashes. */
async function runAll(disk: TwinDisk, topic: TwinTopic): Promise<{ starts: number }> {
  const clock = new ManualClock(1_700_000_000_500)
  let starts = 0
  while ((disk.committed?.batchId ?? 0) < BATCHES && starts < 5) {
    starts++
    const { context } = newJob(disk, topic, clock)
    try {
      await context.start()
      for (let i = 0; i < BATCHES && context.getState() === 'ACTIVE'; i++) {
        await clock.advance(SECOND)
        if (disk.committed?.batchId === BATCHES) break
      }
      await context.stop({ graceful: true })
      await context.awaitTermination()
    } catch (error) {
      if (!isCrash(error)) throw error
    }
    expect(clock.timersSet).toBe(0)
  }
  return { starts }
}

function isCrash(error: unknown): boolean {
  return error instanceof Crash || (error instanceof Error && isCrash(error.cause))
}

/** What the batches with input wrote and left; a restart may have made some more, without input. */
function outcomeOf(disk: TwinDisk) {
  const records = disk.records.filter((record) => Number.parseInt(record) <= BATCHES)
  return { records, totals: disk.state.get('totals') }
}

const uncrashed = new TwinDisk()
let allSteps = 0
uncrashed.step = () => void allSteps++
await runAll(uncrashed, newTopic())
const expected = outcomeOf(uncrashed)

function windowsOf(disk: TwinDisk, kind: string): string[] {
  return disk.records.filter((r) => r.includes(` ${kind}.`)).map((r) => r.replace(kind, 'window'))
}

test('without a crash, both windows agree and all words are counted', () => {
  expect(windowsOf(uncrashed, 'naive again')).toEqual(windowsOf(uncrashed, 'naive'))
  expect(windowsOf(uncrashed, 'naive').length).toBeGreaterThan(8)
  const words = newTopic()
    .partitions.flat()
    .flatMap((line) => line.split(' ')).length
  const totals = [...(expected.totals?.values() ?? [])] as number[]
  expect(totals.reduce((a, b) => a + b)).toBe(words)
})

test('crashed at every step in turn, records and state are the same', async () => {
  for (let crashAt = 1; crashAt <= allSteps; crashAt++) {
    const disk = new TwinDisk()
    let steps = 0
    let where = ''
    disk.step = (name) => {
      where = steps < crashAt ? name : where
      if (++steps === crashAt) throw new Crash(name)
    }
    const { starts } = await runAll(disk, newTopic())
    expect(starts).toBeLessThanOrEqual(2)
    expect(outcomeOf(disk), `crash at step ${crashAt}, ${where}`).toEqual(expected)
  }
  expect(allSteps).toBeGreaterThan(100)
})

test('the comparison bites: a rerun that reads other rows is found out', async () => {
  const disk = new TwinDisk()
  let commits = 0
  disk.step = (name) => {
    if (name !== 'commit' || ++commits !== 3) return
    disk.plans = disk.plans.map((plan) =>
      plan.batchId === 3
        ? { ...plan, inputs: { lines: (plan.inputs['lines'] ?? []).map((r) => ({ ...r, until: r.from })) } }
        : plan,
    )
    throw new Crash(name)
  }
  await runAll(disk, newTopic())
  expect(outcomeOf(disk)).not.toEqual(expected)
})

async function runOneSecondJob(
  disk: TwinDisk,
  topic: TwinTopic,
  clock: ManualClock,
  overrides: Overrides = {},
) {
  const { context, source } = newJob(disk, topic, clock, overrides)
  const times: number[] = []
  context.addStreamingListener({ onBatchCompleted: ({ time }) => void times.push(time.getTime()) })
  await context.start()
  await clock.advance(2 * SECOND)
  await context.stop({ graceful: true })
  return { times, source }
}

test('batches of the downtime are made up for, each at its own time', async () => {
  const disk = new TwinDisk()
  const clock = new ManualClock(10_500)
  expect((await runOneSecondJob(disk, newTopic(), clock)).times).toEqual([11_000, 12_000])
  clock.tick(3 * SECOND)
  expect((await runOneSecondJob(disk, newTopic(), clock)).times).toEqual([
    13_000, 14_000, 15_000, 16_000, 17_000,
  ])
})

test('or skipped, where the job says so', async () => {
  const disk = new TwinDisk()
  const clock = new ManualClock(10_500)
  await runOneSecondJob(disk, newTopic(), clock)
  clock.tick(3 * SECOND)
  const { times } = await runOneSecondJob(disk, newTopic(), clock, { downtimeBatches: 'skip' })
  expect(times).toEqual([16_000, 17_000])
})

test.each([1, 2, 3, 4, 5, 6, 7])('windows are right after %i skipped batches', async (skipped) => {
  const disk = new TwinDisk()
  const clock = new ManualClock(10_500)
  const topic = newTopic()
  await runOneSecondJob(disk, topic, clock)
  clock.tick(SECOND)
  await runOneSecondJob(disk, topic, clock)
  clock.tick(skipped * SECOND)
  for (let i = 0; i < 3; i++) await runOneSecondJob(disk, topic, clock, { downtimeBatches: 'skip' })
  expect(windowsOf(disk, 'naive again')).toEqual(windowsOf(disk, 'naive'))
  expect(windowsOf(disk, 'naive').length).toBeGreaterThan(10)
})

test('a window with an inverse that is new in the program begins with the whole window', async () => {
  const disk = new TwinDisk()
  const clock = new ManualClock(10_500)
  const topic = newTopic()
  await runOneSecondJob(disk, topic, clock)
  await runOneSecondJob(disk, topic, clock)
  disk.state.delete('moving')
  disk.records = []
  for (let i = 0; i < 2; i++) await runOneSecondJob(disk, topic, clock)
  expect(windowsOf(disk, 'naive again')).toEqual(windowsOf(disk, 'naive'))
  expect(windowsOf(disk, 'naive').length).toBeGreaterThan(5)
})

test('another batchDuration is refused where windows hang on the old one', async () => {
  const disk = new TwinDisk()
  const clock = new ManualClock(10_500)
  await runOneSecondJob(disk, newTopic(), clock)
  const { context } = newJob(disk, newTopic(), clock, { batchDuration: 500 })
  await expect(context.start()).rejects.toThrow(
    'the checkpoint was written with a batchDuration of 1000 ms, the job now has a batchDuration of 500 ms',
  )
  expect(context.getState()).toBe('STOPPED')
})

test('without windows another batchDuration begins a new grid, and pending batches of the old one still run', async () => {
  const disk = new TwinDisk()
  const topic = newTopic()
  const clock = new ManualClock(10_500)
  const out: string[] = []
  const newCounter = (batchDuration: number) => {
    const commit = new TwinProtocol(disk)
    const context = new StreamingContext({ appName: 'x', batchDuration, clock, commit })
    context
      .createDirectStream(new TwinSource(topic, 1))
      .count()
      .foreachRDD(
        async (rdd, time, batchId) => void out.push(`${batchId} ${time.getTime()} ${await rdd.first()}`),
      )
    return context
  }
  const first = newCounter(1000)
  disk.step = (name) => {
    if (name === 'commit' && disk.committed !== undefined) throw new Crash(name)
  }
  await first.start()
  await clock.advance(2 * SECOND)
  await expect(first.awaitTermination()).rejects.toThrow('commit')
  disk.step = () => {}
  const second = newCounter(700)
  await second.start()
  await clock.advance(SECOND)
  await second.stop({ graceful: true })
  expect(out).toEqual(['1 11000 2', '2 12000 2', '2 12000 2', '3 12600 2', '4 13300 2'])
})

test('a stateful operator without a name is warned about', async () => {
  const clock = new ManualClock()
  const warnings: string[] = []
  const commit = new TwinProtocol(new TwinDisk())
  const warn = (message: string) => void warnings.push(message)
  const context = new StreamingContext({ appName: 'x', trigger: 'asap', clock, commit, warn })
  const lines = context.createDirectStream(new TwinSource(newTopic()))
  const pairs = lines.mapToPair((line) => [line, 1])
  const count = (values: readonly number[], state = 0) => state + values.length
  pairs.updateStateByKey(count).print()
  pairs.updateStateByKey(count, { name: 'totals' }).print()
  expect(lines.name).toBe('lines')
  await context.start()
  await context.stop()
  expect(warnings).toEqual([
    'updateStateByKey-1: its state is kept under a name that depends on its place in the program; give it a name of its own',
  ])
})

test('a stop while the job starts waits for it, and ends it', async () => {
  const clock = new ManualClock(10_500)
  const { context } = newJob(new TwinDisk(), newTopic(), clock)
  const starting = context.start()
  await context.stop()
  await starting
  expect(context.getState()).toBe('STOPPED')
  expect(clock.timersSet).toBe(0)
})

test('state is found again with another number of partitions', async () => {
  const disk = new TwinDisk()
  const clock = new ManualClock(1_700_000_000_500)
  const topic = newTopic()
  for (const parallelism of [1, 3, 2, 5]) await runOneSecondJob(disk, topic, clock, { parallelism })
  expect(disk.state.get('totals')).toEqual(expected.totals)
})

test('what no window reaches is unpinned, and its plan forgotten', async () => {
  const disk = new TwinDisk()
  const clock = new ManualClock(10_500)
  const { context, source } = newJob(disk, newTopic(), clock)
  await context.start()
  await clock.advance(20 * SECOND)
  // Windows of 3 s, slides of 2 s, one slide more for the inverse: fewer than ten batches of two partitions.
  expect(disk.plans.length).toBeLessThan(10)
  expect(source.pinned.size).toBeLessThan(20)
  await context.stop({ graceful: true })
  expect(source.pinned.size).toBe(0)
})

test('a job that recovers refuses what it could not recover', async () => {
  const clock = new ManualClock()
  const make = () =>
    new StreamingContext({
      appName: 'x',
      batchDuration: SECOND,
      clock,
      commit: new TwinProtocol(new TwinDisk()),
    })
  const queued = make()
  queued.queueStream([[1]], { name: 'rows' }).print()
  await expect(queued.start()).rejects.toThrow('rows: queueStream cannot be recovered')
})
