// A broker inside another program: it starts when it can be used, stops when it is told, and leaves nothing.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { startBroker } from '../../broker/server/start-broker.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { StorageError } from '../../broker/storage/storage.ts'
import { batch, DataWorld, fetch, fetchRequest, produce, ZERO_ID } from '../handlers/data-world.ts'
import { fetch as fetchApi } from '../../broker/protocol/apis/fetch.ts'
import { ConnectionClosedError, WireClient } from '../world/wire-client.ts'

const directories: string[] = []
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true })
})
function directory(): string {
  const made = mkdtempSync(join(tmpdir(), 'logmill-test-'))
  directories.push(made)
  return made
}

const canConnect = async (bootstrap: string): Promise<boolean> => {
  try {
    await (await WireClient.connect(bootstrap)).close()
    return true
  } catch {
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

describe('start and stop', () => {
  test('clients can connect when it resolves, and not any more when stop has', async () => {
    const broker = await startBroker()
    expect(broker.bootstrapServers).toBe(`127.0.0.1:${broker.port}`)
    expect(broker.env).toEqual({ KAFKA_BOOTSTRAP_SERVERS: broker.bootstrapServers })
    expect(await canConnect(broker.bootstrapServers)).toBe(true)
    await Promise.all([broker.stop(), broker.stop()])
    await broker.stop()
    expect(await canConnect(broker.bootstrapServers)).toBe(false)
  })

  test('many fetches that wait are no leak that Node would warn the host of', async () => {
    const warnings: string[] = []
    const heard = ({ name }: Error): number => warnings.push(name)
    process.on('warning', heard)
    try {
      await using broker = await startBroker({ topics: { quiet: {} } })
      const clients = await Promise.all(
        Array.from({ length: 12 }, () => WireClient.connect(broker.bootstrapServers)),
      )
      const waiting = clients.map((client) =>
        client.request(fetchApi, 11, fetchRequest({ topic: 'quiet', maxWaitMs: 100, minBytes: 1 })),
      )
      await Promise.all(waiting)
      for (const client of clients) await client.close()
    } finally {
      process.off('warning', heard)
    }
    expect(warnings).toEqual([])
  })

  test('await using stops it', async () => {
    let bootstrap = ''
    {
      await using broker = await startBroker()
      bootstrap = broker.bootstrapServers
    }
    expect(await canConnect(bootstrap)).toBe(false)
  })

  test('no timer is left, whatever was under way', async () => {
    const world = await DataWorld.start({ topics: { t: {} } })
    const { clock } = world
    await world.ask('FindCoordinator', 6, { keyType: 0, coordinatorKeys: ['g'] })
    await world.ask('FindCoordinator', 6, { keyType: 1, coordinatorKeys: ['t'] })
    await produce(world, batch(), { topic: 't' })
    const member = { groupId: 'g', memberId: '', groupInstanceId: 'i', protocolType: 'consumer' }
    const joining = world.ask('JoinGroup', 5, {
      ...member,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 60_000,
      protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
    })
    await expect.poll(() => (clock.nextDueMs ?? Infinity) <= clock.now()).toBe(true)
    await clock.advance(0)
    expect((await joining).errorCode).toBe(0)
    const waiting = world.ask('Fetch', 12, {
      ...fetchRequest({ topic: 't', partitions: [{ fetchOffset: 1n }], maxWaitMs: 60_000 }),
    })
    const lost = expect(waiting).rejects.toThrow(ConnectionClosedError)
    await world.broker.stop()
    await lost
    expect(clock.timersSet).toBe(0)
  })

  test('a signal stops it', async () => {
    const controller = new AbortController()
    const broker = await startBroker({ signal: controller.signal })
    controller.abort()
    await expect.poll(() => canConnect(broker.bootstrapServers)).toBe(false)
    await broker.stop()
  })

  test('a signal that was given before, or while it starts, rejects with its reason', async () => {
    const reason = new Error('not needed any more')
    await expect(startBroker({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const dataDir = directory()
    const starting = startBroker({ signal: controller.signal, dataDir })
    controller.abort(reason)
    await expect(starting).rejects.toBe(reason)
    // Nothing holds the directory.
    await (await startBroker({ dataDir })).stop()
  })
})

describe('what does not start leaves nothing', () => {
  let taken: Server
  afterEach(() => taken?.close())

  test('a port that is taken', async () => {
    taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    const clock = new ManualClock()
    const dataDir = directory()
    await expect(startBroker({ port, dataDir, clock })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    expect(clock.timersSet).toBe(0)
    await (await startBroker({ dataDir })).stop()
  })

  test('a second broker on the same directory', async () => {
    const dataDir = directory()
    await using first = await startBroker({ dataDir })
    const before = readdirSync(dataDir)
    await expect(startBroker({ dataDir })).rejects.toThrow(StorageError)
    expect(readdirSync(dataDir)).toEqual(before)
    expect(await canConnect(first.bootstrapServers)).toBe(true)
  })

  test('a topic that cannot be made', async () => {
    const clock = new ManualClock()
    const topics = { 'no such name!': {} }
    await expect(startBroker({ topics, clock })).rejects.toThrow(/topic 'no such name!'/)
    expect(clock.timersSet).toBe(0)
  })

  test('all wrong settings in one message', async () => {
    const config = { 'num.partitions': 'many', 'log.segment.bytes': -3 }
    await expect(startBroker({ config })).rejects.toThrow(/num\.partitions[\s\S]*log\.segment\.bytes/)
  })

  test('an address beyond loopback, unless it is said to be meant', async () => {
    await expect(startBroker({ host: '0.0.0.0' })).rejects.toThrow(/authentication/)
    await using broker = await startBroker({ host: '0.0.0.0', insecure: true })
    expect(broker.bootstrapServers).toBe(`127.0.0.1:${broker.port}`)
    expect(await canConnect(broker.bootstrapServers)).toBe(true)
  })
})

describe('options', () => {
  test('topics are there, with what they were given, and one that exists is left as it is', async () => {
    const dataDir = directory()
    const first = await startBroker({ dataDir, topics: { words: { partitions: 3 }, plain: {} } })
    expect(first.logViews.topics().toSorted()).toEqual(['plain', 'words'])
    expect(first.logViews.partitionCount('words')).toBe(3)
    await first.stop()
    await using second = await startBroker({ dataDir, topics: { words: { partitions: 8 } } })
    expect(second.logViews.partitionCount('words')).toBe(3)
  })

  test('an unknown and an ignored key are warned about by name', async () => {
    const warnings: string[] = []
    const logger = { ...silent, warn: (line: string) => void warnings.push(line) }
    const config = { 'log.retention.hour': 5, 'num.replica.fetchers': 2 }
    await using _ = await startBroker({ config, logger })
    expect(warnings.find((line) => line.includes('log.retention.hour'))).toBeDefined()
    expect(warnings.find((line) => line.includes('num.replica.fetchers'))).toBeDefined()
  })

  test('two brokers side by side know nothing of each other', async () => {
    await using one = await DataWorld.start({ topics: { t: {} } })
    await using two = await DataWorld.start({ topics: { t: {} } })
    await produce(one, batch(3), { topic: 't' })
    expect(one.broker.clusterId).not.toBe(two.broker.clusterId)
    expect((await fetch(two, { topic: 't' }))[0]?.highWatermark).toBe(0n)
    expect((await fetch(one, { topic: 't' }))[0]?.highWatermark).toBe(3n)
  })

  test('clients are told the address of the listener that they reached', async () => {
    const outside = await freePort()
    const config = {
      listeners: `INSIDE://127.0.0.1:0,OUTSIDE://127.0.0.1:${outside}`,
      'advertised.listeners': 'INSIDE://inside:29092,OUTSIDE://outside:9092',
      'listener.security.protocol.map': 'INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT',
      'inter.broker.listener.name': 'INSIDE',
    }
    await using world = await DataWorld.start({ config })
    await using other = await WireClient.connect(`127.0.0.1:${outside}`)
    const question = { topics: [], allowAutoTopicCreation: false }
    const fromInside = await world.ask('Metadata', 12, question)
    const fromOutside = await world.ask('Metadata', 12, question, other)
    expect(fromInside.brokers).toMatchObject([{ host: 'inside', port: 29092 }])
    expect(fromOutside.brokers).toMatchObject([{ host: 'outside', port: 9092 }])
  })

  test('without advertised.listeners it is the address that the client has just reached', async () => {
    await using world = await DataWorld.start()
    const topics = [{ name: 'none', topicId: ZERO_ID }]
    const { brokers } = await world.ask('Metadata', 12, { topics, allowAutoTopicCreation: false })
    expect(brokers).toMatchObject([{ host: '127.0.0.1', port: world.broker.port }])
  })
})
