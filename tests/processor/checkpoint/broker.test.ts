// The whole way once, on a real broker in this process: rows out of its segments, records and offsets through
// its transaction coordinator, a failure and restarts in the middle.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../../broker/server/start-broker.ts'
import { textValues } from '../../../processor/source/row-kind.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import { committedRows, produceLines, until } from '../../world/jobs.ts'

let directory: string
let broker: Broker

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'logmill-job-'))
  broker = await startBroker({ port: 0, topics: { lines: { partitions: 2 }, counts: { partitions: 3 } } })
})

afterEach(async () => {
  await broker.stop()
  rmSync(directory, { recursive: true, force: true })
})

const produce = (partition: number, lines: readonly string[]) =>
  produceLines(broker.output, 'lines', { [partition]: lines })

const committed = (topic: string) => committedRows(broker.logViews, topic).sort()

function wordCount(check: (line: string) => void = () => {}): StreamingContext {
  const context = new StreamingContext({
    appName: 'count',
    trigger: 'asap',
    broker,
    checkpoint: join(directory, 'checkpoint'),
    parallelism: 2,
  })
  context
    .createDirectStream('lines', textValues, { startingOffsets: 'earliest' })
    .mapToPair((line) => {
      check(line)
      return [line, 1]
    })
    .updateStateByKey<number>((values, total) => values.length + (total ?? 0), { name: 'total' })
    .changes()
    .toTopic('counts', ([word, total]) => ({ key: word, value: `${word} ${total}` }))
  return context
}

test('a job fails in a batch, is started again, and every line counts once', async () => {
  await produce(0, ['a', 'b', 'a'])
  const first = wordCount((line) => {
    if (line === 'poison') throw new Error('cannot read this')
  })
  await first.start()
  await until(first, () => committed('counts').length === 2)
  expect(committed('counts')).toEqual(['a 2', 'b 1'])

  await produce(1, ['a', 'poison'])
  await expect(first.awaitTermination()).rejects.toThrow(/cannot read this/)
  expect(committed('counts')).toEqual(['a 2', 'b 1'])

  const second = wordCount()
  await second.start()
  await until(second, () => committed('counts').length === 4)
  await second.stop()
  expect(committed('counts')).toEqual(['a 2', 'a 3', 'b 1', 'poison 1'])

  const session = await broker.output.open('somebody', 10_000)
  const offsets = await session.committedOffsets('logmill-job-count')
  expect(offsets.map(({ partition }) => partition)).toEqual([0, 1])
  for (const { metadata } of offsets) expect(metadata).toMatch(/^logmill 1 batch [12] /)
})

test('the place of a running job is taken: it ends with FencedError, and nothing counts twice', async () => {
  const first = wordCount()
  await first.start()
  await produce(0, ['a'])
  await until(first, () => committed('counts').length === 1)
  await broker.output.open('logmill-job-count', 10_000)
  await produce(0, ['a'])
  await expect(first.awaitTermination()).rejects.toThrow(/taken by another instance/)
  const second = wordCount()
  await second.start()
  await until(second, () => committed('counts').length === 2)
  await second.stop()
  expect(committed('counts')).toEqual(['a 1', 'a 2'])
})

test('a poison record is put aside in the transaction of its batch, and nothing of its first run shows', async () => {
  const context = new StreamingContext({
    appName: 'put aside',
    trigger: 'asap',
    broker,
    checkpoint: join(directory, 'checkpoint'),
    onPoison: { deadLetterTopic: 'dead' },
    warn: () => {},
  })
  const lines = context.createDirectStream('lines', textValues, { startingOffsets: 'earliest' })
  // Enough that appends are under way when the record is met.
  lines.toTopic('counts', (value) => ({ value }))
  lines
    .map((line) => {
      if (line === 'bad') throw new Error('no sense')
      return line
    })
    .toTopic('counts', (value) => ({ value }))
  const good = Array.from({ length: 3000 }, (_, i) => `${i} ${'x'.repeat(500)}`)
  for (let i = 0; i < good.length; i += 1000) await produce(0, good.slice(i, i + 1000))
  await produce(0, ['bad'])
  await produce(1, ['last'])
  let batches = 0
  const done = new Promise<void>((resolve) => {
    context.addStreamingListener({
      onBatchCompleted: ({ records }) => ((batches += records) >= good.length + 2 ? resolve() : undefined),
    })
  })
  await context.start()
  await Promise.race([done, context.awaitTermination()])
  await context.stop({ graceful: true })
  await context.awaitTermination()
  expect(committed('dead')).toEqual(['bad'])
  expect(committed('counts')).toEqual([...good, ...good, 'last', 'last'].sort())
})
