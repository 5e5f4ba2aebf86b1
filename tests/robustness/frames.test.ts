// Bytes on the socket that are not the protocol's, or not this broker's part of it: an error of the protocol or
// a closed connection with one log line, nothing kept in memory on the sender's word, and the others are served.

import { connect } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { apiVersions } from '../../broker/protocol/apis/api-versions.ts'
import { apis } from '../../broker/protocol/apis/index.ts'
import { describeConfigs } from '../../broker/protocol/apis/describe-configs.ts'
import { metadata } from '../../broker/protocol/apis/metadata.ts'
import { decodeResponse } from '../../broker/protocol/codec.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { FrameReader } from '../../broker/protocol/framing.ts'
import { encodeRequestFrame } from '../../broker/protocol/header.ts'
import { Random, seeds } from '../world/random.ts'
import { World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await World.start({ config: { 'socket.request.max.bytes': 1_000_000 } })
})
afterAll(() => world[Symbol.asyncDispose]())

/** Sends the bytes, waits for the end of the connection, gives the log lines that came of it. */
async function closedBy(bytes: Uint8Array): Promise<string[]> {
  const before = world.closeReasons().length
  await using client = await world.connect()
  client.write(bytes)
  await client.closed
  return world.closeReasons().slice(before)
}

setFlagsFromString('--expose_gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes in buffers that somebody still holds. */
function heldBytes(): number {
  collectGarbage()
  const { external, arrayBuffers } = process.memoryUsage()
  return external + arrayBuffers
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

/** Size, key, version, correlation id 7, client id null, then the body. */
function frame(apiKey: number, apiVersion: number, body: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(10)
  head.writeInt16BE(apiKey, 0)
  head.writeInt16BE(apiVersion, 2)
  head.writeInt32BE(7, 4)
  head.writeInt16BE(-1, 8)
  return Buffer.concat([int32(head.length + body.length), head, body])
}

describe('sizes', () => {
  test.each([-1, -2147483648, 1_000_001, 2147483647])(
    'a frame of %i bytes closes the connection',
    async (size) => {
      const lines = await closedBy(Buffer.concat([int32(size), Buffer.alloc(100)]))
      expect(lines).toEqual([expect.stringContaining(String(size))])
    },
  )

  test.each([0, 1, 7])('a frame of %i bytes has no header: the connection is closed', async (size) => {
    expect(await closedBy(Buffer.concat([int32(size), Buffer.alloc(size)]))).toHaveLength(1)
  })

  test('an HTTP request is closed with one line', async () => {
    expect(await closedBy(Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'))).toHaveLength(1)
  })

  test('frames that are announced and never come hold no memory', async () => {
    const before = heldBytes()
    const clients = await Promise.all(Array.from({ length: 100 }, () => world.connect()))
    for (const client of clients) client.write(Buffer.concat([int32(1_000_000), Buffer.alloc(1000)]))
    await world.expectServing()
    const after = heldBytes()
    await Promise.all(clients.map((client) => client.close()))
    // 100 of them announced 100 MB and sent 0.1 MB; a first gathering buffer of 64 KiB each is fair.
    expect(after - before).toBeLessThan(30e6)
  })
})

describe('what is not served', () => {
  test.each([-1, 999, 32767, -32768])('API key %i closes the connection with one line', async (key) => {
    expect(await closedBy(frame(key, 0))).toEqual([expect.stringContaining(String(key))])
  })

  test.each(
    apis
      .filter(({ name }) => name !== 'ApiVersions')
      .flatMap(({ name, key, servedVersions: [lowest, highest] }) =>
        [lowest - 1, highest + 1, 32767, -32768]
          .filter((version) => version < lowest || version > highest)
          .map((version) => ({ name, key, version })),
      ),
  )('$name version $version closes the connection with one line', async ({ key, version }) => {
    expect(await closedBy(frame(key, version, Buffer.alloc(20)))).toHaveLength(1)
  })

  test.each([5, 32767, -1])(
    'ApiVersions version %i is answered in the v0 body, with error 35',
    async (version) => {
      await using client = await world.connect()
      client.write(frame(18, version, Buffer.from([0])))
      const reply = await client.nextFrame()
      expect(reply.readInt32BE(0)).toBe(7)
      const { errorCode, apiKeys } = decodeResponse(apiVersions, 0, reply, 4)
      expect(errorCode).toBe(errorCodes.UNSUPPORTED_VERSION)
      expect(apiKeys).toEqual([{ apiKey: 18, minVersion: 0, maxVersion: 4 }])
      // The client goes on with a version it was told of, on the same connection.
      expect(await client.request(apiVersions, 0, {}).catch((error: unknown) => String(error))).toMatchObject(
        {
          errorCode: 0,
        },
      )
    },
  )
})

describe('bodies', () => {
  test.each([2147483647, 1000, -2])(
    'an array of %i elements that are not there closes the connection',
    async (count) => {
      expect(await closedBy(frame(3, 0, int32(count)))).toHaveLength(1)
    },
  )

  test('every prefix of a request is refused or waited for, and none is answered', async () => {
    const whole = Buffer.concat(
      encodeRequestFrame(
        metadata,
        8,
        { correlationId: 7, clientId: 'x' },
        {
          topics: [{ name: 'orders' }],
          allowAutoTopicCreation: false,
        },
      ),
    )
    for (let length = 0; length < whole.length; length++) {
      await using client = await world.connect()
      const cut = Buffer.from(whole.subarray(0, length))
      client.write(cut)
      client.end()
      await client.closed
      await expect(client.nextFrame()).rejects.toThrow('closed')
      if (length < 5) continue
      // The same bytes with a size that says they are all: malformed, and closed for it.
      cut.writeInt32BE(length - 4)
      expect(await closedBy(cut)).toHaveLength(1)
    }
  })

  test.each(seeds(1, 200))('random bytes, seed %i', async (seed) => {
    const random = new Random(seed)
    const bytes = random.bytes(random.between(1, 3000))
    // Half of them are a frame, so that they come as far as the header.
    if (random.chance(0.5) && bytes.length > 8) {
      bytes.writeInt32BE(bytes.length - 4)
      bytes.writeInt16BE(random.below(80), 4)
      if (bytes.length > 10) bytes.writeInt16BE(random.below(20), 6)
    }
    await using client = await world.connect()
    client.write(bytes)
    client.end()
    await client.closed
  })
})

test('a client that asks and does not read makes the broker hold little, and loses nothing by it', async () => {
  const body = {
    resources: [{ resourceType: 4, resourceName: '1', configurationKeys: null }],
    includeSynonyms: true,
    includeDocumentation: true,
  }
  const one = Buffer.concat(encodeRequestFrame(describeConfigs, 4, { correlationId: 7, clientId: 'x' }, body))
  await using other = await world.connect()
  other.write(one)
  const replyBytes = (await other.nextFrame()).length
  const count = Math.ceil(60e6 / replyBytes)
  const before = heldBytes()
  const socket = connect(world.broker.port, '127.0.0.1')
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.pause()
  socket.write(Buffer.concat(Array.from({ length: count }, () => one)))
  // The broker has had every opportunity to answer more: others are served meanwhile.
  for (let i = 0; i < 100; i++) await other.request(apiVersions, 0, {})
  expect(heldBytes() - before).toBeLessThan(20e6)
  let replies = 0
  const frames = new FrameReader({ onFrame: () => replies++ })
  const all = new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      frames.push(chunk)
      if (replies === count) resolve()
    })
  })
  socket.resume()
  await all
  socket.destroy()
})

test('after all of that the broker serves, and nothing went wrong inside', async () => {
  await world.expectServing()
  expect(world.lines.filter((line) => line.startsWith('error'))).toEqual([])
})
