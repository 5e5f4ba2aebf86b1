// A batch that is begun anew computes the past of its windows anew as well, in all threads alike: what one worker had
// finished when another gave up is not kept by the one alone. (Then they would wait for each other's rows for ever.)

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { ManualClock } from '../../../../broker/time/manual-clock.ts'
import { StreamingContext } from '../../../../processor/streaming-context.ts'
import { ModelLog } from '../../model-log.ts'
import type { RerunParameters } from './rerun-jobs.ts'

// Threads load the sources anew, which takes long beside other tests.
vi.setConfig({ testTimeout: 60_000 })

const START = 1_700_000_000_000
const SECOND = 1000

const WORDS = Array.from({ length: 200 }, (_, index) => `w${index}`)
const BATCH = [...WORDS, ...WORDS]

/** How many rows each batch has written, and how often its words were counted in all. */
async function written(
  batches: readonly (readonly string[])[],
  parameters: RerunParameters,
  { restartAfter }: { restartAfter?: number } = {},
): Promise<[rows: number, sum: number][]> {
  const directory = mkdtempSync(join(tmpdir(), 'logmill-reruns-'))
  const log = new ModelLog()
  for (const topic of ['lines', 'copies', 'out']) log.createTopic(topic, 1)
  const clock = new ManualClock(START)
  let done = 0
  const start = async () => {
    const context = new StreamingContext({
      appName: 'reruns',
      batchDuration: SECOND,
      clock,
      broker: { logViews: log, output: log },
      checkpoint: join(directory, 'checkpoint'),
      parallelism: 2,
      job: new URL('./rerun-jobs.ts', import.meta.url),
      jobParameters: parameters,
      executors: 2,
      onPoison: 'skip',
      warn: () => {},
    })
    context.addStreamingListener({ onBatchCompleted: ({ batchId }) => void (done = batchId) })
    await context.start()
    return context
  }
  try {
    let context = await start()
    for (const [index, words] of batches.entries()) {
      if (words.length > 0) log.produce('lines', 0, words)
      clock.tick(SECOND)
      while (done <= index && context.getState() === 'ACTIVE') {
        await new Promise((resolve) => setImmediate(resolve))
      }
      if (index + 1 !== restartAfter) continue
      await context.stop()
      context = await start()
    }
    await context.stop()
    await context.awaitTermination()
  } finally {
    rmSync(directory, { recursive: true })
  }
  return batches.map((_, index) => {
    const rows = log
      .at('out', 0)
      .committed.filter(({ timestampMs }) => timestampMs === START + (index + 1) * SECOND)
    return [rows.length, rows.reduce((sum, { value }) => sum + Number(String(value).split(' ')[1]), 0)]
  })
}

test('after a restart, where a record is left out in the first batch', async () => {
  const batches = [BATCH, BATCH, ['bad', ...BATCH], []]
  expect(await written(batches, { findsLate: false }, { restartAfter: 2 })).toEqual([
    [200, 400],
    [400, 800],
    [600, 1200],
    [400, 800],
  ])
})

test('where a record of an earlier batch is left out and then one of its own', async () => {
  const batches = [['late', ...BATCH], ['bad', ...BATCH], []]
  expect(await written(batches, { findsLate: true })).toEqual([
    [201, 401],
    [400, 800],
    [400, 800],
  ])
})
