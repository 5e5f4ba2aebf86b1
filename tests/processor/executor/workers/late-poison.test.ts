// What a window with an inverse has counted of a record that another one finds poison later: the same sums on one thread
// and on workers, over a restart, and where a worker dies between the finding and the batch's end.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { ManualClock } from '../../../../broker/time/manual-clock.ts'
import { StreamingContext } from '../../../../processor/streaming-context.ts'
import { ModelLog } from '../../model-log.ts'
import type { LateParameters } from './late-poison-jobs.ts'

// Threads load the sources anew, which takes long beside other tests.
vi.setConfig({ testTimeout: 60_000 })

const START = 1_700_000_000_000
const SECOND = 1000

const BATCHES = [['a', 'bad'], ['a', 'deadly'], ['bad', 'c'], [], [], ['a']]

/** Sums by batch, as they were written. */
async function sums(
  executors: number | undefined,
  { restartAfter, deaths = 0 }: { restartAfter?: number; deaths?: number },
): Promise<string[][]> {
  const directory = mkdtempSync(join(tmpdir(), 'logmill-late-'))
  const log = new ModelLog()
  for (const topic of ['lines', 'copies', 'sums']) log.createTopic(topic, 1)
  const clock = new ManualClock(START)
  const deathsLeft = new Int32Array(new SharedArrayBuffer(4))
  deathsLeft[0] = deaths
  let done = 0
  const start = async () => {
    const context = new StreamingContext({
      appName: 'late',
      batchDuration: SECOND,
      clock,
      broker: { logViews: log, output: log },
      checkpoint: join(directory, 'checkpoint'),
      parallelism: 2,
      job: new URL('./late-poison-jobs.ts', import.meta.url),
      jobParameters: { deathsLeft } satisfies LateParameters,
      onPoison: 'skip',
      warn: () => {},
      ...(executors !== undefined && { executors }),
    })
    context.addStreamingListener({ onBatchCompleted: ({ batchId }) => void (done = batchId) })
    await context.start()
    return context
  }
  try {
    let context = await start()
    for (const [index, words] of BATCHES.entries()) {
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
  const written = log.at('sums', 0).committed
  return BATCHES.map((_, index) =>
    written
      .filter(({ timestampMs }) => timestampMs === START + (index + 1) * SECOND)
      .map(({ value }) => String(value))
      .sort(),
  )
}

const EXPECTED = [
  ['a 1', 'bad 1'],
  ['a 2', 'deadly 1'],
  ['a 2', 'bad 1', 'c 1', 'deadly 1'],
  ['a 1', 'c 1', 'deadly 1'],
  ['a 0', 'c 1', 'deadly 0'],
  ['a 1', 'c 0', 'deadly 0'],
]

test('on one thread, over a restart', async () => {
  expect(await sums(undefined, {})).toEqual(EXPECTED)
  expect(await sums(undefined, { restartAfter: 2 })).toEqual(EXPECTED)
})

test('on workers, where one dies when the record is found, and over a restart', async () => {
  expect(await sums(2, { restartAfter: 3, deaths: 1 })).toEqual(EXPECTED)
})
