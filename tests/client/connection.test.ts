// A broker that misbehaves: whatever it sends, the client ends the connection, says why, and keeps nothing.

import { createServer, type Server, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { metadata } from '../../broker/protocol/apis/metadata.ts'
import { apiVersions } from '../../broker/protocol/apis/api-versions.ts'
import { saslAuthenticate } from '../../broker/protocol/apis/sasl-authenticate.ts'
import { saslHandshake } from '../../broker/protocol/apis/sasl-handshake.ts'
import { encodeResponseFrame } from '../../broker/protocol/header.ts'
import { Cluster } from '../../client/cluster.ts'
import { BrokerConnection } from '../../client/connection.ts'
import { securityOf } from '../../client/security.ts'

let server: Server | undefined

afterEach(
  () => new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve()))),
)

const clock = new ManualClock()
const options = { clientId: 'test', requestTimeoutMs: 1_000, clock, security: securityOf({}) }

/** A broker that answers ApiVersions, and then does as told. */
async function broker(
  then: (socket: Socket, correlationId: number) => void,
  versions?: Buffer[],
): Promise<number> {
  server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (request) => {
      const correlationId = request.readInt32BE(8)
      if (request.readInt16BE(4) !== 18) then(socket, correlationId)
      else if (versions !== undefined) socket.write(versions.shift() as Buffer)
      else socket.write(Buffer.concat(encodeResponseFrame(apiVersions, 3, correlationId, served)))
    })
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const served = { errorCode: 0, apiKeys: [{ apiKey: 3, minVersion: 0, maxVersion: 9 }] }

const open = (port: number) => BrokerConnection.open({ host: '127.0.0.1', port }, options)
const ask = (connection: BrokerConnection) =>
  connection.request(metadata, connection.versionOf(metadata), { topics: null })

const frame = (size: number, ...bytes: number[]) => {
  const head = Buffer.alloc(4)
  head.writeInt32BE(size)
  return Buffer.concat([head, Buffer.from(bytes)])
}

test.each([
  ['a size below zero', () => frame(-1), /a frame of -1 bytes/],
  ['a size of a gigabyte', () => frame(1 << 30), /a frame of 1073741824 bytes/],
  ['a reply to another request', () => frame(5, 0, 0, 0, 99, 0), /reply 99 came for request/],
  ['a reply that ends early', (id: number) => frame(6, 0, 0, 0, id, 0, 0), /MetadataResponse/],
  ['a reply of nothing', () => frame(0), /reply undefined came for request/],
])('%s ends the connection', async (_, bytes, message) => {
  const port = await broker((socket, id) => socket.write(bytes(id)))
  const connection = await open(port)
  await expect(ask(connection)).rejects.toThrow(message)
  expect(connection.isOpen).toBe(false)
  await expect(ask(connection)).rejects.toThrow(message)
})

test('half a reply and then silence is given up in time', async () => {
  const port = await broker((socket) => {
    socket.write(frame(1000, 0, 0))
    void clock.advance(1_000)
  })
  await expect(ask(await open(port))).rejects.toThrow(/Metadata: no reply within 1000 ms/)
})

test('a connection that ends rejects what waits', async () => {
  const port = await broker((socket) => socket.destroy())
  await expect(ask(await open(port))).rejects.toThrow(/closed/)
})

test('a reply that nothing was asked for ends the connection', async () => {
  const port = await broker((socket) => socket.write(frame(0)))
  const connection = await open(port)
  await Promise.allSettled([ask(connection)])
  expect(connection.isOpen).toBe(false)
})

test('a broker that does not know the version asked for is asked in the oldest', async () => {
  const unsupported = Buffer.concat(encodeResponseFrame(apiVersions, 0, 1, { errorCode: 35, apiKeys: [] }))
  const old = Buffer.concat(encodeResponseFrame(apiVersions, 0, 2, served))
  const connection = await open(await broker(() => undefined, [unsupported, old]))
  expect(connection.versionOf(metadata)).toBe(9)
  expect(() => connection.versionOf(apiVersions)).toThrow(/no version of ApiVersions that both speak/)
  connection.close()
})

test('a client that is closed waits for no reply, not even on connections whose session is nearly over', async () => {
  const asked: number[] = []
  server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (request) => {
      const [key, version, id] = [request.readInt16BE(4), request.readInt16BE(6), request.readInt32BE(8)]
      const answer = (chunks: Uint8Array[]) => socket.write(Buffer.concat(chunks))
      const apiKeys = [3, saslHandshake.key, saslAuthenticate.key].map((apiKey) => ({
        apiKey,
        minVersion: 0,
        maxVersion: apiKey === 3 ? 12 : 1,
      }))
      if (key === apiVersions.key) answer(encodeResponseFrame(apiVersions, 3, id, { errorCode: 0, apiKeys }))
      else if (key === saslHandshake.key)
        answer(encodeResponseFrame(saslHandshake, version, id, { errorCode: 0, mechanisms: ['PLAIN'] }))
      else if (key === saslAuthenticate.key)
        answer(encodeResponseFrame(saslAuthenticate, version, id, { ...admitted, sessionLifetimeMs: 100n }))
      else asked.push(key)
    })
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const login = { saslMechanism: 'PLAIN', saslUsername: 'a', saslPassword: 'b' } as const
  const security = securityOf({ securityProtocol: 'SASL_PLAINTEXT', ...login })
  const bootstrap = [{ host: '127.0.0.1', port }]
  const cluster = new Cluster({ ...options, security, bootstrap, deadlineMs: 10_000, retryBackoffMs: 10 })
  const waiting: Promise<unknown>[] = []
  for (const count of [1, 2]) {
    waiting.push(cluster.metadata(null))
    await vi.waitFor(() => expect(asked).toHaveLength(count))
    clock.tick(90)
  }
  cluster.close()
  for (const { reason } of (await Promise.allSettled(waiting)) as PromiseRejectedResult[]) {
    expect(reason).toMatchObject({ message: expect.stringMatching(/the client closed the connection/) })
  }
})

const admitted = { errorCode: 0, errorMessage: null, authBytes: Buffer.alloc(0) }
