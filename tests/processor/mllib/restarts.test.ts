// A model is state of its job: where the job was stopped, and on how many threads it runs, does not show in the model, to
// the last bit.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import type { StreamingKMeans, StreamingLinearRegressionWithSGD } from '../../../mllib.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import { Random } from '../../world/random.ts'
import { ModelLog } from '../model-log.ts'
import { models, type Parameters, predicted } from './mllib-jobs.ts'

const START = 1_700_000_000_000
const SECOND = 1000
const BATCHES = 6
const PARTITIONS = 3

// Threads load the sources anew, which takes long beside other tests.
vi.setConfig({ testTimeout: 60_000 })

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'logmill-mllib-'))
})

afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

interface Options {
  readonly executors?: number
  readonly restartsAfter?: readonly number[]
  /** How many clusters the program says after a restart; 3 at first. */
  readonly kLater?: number
  /** A record of the second batch is no point, and is left out. */
  readonly poison?: boolean
  /** So many workers die one after the other in the fourth batch. */
  readonly deaths?: number
  /** Sees the model when the job has started, before its first batch. */
  readonly started?: (kMeans: StreamingKMeans) => void
}

/** The models as they end, and all that was predicted. */
async function run({
  executors,
  restartsAfter = [],
  kLater = 3,
  poison = false,
  deaths = 0,
  started,
}: Options) {
  const log = new ModelLog()
  log.createTopic('points', PARTITIONS)
  predicted.clear()
  const clock = new ManualClock(START)
  const random = new Random(5)
  const warnings: string[] = []
  const deathsLeft = new Int32Array(new SharedArrayBuffer(4)).fill(deaths)
  let done = 0
  const start = async (k: number) => {
    const context = new StreamingContext({
      appName: 'models',
      batchDuration: SECOND,
      clock,
      broker: { logViews: log, output: log },
      checkpoint: join(directory, String(executors ?? 0)),
      job: new URL('./mllib-jobs.ts', import.meta.url),
      jobParameters: { k, deathsLeft } satisfies Parameters,
      onPoison: poison ? 'skip' : 'fatal',
      ...(executors !== undefined && { executors }),
      warn: (message) => warnings.push(message),
    })
    context.addStreamingListener({ onBatchCompleted: ({ time }) => void (done = time.getTime()) })
    await context.start()
    started?.(models.kMeans as StreamingKMeans)
    return context
  }
  let context = await start(3)
  for (let batch = 1; batch <= BATCHES; batch++) {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      // The third batch is empty.
      const count = batch === 3 ? 0 : random.between(0, 20)
      const points = Array.from({ length: count }, () => {
        const cluster = random.between(0, 2) * 5
        return JSON.stringify([
          cluster + random.between(0, 999) / 700,
          cluster - random.between(0, 999) / 900,
        ])
      })
      if (poison && batch === 2 && partition === 1) points.splice(count / 2, 0, '[1]')
      if (deaths > 0 && batch === 4 && partition === 2) points.push('death')
      if (points.length > 0) log.produce('points', partition, points)
    }
    clock.tick(SECOND)
    while (done < START + batch * SECOND && context.getState() === 'ACTIVE') {
      await new Promise((resolve) => setImmediate(resolve))
    }
    if (!restartsAfter.includes(batch)) continue
    await context.stop()
    await context.awaitTermination()
    context = await start(kLater)
  }
  await context.stop()
  await context.awaitTermination()
  const said = [
    ...(poison ? ['k: a point must have 2 numbers'] : []),
    ...Array<string>(deaths).fill('died: it ended itself with exit code 3: the batch runs again'),
  ]
  expect(warnings).toEqual(said.map((what): unknown => expect.stringContaining(what)))
  const { clusterCenters, clusterWeights } = (models.kMeans as StreamingKMeans).latestModel()
  const { weights } = (models.line as StreamingLinearRegressionWithSGD).latestModel()
  return { model: { clusterCenters, clusterWeights, weights }, predicted: new Map(predicted) }
}

test('restarts and executors do not show in models and predictions', async () => {
  const expected = await run({})
  expect(expected.predicted.size).toBe(BATCHES)
  rmSync(join(directory, '0'), { recursive: true })
  const kept: unknown[] = []
  const started = (kMeans: StreamingKMeans) => kept.push(kMeans.latestModel().clusterWeights)
  const restarted = await run({ restartsAfter: [2, 3, BATCHES], started })
  expect(restarted).toEqual(expected)
  // The model is known before a batch: at first as it began, at last as it ended.
  expect([kept[0], kept[3]]).toEqual([[1, 1, 1], expected.model.clusterWeights])
  const onWorkers = await run({ executors: 2, restartsAfter: [4] })
  expect(onWorkers).toEqual(expected)
})

test('a batch whose workers die trains models once', async () => {
  const expected = await run({})
  expect(await run({ executors: 2, deaths: 2 })).toEqual(expected)
})

test('a record that is no point is left out of models and predictions', async () => {
  const expected = await run({})
  rmSync(join(directory, '0'), { recursive: true })
  expect(await run({ poison: true })).toEqual(expected)
  expect(await run({ poison: true, executors: 2 })).toEqual(expected)
})

test('a kept model that is not what the program says ends the job', async () => {
  const why = 'k: the kept model has 3 centers of 2 numbers, and the program says 4 of 2'
  await expect(run({ restartsAfter: [2], kLater: 4 })).rejects.toThrow(why)
})

test('with executors the model of an earlier run is known when a batch has counted', async () => {
  let starts = 0
  const started = (kMeans: StreamingKMeans) => {
    if (starts++ > 0) expect(() => kMeans.latestModel()).toThrow('known here when a batch has counted')
  }
  await run({ executors: 1, restartsAfter: [2], started })
  expect(starts).toBe(2)
})
