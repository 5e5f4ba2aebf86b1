// What operations yield does not depend on who computes it: the same job, batches in and batches out, on the calling
// thread, on one worker and on two, over one partition, which is split, and over several.

import { expect, test } from 'vitest'
import { ManualClock } from '../../../../broker/time/manual-clock.ts'
import { MemoryProtocol } from '../../../../processor/executor/memory-protocol.ts'
import { StreamingContext } from '../../../../processor/streaming-context.ts'
import { SECOND, words, yielded } from './table-jobs.ts'

const START = 1_700_000_000_000
const job = new URL('./table-jobs.ts', import.meta.url)

type Yielded = Record<string, Record<number, unknown[]>>

/** `parallelism` says how rows are partitioned, and must not follow the number of workers here. */
async function run(executors: number | undefined, partitions: number): Promise<Yielded> {
  yielded.clear()
  const clock = new ManualClock(START)
  const context = new StreamingContext({
    appName: 'tables',
    batchDuration: SECOND,
    clock,
    commit: new MemoryProtocol(),
    parallelism: 2,
    job,
    jobParameters: { partitions },
    ...(executors !== undefined && { executors }),
  })
  await context.start()
  await clock.advance(words.length * SECOND)
  await context.stop({ graceful: true })
  await context.awaitTermination()
  return Object.fromEntries([...yielded].map(([name, byTime]) => [name, Object.fromEntries(byTime)]))
}

test.each([1, 3])('with %i partitions, operations yield the same on workers', async (partitions) => {
  const expected = await run(undefined, partitions)
  expect(Object.keys(expected)).toHaveLength(31)
  expect(Object.keys(expected.slidingWithInverse ?? {})).toHaveLength(words.length)
  for (const executors of [1, 2]) {
    const actual = await run(executors, partitions)
    for (const name of Object.keys(expected)) {
      expect(actual[name], `${name} on ${executors} workers`).toEqual(expected[name])
    }
  }
})
