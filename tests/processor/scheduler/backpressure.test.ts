// Backpressure: the estimator by the numbers, over simulated jobs of every speed, and in a job over topics.

import { expect, test } from 'vitest'
import type { Timer } from '../../../broker/time/clock.ts'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { Backpressure } from '../../../processor/scheduler/backpressure.ts'
import type { BatchInfo } from '../../../processor/scheduler/listener.ts'
import { PidRateEstimator, type PidOptions } from '../../../processor/scheduler/pid-rate-estimator.ts'
import { Receiver } from '../../../processor/source/receiver.ts'
import { textValues } from '../../../processor/source/row-kind.ts'
import { TopicSource } from '../../../processor/source/topic-source.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import { Random, seeds } from '../../world/random.ts'
import { ModelLog } from '../model-log.ts'

const SECOND = 1000
const defaults: PidOptions = { intervalMs: SECOND, proportional: 1, integral: 0.2, derived: 0, minRate: 100 }

type Row = [endMs: number, records: number, processingMs: number, delayMs: number, rate: number | undefined]

function rates(options: Partial<PidOptions>, rows: Row[]): (number | undefined)[] {
  const estimator = new PidRateEstimator({ ...defaults, ...options })
  return rows.map(([processingEndMs, records, processingTimeMs, schedulingDelayMs]) =>
    estimator.next({ processingEndMs, records, processingTimeMs, schedulingDelayMs }),
  )
}

const ratesOf = (rows: Row[]) => rows.map(([, , , , rate]) => rate)

test('the first batch that says something is only measured; from the second on there is a rate', () => {
  const rows: Row[] = [
    [1000, 0, 10, 0, undefined],
    [2000, 500, 0, 0, undefined],
    [3000, 500, 250, 0, undefined],
    // 500 rows in 500 ms: 1000/s. With P = 1 the rate becomes what was measured.
    [4000, 500, 500, 0, 1000],
    // A delay of 2 s at 1000/s is 2000 rows that piled up: 0.2 of them are taken off.
    [5000, 500, 500, 2000, 600],
    // Not later than the last one: says nothing.
    [5000, 500, 50, 0, undefined],
  ]
  expect(rates({}, rows)).toEqual(ratesOf(rows))
})

test('never below the least rate', () => {
  const rows: Row[] = [
    [1000, 10, 1000, 0, undefined],
    [2000, 10, 1000, 0, 100],
    [3000, 10, 1000, 60_000, 100],
  ]
  expect(rates({}, rows)).toEqual(ratesOf(rows))
})

test('each term counts as it is told', () => {
  const rows: Row[] = [
    [1000, 1000, 1000, 0, undefined],
    // error 1000 − 500 = 500, of it 0.5 ⇒ 750; change of error 500 in 2 s, of it 0.1 ⇒ −25
    [3000, 500, 1000, 0, 725],
    // error 725 − 500 = 225 ⇒ −112.5; piled up 500 ms × 500/s ⇒ −0.1 × 250; change (225 − 500)/1 s ⇒ +27.5
    [4000, 500, 1000, 500, 615],
  ]
  expect(rates({ proportional: 0.5, integral: 0.1, derived: 0.1 }, rows)).toEqual(ratesOf(rows))
})

/** A job that works off so many rows per second, give or take, and falls behind at times. */
function simulate(seed: number) {
  const random = new Random(seed)
  const capacity = random.between(200, 20_000)
  const backpressure = new Backpressure({ initialRate: random.between(1, 10 * capacity) }, SECOND)
  let freeAtMs = 0
  const history: { rows: number; delayMs: number }[] = []
  for (let batch = 1; batch <= 300; batch++) {
    const submittedMs = batch * SECOND
    const rows = backpressure.maxRows('in') as number
    const hiccup = batch < 200 && random.chance(0.02) ? random.between(1, 5000) : 0
    const speed = capacity * (0.9 + random.below(201) / 1000)
    const startMs = Math.max(submittedMs, freeAtMs)
    const processingTimeMs = Math.max(1, Math.round((rows * 1000) / speed) + hiccup)
    freeAtMs = startMs + processingTimeMs
    history.push({ rows, delayMs: startMs - submittedMs })
    backpressure.completed({
      inputs: { in: { records: rows } },
      processingEndTimeMs: freeAtMs,
      processingTimeMs,
      schedulingDelayMs: startMs - submittedMs,
    } as unknown as BatchInfo)
  }
  return { capacity, history }
}

test.each(seeds(1, 100))('a job settles at what it can do, and works off what piled up, seed %i', (seed) => {
  const { capacity, history } = simulate(seed)
  for (const { rows } of history.slice(2)) expect(rows).toBeGreaterThanOrEqual(100)
  const settled = history.slice(-50)
  for (const { delayMs } of settled) expect(delayMs).toBeLessThan(3 * SECOND)
  const mean = settled.reduce((sum, { rows }) => sum + rows, 0) / settled.length
  expect(mean / capacity).toBeGreaterThan(0.6)
  expect(mean / capacity).toBeLessThan(1.1)
})

test.each([
  [{ proportional: -1 }, 'proportional must be 0 or above'],
  [{ minRate: 0 }, 'minRate must be above 0'],
  [{ initialRate: 0 }, 'initialRate must be above 0'],
])('options that make no sense are refused: %j', (options, message) => {
  expect(() => new Backpressure(options, SECOND)).toThrow(message)
})

test('in a job: limited from the very first batch, shared out by lag, then at the speed that was measured', async () => {
  const log = new ModelLog()
  log.createTopic('in', 2)
  log.produce('in', 0, Array.from({ length: 9000 }, String))
  log.produce('in', 1, Array.from({ length: 1000 }, String))
  const clock = new ManualClock(1_700_000_000_000)
  const context = new StreamingContext({
    appName: 'slow',
    batchDuration: SECOND,
    clock,
    backpressure: { initialRate: 1000 },
    executor: { monotonicMs: () => clock.now() },
  })
  const source = new TopicSource({
    views: log,
    topics: 'in',
    rows: textValues,
    startingOffsets: 'earliest',
    clock,
  })
  const batches: string[] = []
  context.addStreamingListener({
    onBatchSubmitted: ({ inputs }) =>
      void batches.push((inputs['in']?.ranges ?? []).map(({ from, until }) => until - from).join('+')),
  })
  // 500 rows a second.
  context.createDirectStream(source).foreachRDD(async (rdd) => {
    const waiting = (await rdd.count()) * 2
    await new Promise<void>((resolve) => clock.setTimer(waiting, resolve))
  })
  await context.start()
  await clock.advance(12 * SECOND)
  const stopped = context.stop()
  await clock.advance(10 * SECOND)
  await stopped
  expect(batches.slice(0, 3)).toEqual(['900+100', '900+100', '900+100'])
  const later = batches.slice(6).map((batch) => batch.split('+').reduce((sum, rows) => sum + Number(rows), 0))
  expect(later.length).toBeGreaterThan(2)
  for (const rows of later) expect(rows).toBeLessThan(510)
})

/** Stores as many rows as it may, a thousand at most in each turn of its timer. */
class Greedy extends Receiver<number> {
  stored = 0
  private timer: Timer | undefined
  private readonly clock: ManualClock

  constructor(clock: ManualClock) {
    super()
    this.clock = clock
  }

  onStart(): void {
    this.timer = this.clock.setTimer(10, () => {
      for (let row = 0; row < 1000 && !this.isFull; row++) {
        void this.store(row)
        this.stored++
      }
      this.onStart()
    })
  }

  onStop(): void {
    this.timer?.cancel()
  }
}

// Spark's RateController: what a receiver stores is what the job can keep up with, and not only what a batch takes.
test.each([
  ['initialRate holds from the first row on', { initialRate: 700 }, undefined, 700],
  ['maxRate is the most, whatever is estimated', { minRate: 400 }, 300, 300],
] as const)('a receiver stores no faster: %s', async (_, backpressure, maxRate, firstSecond) => {
  const clock = new ManualClock(1_700_000_000_000)
  const log = new ModelLog()
  const context = new StreamingContext({
    appName: 'slow',
    batchDuration: SECOND,
    clock,
    backpressure,
    broker: { logViews: log, output: log },
    executor: { monotonicMs: () => clock.now() },
  })
  const receiver = new Greedy(clock)
  // 500 rows a second.
  context.receiverStream(receiver, { name: 'in', ...(maxRate && { maxRate }) }).foreachRDD(async (rdd) => {
    const waiting = (await rdd.count()) * 2
    await new Promise<void>((resolve) => clock.setTimer(waiting, resolve))
  })
  await context.start()
  await clock.advance(SECOND)
  // What a second brings at once, and as much in the second.
  expect(receiver.stored).toBeGreaterThan(firstSecond * 1.5)
  expect(receiver.stored).toBeLessThanOrEqual(firstSecond * 2 + 1)
  await clock.advance(15 * SECOND)
  const before = receiver.stored
  await clock.advance(10 * SECOND)
  expect((receiver.stored - before) / 10).toBeLessThanOrEqual(Math.min(510, maxRate ?? 510))
  expect((receiver.stored - before) / 10).toBeGreaterThan(90)
  const stopped = context.stop()
  await clock.advance(20 * SECOND)
  await stopped
})

test('without a grid it is refused', () => {
  expect(() => new StreamingContext({ appName: 'x', trigger: 'asap', backpressure: true })).toThrow(
    'backpressure needs a batchDuration',
  )
})
