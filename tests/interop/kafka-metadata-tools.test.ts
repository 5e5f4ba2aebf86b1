// The metadata of a data directory between logmill and Kafka 4.3: Kafka's tools read our snapshots, Kafka starts from
// them, and what Kafka has written, snapshots and a log that begins with one, opens here.

import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { java, skipReason } from './clients.ts'
import { runTool, tool, toolsMissing } from './tools.ts'
import { WireClient } from '../world/wire-client.ts'
import { run, Running, Server } from './world.ts'

const maybe =
  skipReason({ name: 'Kafka metadata tools', missing: toolsMissing }) === undefined ? test : test.skip

/** So few that every few topics are a snapshot. */
const set = { 'metadata.log.max.record.bytes.between.snapshots': '2500' }
const LOOK_AGAIN_MS = 200
const CLUSTER_ID = 'bG9nbWlsbC1pbnRlcm9wMQ'

let folder: string
let dataDir: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'logmill-metadata-'))
  dataDir = join(folder, 'data')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const metadataFiles = (ending: string): string[] =>
  readdirSync(join(dataDir, '__cluster_metadata-0'))
    .filter((name) => name.endsWith(ending))
    .sort()
const create = (bootstrap: string, topic: string, partitions: number): Promise<string[]> =>
  runTool(bootstrap, 'kafka-topics', '--create', '--topic', topic, '--partitions', String(partitions))
const list = (bootstrap: string): Promise<string[]> => runTool(bootstrap, 'kafka-topics', '--list')

async function freePort(): Promise<number> {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', () => resolve()))
  const { port } = taken.address() as AddressInfo
  await new Promise((resolve) => taken.close(resolve))
  return port
}

/** The settings of a Kafka on the data directory. `quorum`: how it knows its voters. */
async function kafkaSettings(quorum: 'static' | 'dynamic'): Promise<{ file: string; bootstrap: string }> {
  const [port, controllerPort] = [await freePort(), await freePort()]
  const controller = `127.0.0.1:${controllerPort}`
  const file = join(folder, `kafka-${port}.properties`)
  const voters =
    quorum === 'static'
      ? `controller.quorum.voters=1@${controller}`
      : `controller.quorum.bootstrap.servers=${controller}`
  writeFileSync(
    file,
    `process.roles=broker,controller
node.id=1
${voters}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://${controller}
controller.listener.names=CONTROLLER
log.dirs=${dataDir}
offsets.topic.replication.factor=1
metadata.log.max.record.bytes.between.snapshots=2000
`,
  )
  return { file, bootstrap: `127.0.0.1:${port}` }
}

async function withKafka(
  { file, bootstrap }: { file: string; bootstrap: string },
  act: (bootstrap: string) => Promise<void>,
): Promise<void> {
  const kafka = new Running(java('kafka.Kafka', file))
  try {
    // The port opens before the broker knows its metadata; a client that finds none then asks again.
    while (!(await isOpen(bootstrap))) {
      if (kafka.child.exitCode !== null) throw kafka.failure('Kafka does not start')
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
    }
    await act(bootstrap)
    kafka.child.kill('SIGTERM')
    await kafka.ended
  } finally {
    kafka.child.kill('SIGKILL')
  }
}

async function isOpen(bootstrap: string): Promise<boolean> {
  try {
    await (await WireClient.connect(bootstrap)).close()
    return true
  } catch {
    return false
  }
}

async function withLogmill(act: (bootstrap: string) => Promise<void>): Promise<void> {
  await using server = await Server.start({ dataDir, set })
  await act(server.bootstrap)
  await server.stop()
}

describe('a snapshot of the metadata', () => {
  maybe(
    'is read by kafka-dump-log, kafka-metadata-shell and, with its directory, by kafka-storage',
    async () => {
      await withLogmill(async (bootstrap) => {
        for (const topic of ['orders', 'others']) await create(bootstrap, topic, 30)
      })
      const [snapshot = ''] = metadataFiles('.checkpoint')
      const path = join(dataDir, '__cluster_metadata-0', snapshot)
      const dumped = (await run(tool('kafka-dump-log', '--cluster-metadata-decoder', '--files', path))).join(
        '\n',
      )
      expect(dumped).toContain('SnapshotHeader {"version":0')
      expect(dumped).toMatch(/"type":"TOPIC_RECORD".*"name":"orders"/)
      expect(dumped).toContain('SnapshotFooter {"version":0}')
      expect(dumped).not.toMatch(/isvalid: false/)
      const shell = (...args: string[]): Promise<string[]> =>
        run(tool('kafka-metadata-shell', '--snapshot', path, ...args))
      expect(await shell('ls', '/image/topics/byName')).toContain('orders')
      expect((await shell('cat', '/image/topics/byName/orders/29')).join('\n')).toContain('leader=1')
      const { file } = await kafkaSettings('static')
      expect((await run(tool('kafka-storage', 'info', '-c', file))).join('\n')).toContain('node.id=1')
      expect((await run(tool('kafka-storage', 'random-uuid'))).join('\n')).toMatch(/^[\w-]{22}$/m)
    },
  )

  maybe('of ours starts Kafka, and one of Kafka’s starts us, after the log below it is gone', async () => {
    await withLogmill(async (bootstrap) => {
      for (const topic of ['one', 'two', 'three']) await create(bootstrap, topic, 30)
    })
    expect(metadataFiles('.checkpoint')).toHaveLength(2)
    expect(metadataFiles('.log')[0]).not.toBe('00000000000000000000.log')
    await withKafka(await kafkaSettings('static'), async (bootstrap) => {
      expect(await list(bootstrap)).toEqual(expect.arrayContaining(['one', 'two', 'three']))
      await create(bootstrap, 'four', 40)
      await create(bootstrap, 'five', 40)
    })
    const newest = metadataFiles('.checkpoint').at(-1)
    await withLogmill(async (bootstrap) => {
      expect(await list(bootstrap)).toEqual(expect.arrayContaining(['one', 'two', 'three', 'four', 'five']))
      await create(bootstrap, 'six', 30)
    })
    expect(metadataFiles('.checkpoint').at(-1)).not.toBe(newest)
  })

  maybe('keeps the voters that a Kafka named in its log', async () => {
    const settings = await kafkaSettings('dynamic')
    await run(tool('kafka-storage', 'format', '--standalone', '-t', CLUSTER_ID, '-c', settings.file))
    await withKafka(settings, async (bootstrap) => void (await create(bootstrap, 'of-kafka', 3)))
    await withLogmill(async (bootstrap) => {
      expect(await list(bootstrap)).toContain('of-kafka')
      for (const topic of ['one', 'two', 'three']) await create(bootstrap, topic, 30)
    })
    // Nothing of what Kafka said of its voters is left but in our own snapshots.
    expect(
      existsSync(join(dataDir, '__cluster_metadata-0', '00000000000000000000-0000000000.checkpoint')),
    ).toBe(false)
    await withKafka(settings, async (bootstrap) => {
      expect(await list(bootstrap)).toEqual(expect.arrayContaining(['of-kafka', 'one', 'two', 'three']))
    })
  })
})
