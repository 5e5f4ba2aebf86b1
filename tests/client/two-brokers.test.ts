// A job between two brokers: it reads from one and writes to the other. The one it writes to decides; what it cannot
// keep, the positions in the other's topics, the checkpoint does.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../broker/server/start-broker.ts'
import { connectKafka, type RemoteKafka } from '../../client/connect-kafka.ts'
import { BatchContext } from '../../processor/batch-context.ts'
import type { OutputPort } from '../../processor/ports.ts'
import { textValues } from '../../processor/source/row-kind.ts'
import { StreamingContext } from '../../processor/streaming-context.ts'
import type { ProcessorHost } from '../../processor/streaming-context-options.ts'
import { committedRows, produceLines, until } from '../world/jobs.ts'

let directory: string
let near: Broker
let far: Broker
let wire: RemoteKafka
let warnings: string[]

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'logmill-two-'))
  // Both have the input's name: they must not be taken for each other.
  near = await startBroker({ port: 0, topics: { orders: { partitions: 1 }, copies: { partitions: 1 } } })
  far = await startBroker({ port: 0, topics: { orders: { partitions: 1 }, copies: { partitions: 1 } } })
  wire = connectKafka({
    bootstrapServers: far.bootstrapServers,
    pollMs: 5,
    retryBackoffMs: 5,
    deadlineMs: 5_000,
  })
  warnings = []
})

afterEach(async () => {
  await wire.close()
  await near.stop()
  await far.stop()
  rmSync(directory, { recursive: true, force: true })
})

const produce = (output: OutputPort, value: string) => produceLines(output, 'orders', { 0: [value] })

const copies = ({ logViews }: Broker) => committedRows(logViews, 'copies')

function copying(from: ProcessorHost, to: ProcessorHost, checkpoint?: string): StreamingContext {
  const context = new StreamingContext({
    appName: 'copy',
    trigger: 'asap',
    broker: to,
    warn: (message) => void warnings.push(message),
    ...(checkpoint !== undefined && { checkpoint }),
  })
  context
    .createDirectStream('orders', textValues, { broker: from, startingOffsets: 'earliest' })
    .toTopic('copies', (value) => ({ value }))
  return context
}

test.each(['from afar', 'to afar'] as const)('%s: each row once, over restarts', async (way) => {
  const [from, to] = way === 'from afar' ? [wire, near] : [near, wire]
  const target = way === 'from afar' ? near : far
  const expected: string[] = []
  for (const value of ['a', 'b', 'c']) {
    await produce(from.output, value)
    expected.push(value)
    const context = copying(from, to, join(directory, 'checkpoint'))
    await context.start()
    await until(context, () => copies(target).length === expected.length)
    await context.stop()
    expect(copies(target)).toEqual(expected)
  }
  const session = await to.output.open('somebody', 10_000)
  const offsets = await session.committedOffsets('logmill-job-copy')
  expect(offsets.map(({ topic, metadata }) => `${topic} ${metadata.slice(0, 17)}`)).toEqual([
    'logmill-decisions logmill 1 batch 3',
  ])
})

test('without a checkpoint nobody keeps the position: the job says so, and begins where it is told', async () => {
  await produce(wire.output, 'a')
  for (const count of [1, 2]) {
    const context = copying(wire, near)
    await context.start()
    await until(context, () => copies(near).length === count)
    await context.stop()
  }
  expect(warnings).toEqual([
    'orders: where it was is kept nowhere, for the job has no checkpoint; it begins where it is told to',
  ])
})

test('a broker that goes away is waited for as long as the deadline says, and then the job ends', async () => {
  await far.stop()
  const quick = connectKafka({ bootstrapServers: far.bootstrapServers, deadlineMs: 50 })
  const context = copying(quick, near, join(directory, 'checkpoint'))
  await expect(context.start()).rejects.toThrow(/ECONNREFUSED/)
  await quick.close()
})

test('a batch program reads ranges of a broker in its process, and says that of one elsewhere it cannot', () => {
  using batch = new BatchContext({ broker: wire })
  expect(() => batch.topic('orders', textValues)).toThrow(/one elsewhere is for streams/)
})

test('an address that is none is refused', () => {
  for (const bootstrapServers of ['', 'localhost', 'a:b', 'a:0', 'a:99999', []]) {
    expect(() => connectKafka({ bootstrapServers })).toThrow(TypeError)
  }
})
