// What the cleaner leaves, before Kafka's own eyes: kafka-dump-log of 4.3 over a directory with a compacted topic
// and compacted internal topics, every index verified, every record decoded; Java's consumer reads what is left.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { java, javaMissing, skipReason } from './clients.ts'
import { run, Server } from './world.ts'

const reason = skipReason({ name: 'Kafka command line tools', missing: javaMissing })
const maybe = reason === undefined ? test : test.skip
const source = (name: string): string => join(import.meta.dirname, 'java', name)

const ROUNDS = 60
let server: Server
beforeAll(async () => {
  server = await Server.start({
    set: {
      'log.segment.bytes': '1048576',
      'offsets.topic.segment.bytes': '1048576',
      'offsets.topic.num.partitions': '1',
      'transaction.state.log.num.partitions': '1',
      'log.index.interval.bytes': '512',
      'log.cleaner.backoff.ms': '100',
      'log.cleaner.min.cleanable.ratio': '0.01',
      'log.cleaner.delete.retention.ms': '0',
    },
  })
})
afterAll(() => server[Symbol.asyncDispose]())

const filesOf = (folder: string, ending: string): string[] =>
  readdirSync(join(server.dataDir, folder)).filter((name) => name.endsWith(ending))

/** Below which offset a partition is clean, by the checkpoint in Kafka's format. */
function cleanOffset(partition: string): number {
  try {
    const lines = readFileSync(join(server.dataDir, 'cleaner-offset-checkpoint'), 'utf8').split('\n')
    return Number(lines.find((line) => line.startsWith(`${partition} `))?.split(' ')[2] ?? 0)
  } catch {
    return 0
  }
}

/** The offset at which the newest segment begins: all below is to be cleaned. */
function newestSegment(folder: string): number {
  return Number.parseInt(filesOf(folder, '.log').at(-1) ?? '0', 10)
}

async function cleaned(partition: string, folder: string): Promise<void> {
  const until = Date.now() + 30_000
  while (newestSegment(folder) === 0 || cleanOffset(partition) < newestSegment(folder)) {
    if (Date.now() > until) {
      throw new Error(`${partition}: clean below ${cleanOffset(partition)} of ${newestSegment(folder)}`)
    }
    await delay(100)
  }
}

const dump = async (folder: string, name: string, ...more: string[]): Promise<string> =>
  (
    await run(
      java('org.apache.kafka.tools.DumpLogSegments', '--files', join(server.dataDir, folder, name), ...more),
    )
  ).join('\n')

/** Every index beside the logs agrees with them, as far as Kafka can tell. */
async function verifyIndexes(folder: string): Promise<void> {
  for (const name of filesOf(folder, 'index')) {
    const checks = name.endsWith('.txnindex') ? [[]] : [['--index-sanity-check'], ['--verify-index-only'], []]
    for (const check of checks) {
      const text = await dump(folder, name, ...check)
      expect(text, `${folder}/${name} ${check.join()}`).not.toMatch(
        /mismatch|failed|corrupt|exception|not found|out of order/i,
      )
    }
  }
}

async function dumpLogs(folder: string, ...more: string[]): Promise<string> {
  const names = filesOf(folder, '.log').filter(
    (name) => statSync(join(server.dataDir, folder, name)).size > 0,
  )
  const texts = []
  for (const name of names) texts.push(await dump(folder, name, ...more))
  return texts.join('\n')
}

maybe(
  'kafka-dump-log reads what compaction left, and Java reads the last value of each key',
  async () => {
    const topic = ['--topic', 'compacted', '--partitions', '2', '--config', 'cleanup.policy=compact']
    const tool = (main: string, ...args: string[]): string[] =>
      java(`org.apache.kafka.tools.${main}`, '--bootstrap-server', server.bootstrap, ...args)
    await run(tool('TopicCommand', '--create', ...topic, '--config', 'segment.bytes=1048576'))
    await run(java(source('CompactionLoad.java'), server.bootstrap, 'compacted', String(ROUNDS)))
    for (const partition of ['compacted 0', 'compacted 1', '__consumer_offsets 0']) {
      await cleaned(partition, partition.replace(' ', '-'))
    }
    const values = await run(java(source('InteropClient.java'), 'read', server.bootstrap, 'compacted'))
    const last = (prefix: string): string[] => values.filter((value) => value.startsWith(prefix))
    // Of what was overwritten before the newest segment nothing is left.
    expect(last('plain 5 ')).toEqual([])
    expect(last(`plain ${ROUNDS - 1} `)).toHaveLength(180)
    expect(last(`transactional ${ROUNDS - 2} `)).toHaveLength(200)
    expect(last(`transactional ${ROUNDS - 1} `)).toEqual([])
    for (const [i, codec] of ['none', 'gzip', 'snappy', 'lz4', 'zstd'].entries()) {
      expect(last(`${codec} ${i} `), codec).toEqual([])
    }
    expect(last(`zstd ${ROUNDS - 1} `)).toHaveLength(200)

    await server.stop()
    for (const folder of ['compacted-0', 'compacted-1']) {
      const text = await dumpLogs(folder, '--print-data-log', '--deep-iteration')
      expect(text).not.toMatch(/isvalid: false/i)
      expect(text).not.toMatch(/exception/i)
      await verifyIndexes(folder)
      for (const name of filesOf(folder, '.snapshot')) expect(await dump(folder, name)).toMatch(/producerId/i)
    }
    const offsets = await dumpLogs('__consumer_offsets-0', '--offsets-decoder')
    expect(offsets).toMatch(/compaction-group/)
    expect(offsets.match(/"partition":0/g)?.length ?? 0).toBeLessThan(4 * ROUNDS)
    await verifyIndexes('__consumer_offsets-0')
    expect(await dumpLogs('__transaction_state-0', '--transaction-log-decoder')).toMatch(
      /compaction.*"transactionStatus":[45]/,
    )
    await verifyIndexes('__transaction_state-0')
  },
  300_000,
)
