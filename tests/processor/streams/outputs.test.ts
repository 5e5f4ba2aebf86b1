// The ends of streams: foreachRDD, print, toTopic.

import { expect, test } from 'vitest'
import { finish, newWorld, SECOND, START, start } from './tables.ts'

test('print shows the first rows under the batch time, and that there are more', async () => {
  const world = newWorld()
  world.context
    .queueStream([['a', 'b', 'c']])
    .mapToPair((word) => [word, { n: 1n }])
    .print(2)
  await start(world)
  await world.clock.advance(SECOND)
  await finish(world)
  const rule = '-------------------------------------------'
  expect(world.lines).toEqual([
    rule,
    `Time: ${START + SECOND} ms`,
    rule,
    '(a,{"n":"1"})',
    '(b,{"n":"1"})',
    '...',
    '',
  ])
})

test('foreachRDD is awaited, gets time and batch id, and outputs run in the order of the program', async () => {
  const world = newWorld()
  const log: string[] = []
  const stream = world.context.queueStream([[1], [2]])
  stream.foreachRDD(async (rdd, time, batchId) => {
    await Promise.resolve()
    log.push(`first ${batchId} ${(time.getTime() - START) / SECOND} ${await rdd.count()}`)
  })
  stream.foreachRDD((_, __, batchId) => void log.push(`second ${batchId}`))
  await start(world)
  await world.clock.advance(2 * SECOND)
  await finish(world)
  expect(log).toEqual(['first 1 1 1', 'second 1', 'first 2 2 1', 'second 2'])
})

test('foreachRDD is not called where the stream has no data set', async () => {
  const world = newWorld()
  const times: number[] = []
  world.context
    .queueStream([[1]])
    .window('2s', '2s')
    .foreachRDD((_, time) => void times.push((time.getTime() - START) / SECOND))
  await start(world)
  await world.clock.advance(5 * SECOND)
  await finish(world)
  expect(times).toEqual([2, 4])
})

test('toTopic writes records of committed batches, stamped with the batch time', async () => {
  const world = newWorld()
  world.context
    .queueStream([['a', 'b'], [], ['c']])
    .toTopic('words', (word) => ({ key: word, value: word.toUpperCase() }))
  await start(world)
  await world.clock.advance(3 * SECOND)
  await finish(world)
  expect(world.commit.records('words')).toEqual([
    { key: 'a', value: 'A', timestampMs: START + SECOND },
    { key: 'b', value: 'B', timestampMs: START + SECOND },
    { key: 'c', value: 'C', timestampMs: START + 3 * SECOND },
  ])
})

test('a batch that fails leaves no record, however much it had written', async () => {
  const world = newWorld()
  const stream = world.context.queueStream([[1], [2, 3]])
  stream.toTopic('out', (n) => ({ value: String(n) }))
  stream.foreachRDD(
    async (rdd) => {
      if ((await rdd.count()) > 1) throw new Error('sink is down')
    },
    { name: 'sink' },
  )
  await start(world)
  await world.clock.advance(3 * SECOND)
  await expect(world.context.awaitTermination()).rejects.toThrow('sink: sink is down')
  expect(world.commit.records('out').map(({ value }) => value)).toEqual(['1'])
  expect(world.context.getState()).toBe('STOPPED')
})
