// A batch that is begun anew computes the past of its windows anew as well, in all threads alike: what one worker had
// finished when another gave up is not kept by the one alone. (Then they would wait for each other's rows for ever.)

import { expect, test, vi } from 'vitest'
import type { RerunParameters } from './rerun-jobs.ts'
import { writtenBySkipping } from './skipping-job.ts'

// Two threads begin, and begin again.
vi.setConfig({ testTimeout: 60_000 })

const WORDS = Array.from({ length: 200 }, (_, index) => `w${index}`)
const BATCH = [...WORDS, ...WORDS]

/** How many rows each batch has written, and how often its words were counted in all. */
async function written(
  batches: readonly (readonly string[])[],
  jobParameters: RerunParameters,
  { restartAfter }: { restartAfter?: number } = {},
): Promise<[rows: number, sum: number][]> {
  const job = new URL('./rerun-jobs.ts', import.meta.url)
  const rows = await writtenBySkipping(batches, { job, jobParameters, executors: 2, restartAfter })
  return rows.map((values) => [
    values.length,
    values.reduce((sum, value) => sum + Number(value.split(' ')[1]), 0),
  ])
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
