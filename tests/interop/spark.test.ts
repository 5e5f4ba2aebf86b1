// Spark Structured Streaming reads a topic and writes another through its Kafka connector, goes on from its
// checkpoint when it is started again, and finds where to begin by time.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTopic } from './admin.ts'
import { clients, skipReason } from './clients.ts'
import { sparkJob, sparkMissing } from './spark.ts'
import { run, Server } from './world.ts'

const maybe = skipReason({ name: 'Spark', missing: sparkMissing }) === undefined ? test : test.skip

let server: Server
let folder: string
beforeAll(async () => {
  server = await Server.start()
  folder = mkdtempSync(join(tmpdir(), 'logmill-spark-'))
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

/** Writes values to both partitions of a topic in turn; all of one time, in milliseconds. */
async function write(topic: string, values: readonly string[], timestampMs = Date.now()): Promise<void> {
  const { Kafka, logLevel } = kafkajs
  const producer = new Kafka({ brokers: [server.bootstrap], logLevel: logLevel.ERROR }).producer()
  await producer.connect()
  const messages = values.map((value, i) => ({ value, partition: i % 2, timestamp: String(timestampMs) }))
  await producer.send({ topic, messages })
  await producer.disconnect()
}

/** The values of a topic as a reader of committed records sees them, by Kafka's own consumer. */
async function read(topic: string): Promise<string[]> {
  const reader = clients.find(({ name }) => name === 'Java client')
  return run(reader?.command('read', server.bootstrap, topic) ?? [])
}

maybe(
  'a streaming word count started twice: the second run reads only what is new and goes on counting',
  async () => {
    const [from, to] = [`words-${process.pid}`, `counts-${process.pid}`]
    await createTopic(server.bootstrap, from, 2)
    await createTopic(server.bootstrap, to, 1)
    const count = (): Promise<string[]> =>
      sparkJob('stream', server.bootstrap, from, to, join(folder, 'checkpoint'))

    await write(
      from,
      Array.from({ length: 100 }, () => 'to be or not to be'),
    )
    expect(await count()).toContain('read 100')
    const first = await read(to)
    expect(first).toEqual(expect.arrayContaining(['200', '100']))

    await write(from, ['to be continued'])
    server = await server.restart()
    expect(await count()).toContain('read 1')
    const second = (await read(to)).slice(first.length)
    expect(second.sort()).toEqual(['1', '201', '201'])
  },
  240_000,
)

maybe('a batch begins where a time says', async () => {
  const topic = `timed-${process.pid}`
  await createTopic(server.bootstrap, topic, 2)
  const noon = Date.now() - 3_600_000
  await write(topic, ['morning-0', 'morning-1', 'morning-2'], noon - 1000)
  await write(topic, ['noon-0', 'noon-1'], noon)
  await write(topic, ['evening-0'], noon + 1000)
  const values = await sparkJob('since', server.bootstrap, topic, String(noon))
  expect(values.sort()).toEqual(['evening-0', 'noon-0', 'noon-1'])
})
