// What operations yield does not depend on who computes it: the same job, batches in and batches out, on the calling
// thread, on one worker and on two, over one partition, which is split, and over several.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { ManualClock } from '../../../../broker/time/manual-clock.ts'
import { MemoryProtocol } from '../../../../processor/executor/memory-protocol.ts'
import type { SpillOptions } from '../../../../processor/rdd/spill-space.ts'
import { StreamingContext } from '../../../../processor/streaming-context.ts'
import { spillFilesOpen } from '../../spill-files.ts'
import { liesBy, type Parameters, SECOND, words, yielded } from './table-jobs.ts'

// Threads load the sources anew, which takes long beside other tests.
vi.setConfig({ testTimeout: 60_000 })

const START = 1_700_000_000_000
const job = new URL('./table-jobs.ts', import.meta.url)

type Yielded = Record<string, Record<number, unknown[]>>

/** `parallelism` says how rows are partitioned, and must not follow the number of workers here. */
async function run(
  executors: number | undefined,
  jobParameters: Parameters,
  options: SpillOptions = {},
): Promise<Yielded> {
  yielded.clear()
  const clock = new ManualClock(START)
  const context = new StreamingContext({
    appName: 'tables',
    batchDuration: SECOND,
    clock,
    commit: new MemoryProtocol(),
    parallelism: 2,
    job,
    jobParameters,
    ...(executors !== undefined && { executors }),
    ...options,
  })
  let done = 0
  context.addStreamingListener({ onBatchCompleted: () => void done++ })
  await context.start()
  for (let batch = 1; batch <= words.length; batch++) {
    clock.tick(SECOND)
    while (done < batch && context.getState() === 'ACTIVE') {
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await context.stop({ graceful: true })
  await context.awaitTermination()
  return Object.fromEntries([...yielded].map(([name, byTime]) => [name, Object.fromEntries(byTime)]))
}

test.each([1, 3])('with %i partitions, operations yield the same on workers', async (partitions) => {
  const expected = await run(undefined, { partitions })
  expect(Object.keys(expected)).toHaveLength(68)
  expect(Object.keys(expected.slidingWithInverse ?? {})).toHaveLength(words.length)
  const expectedPlaces = Object.fromEntries(liesBy)
  expect(expectedPlaces).toMatchObject({
    reduceByKey: 'HashPartitioner of 2',
    updateStateByKey: 'HashPartitioner of 2',
    unionInPlaces: 'ByLetter of 3',
    windowOfPlaces: 'ByLetter of 3',
    keptPlaces: 'ByLetter of 3',
    byDefault: 'ByLetter of 3',
    transformWith: 'HashPartitioner of 2',
    summedByReader: 'nobody knows of 3',
    map: `nobody knows of ${partitions}`,
  })
  for (const executors of partitions === 1 ? [1, 2] : [2]) {
    liesBy.clear()
    const actual = await run(executors, { partitions })
    expect(Object.fromEntries(liesBy), `on ${executors} workers`).toEqual(expectedPlaces)
    for (const name of Object.keys(expected)) {
      expect(actual[name], `${name} on ${executors} workers`).toEqual(expected[name])
    }
  }
})

test('with memory for a few rows of a shuffle, operations yield the same, and nothing is left on disk', async () => {
  const expected = await run(undefined, { partitions: 3 })
  for (const executors of [undefined, 2]) {
    const localDir = mkdtempSync(join(tmpdir(), 'logmill-spills-'))
    const made = statSync(localDir).mtimeMs
    for (const shuffleMemoryInBytes of executors === undefined ? [1, 300] : [300]) {
      const actual = await run(executors, { partitions: 3 }, { shuffleMemoryInBytes, localDir })
      for (const name of Object.keys(expected)) {
        expect(actual[name], `${name} on ${executors} workers`).toEqual(expected[name])
      }
    }
    expect(statSync(localDir).mtimeMs, 'there were files').toBeGreaterThan(made)
    expect(readdirSync(localDir)).toEqual([])
    expect(spillFilesOpen(localDir)).toBe(0)
    rmSync(localDir, { recursive: true })
  }
})

test('files are the same, part by part, whoever has the rows', async () => {
  const written = async (executors: number | undefined) => {
    const folder = mkdtempSync(join(tmpdir(), 'logmill-workers-'))
    try {
      await run(executors, { partitions: 2, prefix: join(folder, 'sums') })
      const names = readdirSync(folder, { recursive: true, withFileTypes: true })
      return Object.fromEntries(
        names
          .filter((entry) => entry.isFile())
          .map(({ parentPath, name }) => join(parentPath, name))
          .map((path) => [path.slice(folder.length), readFileSync(path, 'utf8')]),
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
  const expected = await written(undefined)
  expect(Object.keys(expected)).toHaveLength(words.length * 4)
  expect(await written(2)).toEqual(expected)
})
