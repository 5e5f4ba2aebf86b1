// Inputs from memory: queues with default rows, and rows that are the same in every batch.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import { newWorld, run, SECOND, START } from './tables.ts'

test('a queue with default rows gives them when nothing waits, and not for a batch that is empty', async () => {
  const world = newWorld()
  const queue = world.context.queueStream([['a'], [], ['b', 'c']], { defaultRows: ['-'] })
  expect(await run(world, queue, 5)).toEqual({ 1: ['a'], 2: [], 3: ['b', 'c'], 4: ['-'], 5: ['-'] })
})

test('a queue that gives all that waits gives default rows behind them', async () => {
  const world = newWorld()
  const queue = world.context.queueStream([['a'], ['b', 'c']], { defaultRows: ['-'], oneAtATime: false })
  expect(await run(world, queue, 2)).toEqual({ 1: ['a', 'b', 'c'], 2: ['-'] })
})

test('constant rows are in every batch, and joined with each', async () => {
  const world = newWorld({ parallelism: 2 })
  const names = world.context.constantStream(
    [
      [1, 'one'],
      [2, 'two'],
    ] as [number, string][],
    { numPartitions: 2 },
  )
  const seen = world.context.queueStream([[2], [], [1, 2]]).mapToPair((id) => [id, true])
  const joined = seen.join(names.mapToPair((pair) => pair)).map(([, [, name]]) => name)
  expect(await run(world, joined, 3)).toEqual({ 1: ['two'], 2: [], 3: expect.toSatisfy(isOneAndTwo) })
})

const isOneAndTwo = (rows: string[]) => rows.toSorted().join() === 'one,two'

test('constant rows are there again after a restart, also in windows', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'logmill-constant-'))
  const clock = new ManualClock(START)
  const counts: number[] = []
  for (let start = 0; start < 2; start++) {
    const context = new StreamingContext({
      appName: 'constant',
      batchDuration: SECOND,
      clock,
      checkpoint: directory,
      warn: () => {},
    })
    let completed = 0
    context.addStreamingListener({ onBatchCompleted: () => void completed++ })
    context
      .constantStream(['a', 'b'])
      .window(3 * SECOND)
      .foreachRDD(async (rdd) => void counts.push(await rdd.count()))
    await context.start()
    while (completed < 2) {
      await clock.advance(completed < counts.length ? 0 : SECOND)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await context.stop()
  }
  expect(counts.slice(0, 4)).toEqual([2, 4, 6, 6])
  rmSync(directory, { recursive: true, force: true })
})
