// What a window with an inverse has counted of a record that another one finds poison later: the same sums on one thread
// and on workers, over a restart, and where a worker dies between the finding and the batch's end.

import { expect, test, vi } from 'vitest'
import type { LateParameters } from './late-poison-jobs.ts'
import { writtenBySkipping } from './skipping-job.ts'

// Two threads begin, and begin again.
vi.setConfig({ testTimeout: 60_000 })

const BATCHES = [['a', 'bad'], ['a', 'deadly'], ['bad', 'c'], [], [], ['a']]

/** Sums by batch, as they were written. */
async function sums(
  executors: number | undefined,
  { restartAfter, deaths = 0 }: { restartAfter?: number; deaths?: number },
): Promise<string[][]> {
  const deathsLeft = new Int32Array(new SharedArrayBuffer(4))
  deathsLeft[0] = deaths
  const jobParameters: LateParameters = { deathsLeft }
  const job = new URL('./late-poison-jobs.ts', import.meta.url)
  const written = await writtenBySkipping(BATCHES, { job, jobParameters, executors, restartAfter })
  return written.map((values) => values.sort())
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
