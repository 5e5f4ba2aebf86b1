// The tools of Kafka 4.3 that write and read records, in both spellings of their options, and what is looked at and
// moved by them afterwards: offsets, groups' places, the starts of partitions, the internal topics.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { java, skipReason } from './clients.ts'
import { createTopic } from './admin.ts'
import { runTool, type Script, spelled, spellings, table, tool, toolsMissing } from './tools.ts'
import { run, Server } from './world.ts'

const maybe =
  skipReason({ name: 'Kafka console tools', missing: toolsMissing }) === undefined ? test : test.skip

let server: Server
let folder: string
beforeAll(async () => {
  server = await Server.start()
  folder = mkdtempSync(join(tmpdir(), 'logmill-tools-'))
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

/** Of this run, so that a reference broker that has seen one before can be used again. */
const named = (name: string): string => `${name}-${process.pid}`
const file = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const runWithServer = (script: Script, ...args: string[]): Promise<string[]> =>
  runTool(server.bootstrap, script, ...args)

/** The lines of a tool but for those that say that an option has a new name. */
const withoutAdvice = (lines: string[]): string[] => lines.filter((line) => !line.includes('is deprecated'))

describe.each(spellings)('options as spelled %s 4.2', (spelling) => {
  const produce = (input: string, ...args: string[]): Promise<string[]> => {
    const options = spelled(spelling, 'kafka-console-producer', ...args)
    return run(tool('kafka-console-producer', '--bootstrap-server', server.bootstrap, ...options), input)
  }
  const consume = async (...args: string[]): Promise<string[]> => {
    const options = spelled(spelling, 'kafka-console-consumer', ...args)
    return withoutAdvice(await runWithServer('kafka-console-consumer', ...options))
  }

  maybe('keys and headers go through reader and formatter', async () => {
    const topic = named(`keyed-${spelling}`)
    const parsed = ['parse.key=true', 'parse.headers=true'].flatMap((value) => ['--reader-property', value])
    await produce('h:1\tk1\tv1\nh:2\tk2\tv2\n', '--topic', topic, ...parsed)
    const printed = ['key', 'headers', 'partition', 'offset'].flatMap((what) => [
      '--formatter-property',
      `print.${what}=true`,
    ])
    const lines = await consume('--topic', topic, '--from-beginning', '--max-messages', '2', ...printed)
    expect(lines).toEqual(['Partition:0\tOffset:0\th:1\tk1\tv1', 'Partition:0\tOffset:1\th:2\tk2\tv2'])
  })
  maybe(
    'producer-perf-test writes, plainly and in transactions, and consumer-perf-test reads it all',
    async () => {
      const topic = named(`perf-${spelling}`)
      const size = ['--topic', topic, '--num-records', '1500', '--record-size', '100', '--throughput', '-1']
      const settings = ['--command-property', 'acks=all', 'linger.ms=5']
      const producer = (...more: string[]): Promise<string[]> =>
        runWithServer(
          'kafka-producer-perf-test',
          ...spelled(spelling, 'kafka-producer-perf-test', ...size, ...more, ...settings),
        )
      expect((await producer()).at(-1)).toMatch(/^1500 records sent/)
      const transactional = [
        '--transactional-id',
        named(`perf-${spelling}`),
        '--transaction-duration-ms',
        '50',
      ]
      expect((await producer(...transactional)).at(-1)).toMatch(/^1500 records sent/)
      const config = file('consumer.properties', 'isolation.level=read_committed\n')
      const options = ['--topic', topic, '--num-records', '3000', '--hide-header', '--command-config', config]
      const lines = await runWithServer(
        'kafka-consumer-perf-test',
        ...spelled(spelling, 'kafka-consumer-perf-test', ...options),
      )
      // Start, end, MB, MB a second, records.
      expect(lines.at(-1)?.split(',')[4]?.trim()).toBe('3000')
    },
  )

  maybe('e2e-latency sends records round', async () => {
    const topic = named(`latency-${spelling}`)
    await createTopic(server.bootstrap, topic, 1)
    const since = ['--bootstrap-server', server.bootstrap, '--topic', topic, '--num-records', '50']
    const args =
      spelling === 'since'
        ? [...since, '--producer-acks', 'all', '--record-size', '20']
        : [server.bootstrap, topic, '50', 'all', '20']
    expect((await run(tool('kafka-e2e-latency', ...args))).join('\n')).toMatch(/Avg latency: [\d.]+ ms/)
  })

  maybe('the verifiable producer and consumer agree on every record', async () => {
    const topic = named(`verifiable-${spelling}`)
    const events = async (script: Script, ...args: string[]): Promise<Record<string, unknown>[]> => {
      const config = file(`${script}.properties`, 'client.id=verified\n')
      const options = spelled(spelling, script, '--topic', topic, '--command-config', config, ...args)
      const lines = await runWithServer(script, ...options)
      return lines
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    }
    const written = await events('kafka-verifiable-producer', '--max-messages', '60', '--repeating-keys', '5')
    expect(written.filter(({ name }) => name === 'producer_send_success')).toHaveLength(60)
    expect(written.at(-1)).toMatchObject({ name: 'tool_data', sent: 60, acked: 60 })
    const group = ['--group-id', named(`verifiable-${spelling}`), '--max-messages', '60', '--verbose']
    const read = await events('kafka-verifiable-consumer', ...group)
    const values = read.filter(({ name }) => name === 'record_data').map(({ value }) => value)
    expect(values).toEqual(Array.from({ length: 60 }, (_, i) => String(i)))
    const commits = read.filter(({ name }) => name === 'offsets_committed')
    expect(commits.at(-1)).toMatchObject({ success: true, offsets: [{ topic, partition: 0, offset: 60 }] })
  })
})

/** The records of an internal topic as a formatter writes them: JSON, one after the other without a line end. */
async function formatted(topic: string, formatter: string): Promise<string[]> {
  const reader = `org.apache.kafka.tools.consumer.${formatter}`
  const options = ['--topic', topic, '--from-beginning', '--timeout-ms', IDLE_MS, '--formatter', reader]
  const lines = await runWithServer('kafka-console-consumer', ...options)
  return lines.join('').split(/(?<=\})(?=\{"key")/)
}
/** An internal topic has been read when nothing has come for this long; nothing else ends the console consumer. */
const IDLE_MS = '5000'

maybe('offsets, groups and transactions are read from the internal topics by their formatters', async () => {
  const [topic, id] = [named('internal'), named('internal-id')]
  await createTopic(server.bootstrap, topic, 1)
  const client = join(import.meta.dirname, 'java', 'InteropClient.java')
  await run(java(client, 'transact', server.bootstrap, topic, id, id))
  await run(java(client, 'consume', server.bootstrap, topic, `${id}-group`, '10'))
  const offsets = await formatted('__consumer_offsets', 'OffsetsMessageFormatter')
  expect(offsets).toContainEqual(expect.stringMatching(`"group":"${id}","topic":"${topic}".*"offset":5`))
  const groups = await formatted('__consumer_offsets', 'GroupMetadataMessageFormatter')
  expect(groups).toContainEqual(expect.stringMatching(`"group":"${id}-group".*"protocolType":"consumer"`))
  const transactions = await formatted('__transaction_state', 'TransactionLogMessageFormatter')
  expect(transactions).toContainEqual(expect.stringMatching(`"${id}".*"transactionStatus":4`))
})

describe('where a group reads on', () => {
  const [topic, group] = [named('resets'), named('resets')]
  const groups = (...args: string[]): Promise<string[]> =>
    runWithServer('kafka-consumer-groups', '--group', group, ...args)
  const planned = async (...how: string[]): Promise<string | undefined> => {
    const lines = await groups('--reset-offsets', '--topic', topic, '--dry-run', ...how)
    return table(lines, 'GROUP')[0]?.['NEW-OFFSET']
  }

  maybe('every way to reset its offsets comes to the offset that it says', async () => {
    const lines = Array.from({ length: 20 }, (_, i) => `${i}\n`).join('')
    await createTopic(server.bootstrap, topic, 1)
    await run(tool('kafka-console-producer', '--bootstrap-server', server.bootstrap, '--topic', topic), lines)
    await groups('--reset-offsets', '--topic', topic, '--to-offset', '10', '--execute')
    expect(await planned('--to-current')).toBe('10')
    expect(await planned('--to-earliest')).toBe('0')
    expect(await planned('--to-latest')).toBe('20')
    expect(await planned('--shift-by', '-4')).toBe('6')
    expect(await planned('--to-offset', '1000')).toBe('20')
    expect(await planned('--by-duration', 'PT24H')).toBe('0')
    expect(await planned('--to-datetime', '2999-01-01T00:00:00.000')).toBe('20')
    const exported = await groups(
      '--reset-offsets',
      '--topic',
      topic,
      '--shift-by',
      '3',
      '--dry-run',
      '--export',
    )
    const plan = file('plan.csv', `${exported.filter((line) => line.includes(topic)).join('\n')}\n`)
    await groups('--reset-offsets', '--from-file', plan, '--execute')
    const [row] = table(await groups('--describe'), 'GROUP')
    expect(row).toMatchObject({ 'CURRENT-OFFSET': '13', 'LOG-END-OFFSET': '20', LAG: '7' })
  })
})

maybe('delete-records moves the start of a partition, and get-offsets shows it', async () => {
  const topic = named('deleted')
  await createTopic(server.bootstrap, topic, 2)
  const lines = Array.from({ length: 10 }, (_, i) => `${i}\n`).join('')
  const keyless = [
    '--command-property',
    'partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner',
  ]
  const producer = ['--bootstrap-server', server.bootstrap, '--topic', topic, '--sync', ...keyless]
  await run(tool('kafka-console-producer', ...producer), lines)
  const offsets = async (time: string, ...more: string[]): Promise<string[]> =>
    runWithServer('kafka-get-offsets', '--topic-partitions', `${topic}:0-2`, '--time', time, ...more)
  const ends = await offsets('latest')
  const partitions = [
    { topic, partition: 0, offset: 2 },
    { topic, partition: 1, offset: -1 },
  ]
  const plan = file('records.json', JSON.stringify({ version: 1, partitions }))
  const said = (await runWithServer('kafka-delete-records', '--offset-json-file', plan)).join('\n')
  expect(said).toContain(`partition: ${topic}-0\tlow_watermark: 2`)
  expect(await offsets('earliest')).toEqual([`${topic}:0:2`, ends[1]])
  expect(await offsets('latest')).toEqual(ends)
})
