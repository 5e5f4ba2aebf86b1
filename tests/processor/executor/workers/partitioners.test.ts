// State that workers keep where a partitioner says: a job that goes on from its checkpoint with another partitioner,
// other partitions and other workers has it all.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { StreamingContext } from '../../../../processor/streaming-context.ts'
import { ModelLog } from '../../model-log.ts'
import type { Places } from './partitioner-jobs.ts'

// Threads load the sources anew, which takes long beside other tests.
vi.setConfig({ testTimeout: 60_000 })

const RUNS: { executors?: number; places: Places }[] = [
  { executors: 2, places: { partitions: 3, letter: 'first' } },
  { executors: 2, places: { partitions: 4, letter: 'last' } },
  { places: { partitions: 2, letter: 'first' } },
]

test('counts go on over restarts with other partitioners, on workers and without', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'logmill-partitioners-'))
  const log = new ModelLog()
  for (const topic of ['lines', 'counts']) log.createTopic(topic, 2)
  const words = ['ada', 'bob', 'carl', 'dora', 'emil', 'frida', 'gerd', 'hanna']
  try {
    for (const [index, { executors, places }] of RUNS.entries()) {
      const context = new StreamingContext({
        appName: 'placed',
        trigger: 'asap',
        broker: { logViews: log, output: log },
        checkpoint: join(directory, 'checkpoint'),
        job: new URL('./partitioner-jobs.ts', import.meta.url),
        jobParameters: places,
        warn: (message) => {
          throw new Error(message)
        },
        ...(executors !== undefined && { executors }),
      })
      const done = new Promise<void>((resolve) =>
        context.addStreamingListener({ onBatchCompleted: () => resolve() }),
      )
      // Each run has one word less: its state is there all the same.
      log.produce('lines', index % 2, words.slice(index))
      await context.start()
      await Promise.race([done, context.awaitTermination()])
      await context.stop({ graceful: true })
      await context.awaitTermination()
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
  const counts = log.values('counts').map(String)
  const expected = RUNS.flatMap((_, run) => words.map((word, place) => `${word} ${Math.min(run, place) + 1}`))
  expect(counts.toSorted()).toEqual(expected.toSorted())
})
