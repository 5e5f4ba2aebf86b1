// Poison records that workers meet: named, put aside once, and nothing of the run that met them remains. What comes
// out is what comes out of one thread.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../../../broker/server/start-broker.ts'
import { BatchContext } from '../../../../processor/batch-context.ts'
import { StreamingContext } from '../../../../processor/streaming-context.ts'
import { committedRows, produceLines } from '../../../world/jobs.ts'

const job = new URL('./poison-jobs.ts', import.meta.url)

let directory: string
let broker: Broker
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'logmill-poison-'))
  broker = await startBroker({
    port: 0,
    topics: { in: { partitions: 3 }, out: { partitions: 1 }, dead: { partitions: 1 } },
  })
})
afterEach(async () => {
  await broker.stop()
  rmSync(directory, { recursive: true, force: true })
})

function produce(lines: readonly string[]): Promise<void> {
  const of = (partition: number) => lines.filter((_, index) => index % 3 === partition)
  return produceLines(broker.output, 'in', { 0: of(0), 1: of(1), 2: of(2) })
}

const committed = (topic: string) => committedRows(broker.logViews, topic).sort()

const FIRST = Array.from({ length: 300 }, (_, i) => `good ${i}`)
const SECOND = [...FIRST.map((line) => `${line} again`), 'bad 1', 'shared 2', 'key 3', 'bad 4']

test.each([undefined, 2])('with executors: %s', async (executors) => {
  const context = new StreamingContext({
    appName: 'poisoned',
    trigger: 'asap',
    broker,
    checkpoint: join(directory, 'checkpoint'),
    job,
    parallelism: 2,
    onPoison: { deadLetterTopic: 'dead' },
    warn: () => {},
    ...(executors !== undefined && { executors }),
  })
  let records = 0
  let reached = () => {}
  const poison: string[] = []
  context.addStreamingListener({
    onBatchCompleted: (batch) => {
      records += batch.records
      poison.push(...batch.poisonRecords.map(({ operator }) => operator))
      reached()
    },
  })
  const until = async (count: number) => {
    while (records < count) {
      const moved = new Promise<void>((resolve) => (reached = resolve))
      await Promise.race([moved, context.awaitTermination()])
    }
  }
  await context.start()
  await produce(FIRST)
  await until(FIRST.length)
  await produce(SECOND)
  await until(FIRST.length + SECOND.length)
  await context.stop({ graceful: true })
  await context.awaitTermination()
  const good = [...FIRST, ...FIRST.map((line) => `${line} again`)]
  expect(committed('dead')).toEqual(['bad 1', 'bad 4', 'key 3', 'shared 2'])
  expect(poison.sort()).toEqual(['pair', 'parse', 'parse', 'second'])
  const out = committed('out')
  expect(out.filter((line) => line.startsWith('once'))).toEqual(good.map((line) => `once ${line}`).sort())
  expect(out.filter((line) => line.startsWith('twice'))).toEqual(good.map((line) => `twice ${line}`).sort())
  expect(out.filter((line) => line.startsWith('count'))).toContain(`count good ${good.length}`)
  expect(out.filter((line) => line.startsWith('count') && Number(line.split(' ')[2]) > good.length)).toEqual(
    [],
  )
})

test.each([undefined, 2])(
  'rows that no file can hold are left out too, with executors: %s',
  async (executors) => {
    const context = new StreamingContext({
      appName: 'poisoned',
      trigger: 'asap',
      broker,
      checkpoint: join(directory, 'checkpoint'),
      job,
      jobParameters: { files: directory },
      onPoison: { deadLetterTopic: 'dead' },
      warn: () => {},
      ...(executors !== undefined && { executors }),
    })
    await produce(['good 1', 'good 2', 'key 3', 'good 4', 'good 5', 'bad 6', 'key 7'])
    const completed = new Promise<string[]>((resolve) =>
      context.addStreamingListener({
        onBatchCompleted: ({ poisonRecords }) => resolve(poisonRecords.map(({ operator }) => operator)),
      }),
    )
    await context.start()
    const poison = await Promise.race([completed, context.awaitTermination()])
    await context.stop({ graceful: true })
    await context.awaitTermination()
    expect(poison?.sort()).toEqual(['parse', 'text', 'text'])
    expect(committed('dead')).toEqual(['bad 6', 'key 3', 'key 7'])
    const saved = (name: string) => {
      const found = readdirSync(directory).filter((entry) => entry.startsWith(name))
      return found.map((entry) => join(directory, entry))
    }
    const batches = new BatchContext()
    const good = ['good 1', 'good 2', 'good 4', 'good 5']
    expect((await batches.textFile(saved('text-')).collect()).sort()).toEqual(good)
    expect((await batches.objectFile<string>(saved('objects-')).collect()).sort()).toEqual(good)
  },
)

test('where they are fatal, the record is named from a worker too', async () => {
  const context = new StreamingContext({
    appName: 'poisoned',
    trigger: 'asap',
    broker,
    job,
    executors: 2,
    warn: () => {},
  })
  await produce(['good', 'good', 'good', 'good', 'bad 1'])
  await context.start()
  await expect(context.awaitTermination()).rejects.toMatchObject({
    operator: 'parse',
    record: { inputId: 'in', topic: 'in', partition: 1, offset: 1n },
  })
})
