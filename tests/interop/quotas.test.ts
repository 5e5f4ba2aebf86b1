// Quotas by Kafka's own tool, and felt by Kafka's own producer.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { skipReason } from './clients.ts'
import { runTool, toolsMissing } from './tools.ts'
import { Server } from './world.ts'

const maybe = skipReason({ name: 'quotas', missing: toolsMissing }) === undefined ? test : test.skip

let server: Server
beforeAll(async () => {
  server = await Server.start()
})
afterAll(() => server[Symbol.asyncDispose]())

const configs = async (...args: string[]): Promise<string> =>
  (await runTool(server.bootstrap, 'kafka-configs', ...args)).join('\n')

maybe.each<[string, string[], string, string, RegExp]>([
  [
    'users',
    ['--entity-name', 'alice'],
    'producer_byte_rate=1024,consumer_byte_rate=2048',
    'consumer_byte_rate',
    /user-principal 'alice'.*producer_byte_rate=1024/,
  ],
  [
    'users',
    ['--entity-default'],
    'request_percentage=150',
    'request_percentage',
    /default user-principal.*request_percentage=150/,
  ],
  [
    'clients',
    ['--entity-name', 'app'],
    'controller_mutation_rate=10',
    'controller_mutation_rate',
    /client-id 'app'.*controller_mutation_rate=10/,
  ],
  [
    'ips',
    ['--entity-name', '10.0.0.9'],
    'connection_creation_rate=100',
    'connection_creation_rate',
    /ip '10.0.0.9'.*connection_creation_rate=100/,
  ],
])('kafka-configs sets, shows and removes quotas of %s %j', async (type, entity, added, removed, shown) => {
  const which = ['--entity-type', type, ...entity]
  expect(await configs('--alter', ...which, '--add-config', added)).toMatch(/^Completed updating/)
  expect(await configs('--describe', ...which)).toMatch(shown)
  expect(await configs('--alter', ...which, '--delete-config', removed)).toMatch(/^Completed updating/)
  expect(await configs('--describe', ...which)).not.toContain(removed)
})

maybe('a producer over its byte rate is slowed down and loses nothing', async () => {
  const which = ['--entity-type', 'clients', '--entity-name', 'greedy']
  await configs('--alter', ...which, '--add-config', 'producer_byte_rate=60000')
  const topic = `slow-${process.pid}`
  // Ten windows are free; what is beyond them is waited for.
  const load = ['--topic', topic, '--num-records', '800', '--record-size', '1000', '--throughput', '-1']
  const settings = ['--command-property', 'client.id=greedy', 'batch.size=16384']
  const lines = await runTool(
    server.bootstrap,
    'kafka-producer-perf-test',
    ...load,
    '--print-metrics',
    ...settings,
  )
  const line = lines.find((each) => /produce-throttle-time-max/.test(each)) ?? ''
  expect(Number(/:\s*([\d.]+)\s*$/.exec(line)?.[1]), line).toBeGreaterThan(0)
  expect(lines.find((each) => each.startsWith('800 records sent'))).toBeDefined()
  const offsets = await runTool(server.bootstrap, 'kafka-get-offsets', '--topic', topic)
  expect(offsets).toEqual([`${topic}:0:800`])
})

maybe('a consumer over its byte rate is slowed down and gets everything', async () => {
  const topic = `thirsty-${process.pid}`
  const load = ['--topic', topic, '--num-records', '1500', '--record-size', '1000', '--throughput', '-1']
  await runTool(server.bootstrap, 'kafka-producer-perf-test', ...load)
  const which = ['--entity-type', 'clients', '--entity-name', 'thirsty']
  await configs('--alter', ...which, '--add-config', 'consumer_byte_rate=100000')
  const read = ['--topic', topic, '--num-records', '1500', '--timeout', '30000']
  const lines = await runTool(
    server.bootstrap,
    'kafka-consumer-perf-test',
    ...read,
    '--print-metrics',
    '--command-property',
    'client.id=thirsty',
  )
  const line = lines.find((each) => /fetch-throttle-time-max/.test(each)) ?? ''
  expect(Number(/:\s*([\d.]+)\s*$/.exec(line)?.[1]), line).toBeGreaterThan(0)
  // Columns: from, to, megabytes, a second, records, …
  expect(
    lines.some((each) => /, 15\d\d, /.test(each)),
    lines.join('\n'),
  ).toBe(true)
})
