// A broker whose connections end in the middle: requests that were carried out and whose replies were lost are sent
// again, and count once. The broker advertises a proxy that cuts the connection at the reply that it is told to.

import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FrameReader } from '../../broker/protocol/framing.ts'
import { buildBatch } from '../../broker/protocol/record-batch/builder.ts'
import { type Broker, startBroker } from '../../broker/server/start-broker.ts'
import { connectKafka, type RemoteKafka } from '../../client/connect-kafka.ts'
import { textValues } from '../../processor/source/row-kind.ts'
import { StreamingContext } from '../../processor/streaming-context.ts'
import { framed } from '../world/guard.ts'
import { committedRows, until } from '../world/jobs.ts'

const KEYS = {
  produce: 0,
  fetch: 1,
  listOffsets: 2,
  metadata: 3,
  findCoordinator: 10,
  initProducerId: 22,
  endTxn: 26,
  txnOffsetCommit: 28,
} as const

let broker: Broker
let proxy: Proxy
let kafka: RemoteKafka

async function start(dataDir?: string): Promise<void> {
  broker = await startBroker({
    port: 0,
    config: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxy.port}` },
    topics: { in: { partitions: 1 }, out: { partitions: 1 } },
    ...(dataDir !== undefined && { dataDir }),
  })
  proxy.target = broker.port
}

function connectAnew(): void {
  const bootstrapServers = `127.0.0.1:${proxy.port}`
  kafka = connectKafka({ bootstrapServers, pollMs: 5, retryBackoffMs: 2, deadlineMs: 10_000 })
}

beforeEach(async () => {
  proxy = await Proxy.start()
  await start()
  connectAnew()
})

afterEach(async () => {
  await kafka.close()
  await proxy.stop()
  await broker.stop()
})

async function write(topic: string, values: readonly string[]): Promise<void> {
  const session = await kafka.output.open('producer', 10_000)
  session.begin()
  for (const value of values) {
    const record = { timestampMs: 1, key: null, value: Buffer.from(value) }
    await session.append(topic, 0, buildBatch([record]))
  }
  await session.commitOffsets('group', [{ topic: 'in', partition: 0, offset: 1n, metadata: '' }])
  await session.commit()
  await session.close()
}

const rows = (topic: string) => committedRows(broker.logViews, topic)

test.each(['metadata', 'findCoordinator', 'initProducerId', 'produce', 'txnOffsetCommit', 'endTxn'] as const)(
  'the reply to %s is lost, before and after it was carried out: each record is there once',
  async (api) => {
    await write('out', ['before'])
    for (const when of ['request', 'reply'] as const) {
      // A connection that is there already has no need to ask who there is.
      await kafka.close()
      connectAnew()
      proxy.cutAt(KEYS[api], when)
      await write('out', [`a ${when}`, `b ${when}`])
      expect(proxy.cuts).toBe(when === 'request' ? 1 : 2)
    }
    // The second transaction is over when the next one begins.
    await write('out', ['end'])
    await write('out', [])
    expect(rows('out')).toEqual(['before', 'a request', 'b request', 'a reply', 'b reply', 'end'])
  },
)

test('a transaction whose commit was not heard of, and that was committed, is not gone on from as an aborted one', async () => {
  await kafka.close()
  const bootstrapServers = `127.0.0.1:${proxy.port}`
  kafka = connectKafka({ bootstrapServers, pollMs: 5, retryBackoffMs: 2, deadlineMs: 200 })
  const session = await kafka.output.open('producer', 10_000)
  session.begin()
  await session.append('out', 0, buildBatch([{ timestampMs: 1, key: null, value: Buffer.from('a') }]))
  proxy.cutAt(KEYS.endTxn, 'reply', Number.POSITIVE_INFINITY)
  await expect(session.commit()).rejects.toThrow()
  proxy.cutAt(undefined, 'reply')
  await expect(session.abort()).rejects.toThrow(/INVALID_TXN_STATE/)
  expect(() => session.begin()).toThrow(/begin while the session is aborting/)
  expect(rows('out')).toEqual(['a'])
})

function copying(checkpoint: string): StreamingContext {
  const context = new StreamingContext({
    appName: 'copy',
    trigger: 'asap',
    broker: kafka,
    checkpoint,
    warn: () => {},
  })
  context
    .createDirectStream('in', textValues, { startingOffsets: 'earliest' })
    .toTopic('out', (value) => ({ value }))
  return context
}

test('a job goes on over every kind of lost reply, and over a broker that restarts', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'logmill-flaky-'))
  await broker.stop()
  await start(join(directory, 'data'))
  const context = copying(join(directory, 'checkpoint'))
  await context.start()
  const expected: string[] = []
  const next = async (value: string) => {
    expected.push(value)
    await write('in', [value])
    await until(context, () => rows('out').length === expected.length)
  }
  for (const api of ['listOffsets', 'fetch', 'produce', 'txnOffsetCommit', 'endTxn'] as const) {
    const before = proxy.cuts
    proxy.cutAt(KEYS[api], 'reply')
    await next(api)
    expect(proxy.cuts, api).toBe(before + 1)
  }
  await broker.stop()
  await start(join(directory, 'data'))
  await next('restarted')
  await context.stop()
  expect(rows('out')).toEqual(expected)
  await broker.stop()
  rmSync(directory, { recursive: true, force: true })
}, 20_000)

/** Frames of a request pass one after the other; the one that it is told of ends the connection. */
class Proxy {
  target = 0
  cuts = 0
  private key: number | undefined
  private when: 'request' | 'reply' = 'reply'
  private left = 0
  private readonly server: Server

  private constructor() {
    this.server = createServer((client) => {
      const upstream = connect(this.target, '127.0.0.1')
      const keys: number[] = []
      const end = () => {
        client.destroy()
        upstream.destroy()
      }
      const isCut = (key: number | undefined, when: string) => {
        if (key === undefined || key !== this.key || when !== this.when) return false
        if (--this.left === 0) this.key = undefined
        this.cuts++
        end()
        return true
      }
      const requests = new FrameReader({
        onFrame: (frame) => {
          const key = frame.readInt16BE(0)
          if (isCut(key, 'request')) return
          keys.push(key)
          upstream.write(framed(frame))
        },
      })
      const replies = new FrameReader({
        onFrame: (frame) => {
          if (!isCut(keys.shift(), 'reply')) client.write(framed(frame))
        },
      })
      client.on('data', (chunk: Buffer) => requests.push(chunk))
      upstream.on('data', (chunk: Buffer) => replies.push(chunk))
      for (const socket of [client, upstream]) socket.on('error', end).on('close', end)
    })
  }

  static async start(): Promise<Proxy> {
    const proxy = new Proxy()
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  /** The next request or reply of this API, or as many of them, end their connections. */
  cutAt(key: number | undefined, when: 'request' | 'reply', times = 1): void {
    this.key = key
    this.when = when
    this.left = times
  }

  stop(): Promise<void> {
    return new Promise((resolve) => this.server.close(() => resolve()))
  }
}
