// The command line tools of Kafka 4.3 against one broker process, and kafka-dump-log over the files that it
// leaves behind.

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { allCodecs, java, skipReason } from './clients.ts'
import { runTool, table, tool, toolsMissing } from './tools.ts'
import { run, Server } from './world.ts'

const tools = { name: 'Kafka command line tools', missing: toolsMissing }
const reason = skipReason(tools)
const maybe = reason === undefined ? test : test.skip

let server: Server
beforeAll(async () => {
  server = await Server.start({ set: { 'log.segment.bytes': '1048576', 'log.index.interval.bytes': '512' } })
})
afterAll(() => server[Symbol.asyncDispose]())

const withServer = (): string[] => ['--bootstrap-server', server.bootstrap]
const topics = (...args: string[]): Promise<string[]> => runTool(server.bootstrap, 'kafka-topics', ...args)
const groups = (...args: string[]): Promise<string[]> =>
  runTool(server.bootstrap, 'kafka-consumer-groups', ...args)

describe('Kafka 4.3 command line tools', () => {
  maybe('kafka-topics creates, describes, grows, lists and deletes', async () => {
    await topics('--create', '--topic', 'orders', '--partitions', '2', '--config', 'retention.ms=3600000')
    const described = (await topics('--describe', '--topic', 'orders')).join('\n')
    expect(described).toContain('PartitionCount: 2')
    expect(described).toContain('retention.ms=3600000')
    await topics('--alter', '--topic', 'orders', '--partitions', '4')
    expect((await topics('--describe', '--topic', 'orders')).join('\n')).toContain('PartitionCount: 4')
    await topics('--create', '--topic', 'doomed', '--partitions', '1')
    expect(await topics('--list')).toEqual(expect.arrayContaining(['doomed', 'orders']))
    await topics('--delete', '--topic', 'doomed')
    expect(await topics('--list')).not.toContain('doomed')
    await expect(topics('--create', '--topic', 'orders', '--partitions', '1')).rejects.toThrow(
      /already exists/,
    )
    await expect(topics('--create', '--topic', 'bad name', '--partitions', '1')).rejects.toThrow(
      /Topic name is invalid|illegal/,
    )
  })

  maybe('the console producer and consumer pass records, and consumer-groups sees the group', async () => {
    const lines = Array.from({ length: 500 }, (_, i) => `line ${i} of the console`)
    await run(tool('kafka-console-producer', ...withServer(), '--topic', 'console'), `${lines.join('\n')}\n`)
    const consumer = [
      '--topic',
      'console',
      '--group',
      'console-group',
      '--from-beginning',
      '--max-messages',
      '500',
    ]
    const consumed = await runTool(server.bootstrap, 'kafka-console-consumer', ...consumer)
    expect(consumed).toEqual(lines)
    expect(await groups('--list')).toContain('console-group')
    const [row] = table(await groups('--describe', '--group', 'console-group'), 'GROUP')
    expect(row).toMatchObject({ TOPIC: 'console', PARTITION: '0', 'CURRENT-OFFSET': '500', LAG: '0' })
    const reset = [
      '--reset-offsets',
      '--group',
      'console-group',
      '--topic',
      'console',
      '--to-offset',
      '100',
      '--execute',
    ]
    await groups(...reset)
    const [after] = table(await groups('--describe', '--group', 'console-group'), 'GROUP')
    expect(after).toMatchObject({ 'CURRENT-OFFSET': '100', LAG: '400' })
    await groups('--delete', '--group', 'console-group')
    expect(await groups('--list')).not.toContain('console-group')
  })

  maybe('kafka-configs describes topic and broker; broker-api-versions understands every range', async () => {
    const configs = (...args: string[]): Promise<string[]> =>
      runTool(server.bootstrap, 'kafka-configs', ...args)
    await topics('--create', '--topic', 'configured', '--config', 'max.message.bytes=2000')
    const topic = (
      await configs('--describe', '--entity-type', 'topics', '--entity-name', 'configured', '--all')
    ).join('\n')
    expect(topic).toMatch(/max\.message\.bytes=2000 sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG/)
    expect(topic).toMatch(/retention\.ms=604800000/)
    const broker = (
      await configs('--describe', '--entity-type', 'brokers', '--entity-name', '1', '--all')
    ).join('\n')
    expect(broker).toMatch(/log\.segment\.bytes=1048576 .*STATIC_BROKER_CONFIG/)
    const versions = await runTool(server.bootstrap, 'kafka-broker-api-versions')
    expect(versions.join('\n')).toMatch(/Produce\(0\): 0 to 13 \[usable: 13\]/)
  })

  maybe('kafka-get-offsets finds ends, starts and timestamps', async () => {
    await run(tool('kafka-console-producer', ...withServer(), '--topic', 'offsets'), 'a\nb\nc\n')
    const at = (time: string): Promise<string[]> =>
      runTool(server.bootstrap, 'kafka-get-offsets', '--topic', 'offsets', '--time', time)
    expect(await at('-1')).toEqual(['offsets:0:3'])
    expect(await at('-2')).toEqual(['offsets:0:0'])
    expect(await at('0')).toEqual(['offsets:0:0'])
    expect(await at('-3')).toEqual([expect.stringMatching(/^offsets:0:[012]$/)])
  })

  maybe('kafka-dump-log reads every file of the data directory', async () => {
    const client = join(import.meta.dirname, 'java', 'InteropClient.java')
    await topics('--create', '--topic', 'mixed', '--partitions', '1')
    for (const codec of allCodecs) {
      // Enough of the uncompressed ones for more than two segments of the smallest size.
      const count = codec === 'none' ? '90000' : '2000'
      await run(java(client, 'produce', server.bootstrap, 'mixed', count, codec))
    }
    await run(java(client, 'transact', server.bootstrap, 'mixed', 'mixed-group', 'mixed-transactional'))
    await server.stop()
    const files = readdirSync(server.dataDir)
      .filter((folder) => statSync(join(server.dataDir, folder)).isDirectory())
      .flatMap((folder) =>
        readdirSync(join(server.dataDir, folder)).map((name) => ({
          folder,
          path: join(server.dataDir, folder, name),
        })),
      )
      .filter(({ path }) => statSync(path).size > 0)
    /** One run over all files of a kind, in the folders of a topic. */
    const dump = async (topic: string, kind: RegExp, ...options: string[]): Promise<string> => {
      const paths = files.filter(({ folder, path }) => folder.startsWith(topic) && kind.test(path))
      expect(paths.length, `${topic} ${kind}`).toBeGreaterThan(0)
      const list = paths.map(({ path }) => path).join(',')
      const text = (await run(tool('kafka-dump-log', '--files', list, ...options))).join('\n')
      expect(text).not.toMatch(/mismatch|corrupt|Exception|isvalid: false|isValid: false/i)
      return text
    }

    expect(files.filter(({ path }) => /mixed-0\/\d+\.log$/.test(path)).length).toBeGreaterThan(2)
    const records = await dump('mixed-0', /\.log$/, '--print-data-log', '--deep-iteration')
    expect(records.match(/value-1999\b/g)?.length).toBe(5)
    expect(records).toMatch(/endTxnMarker: COMMIT/)
    expect(records).toMatch(/endTxnMarker: ABORT/)

    const indexes = /\.(index|timeindex)$/
    expect(await dump('', indexes, '--index-sanity-check')).toMatch(/passed sanity check/)
    // Says nothing of an index that is right.
    expect(await dump('', indexes, '--verify-index-only')).not.toMatch(/Found|timestamp mismatch/)
    expect(await dump('mixed-0', indexes)).toMatch(/offset: \d+ position: \d+/)
    expect(await dump('mixed-0', /\.txnindex$/)).toMatch(/AbortedTxn|producerId/)
    expect(await dump('', /\.snapshot$/)).toMatch(/producerId/)

    expect(await dump('__cluster_metadata', /\.log$/, '--cluster-metadata-decoder')).toMatch(
      /TOPIC_RECORD.*"name":"mixed"/,
    )
    expect(await dump('__consumer_offsets', /\.log$/, '--offsets-decoder')).toMatch(/mixed-group/)
    // 4 is CompleteCommit.
    expect(await dump('__transaction_state', /\.log$/, '--transaction-log-decoder')).toMatch(
      /mixed-transactional.*"transactionStatus":4/,
    )
  })
})
