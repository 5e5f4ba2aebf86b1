// Memory that is used again: the pool by itself, and a listener under whose clients it goes round. What a
// handler or a client sees must never change under it.

import { createHash } from 'node:crypto'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { BufferPool } from '../../broker/net/buffer-pool.ts'
import { Listener } from '../../broker/net/listener.ts'
import type { NetLimits, RequestProcessor } from '../../broker/net/net.ts'
import { readInto } from '../../broker/net/read-buffer.ts'
import { FrameReader } from '../../broker/protocol/framing.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { Random } from '../world/random.ts'

const KB = 1024

describe('the pool', () => {
  test('gives the same memory again, cut to the size that is asked for', () => {
    const pool = new BufferPool()
    const first = pool.take(100 * KB)
    expect(first.length).toBe(100 * KB)
    expect(pool.owns(first)).toBe(true)
    pool.giveBack(first.subarray(5, 10))
    expect(pool.idleBytes).toBe(128 * KB)
    const second = pool.take(128 * KB)
    expect(second.buffer).toBe(first.buffer)
    expect(pool.take(100 * KB).buffer).not.toBe(first.buffer)
  })

  test('takes nothing back twice, and nothing that is not its own', () => {
    const pool = new BufferPool()
    const buffer = pool.take(64 * KB)
    pool.giveBack(buffer)
    pool.giveBack(buffer)
    pool.giveBack(Buffer.alloc(64 * KB))
    expect(pool.idleBytes).toBe(64 * KB)
    expect(pool.owns(buffer)).toBe(false)
  })

  test('keeps no more than it may', () => {
    const pool = new BufferPool(256 * KB)
    const taken = [128, 128, 64].map((size) => pool.take(size * KB))
    for (const buffer of taken) pool.giveBack(buffer)
    expect(pool.idleBytes).toBe(256 * KB)
  })

  test('has nothing to do with small and very large ones', () => {
    const pool = new BufferPool()
    for (const size of [0, 1, 64 * KB - 1, 4 * KB * KB + 1]) {
      const buffer = pool.take(size)
      expect(buffer.length).toBe(size)
      expect(pool.owns(buffer)).toBe(false)
      expect(pool.takeKept(size)).toBeUndefined()
    }
  })

  test('says what it has without making any', () => {
    const pool = new BufferPool()
    expect(pool.takeKept(70 * KB)).toBeUndefined()
    pool.giveBack(pool.take(70 * KB))
    expect(pool.takeKept(70 * KB)?.length).toBe(70 * KB)
    expect(pool.idleBytes).toBe(0)
  })
})

const digest = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex')

describe('a listener', () => {
  const open: { close(): Promise<void> | void }[] = []
  afterEach(async () => {
    for (const each of open.splice(0).reverse()) await each.close()
  })

  async function listen(process: RequestProcessor, buffers: BufferPool): Promise<number> {
    const limits: NetLimits = {
      clock: new ManualClock(),
      requestMaxBytes: 1024 * KB,
      inFlightRequestsPerConnection: 16,
      inFlightBytesPerConnection: 8 * 1024 * KB,
      inFlightBytes: 32 * 1024 * KB,
      maxConnections: 10,
      maxConnectionsFrom: () => 10,
      connectionsMaxIdleMs: -1,
      buffers,
    }
    const listener = await Listener.open({
      host: '127.0.0.1',
      port: 0,
      limits,
      process,
      onConnectionError: () => {},
    })
    open.push(listener)
    return listener.port
  }

  /** Sends the frames as fast as they go; resolves with as many replies. */
  async function exchange(port: number, frames: readonly Buffer[]): Promise<Buffer[]> {
    const socket: Socket = connect(port, '127.0.0.1')
    open.push({ close: () => void socket.destroy() })
    const replies: Buffer[] = []
    const reader = new FrameReader({ onFrame: (frame) => replies.push(Buffer.from(frame)) })
    return new Promise((resolve, reject) => {
      socket.on('error', reject)
      socket.on('data', (chunk: Buffer) => {
        reader.push(chunk)
        if (replies.length === frames.length) resolve(replies)
      })
      for (const frame of frames) {
        const size = Buffer.alloc(4)
        size.writeInt32BE(frame.length)
        socket.write(size)
        socket.write(frame)
      }
    })
  }

  test('leaves a request alone until it is answered, and a reply until it is sent', async () => {
    const random = new Random(7)
    const pool = new BufferPool()
    const pending: (() => void)[] = []
    let changed = 0
    const port = await listen((frame) => {
      const before = digest(frame)
      return new Promise((resolve) => {
        pending.push(() => {
          if (digest(frame) !== before) changed++
          const reply = pool.take(4 + 200 * KB)
          reply.writeInt32BE(200 * KB)
          reply.fill(frame[2] as number, 4)
          resolve([reply])
        })
        // Answered late and in any order, some at once.
        while (pending.length > random.below(6)) pending.splice(random.below(pending.length), 1)[0]?.()
        if (frame.length === 3) for (const answer of pending.splice(0)) answer()
      })
    }, pool)
    const frames = Array.from({ length: 60 }, (_, i) => {
      const size = random.chance(0.5) ? random.between(64 * KB, 400 * KB) : random.between(2, 3000)
      return random
        .bytes(8)
        .fill(i, 0, 1)
        .toString('latin1')
        .repeat(Math.ceil(size / 8))
    }).map((text) => Buffer.from(`\0\0${text}`, 'latin1'))
    // Requests of key 0, Produce, are worked on side by side. Of one more byte: everybody who waits is answered.
    frames.push(Buffer.from([0, 0, 250]))
    const replies = await Promise.all([exchange(port, frames), exchange(port, frames)])
    expect(changed).toBe(0)
    for (const ofOne of replies) {
      const wrong = ofOne.filter((reply, i) => !reply.equals(Buffer.alloc(200 * KB, frames[i]?.[2])))
      expect(wrong).toHaveLength(0)
    }
    expect(pool.idleBytes).toBeGreaterThan(0)
  })

  test('reads in the ordinary way where there is no buffer for it', async () => {
    const received: string[] = []
    const server = createServer({ pauseOnConnect: true }, (accepted) => {
      const socket = readInto(undefined, accepted, (bytes) => {
        received.push(bytes.toString())
        socket.end()
      })
      expect(socket).toBe(accepted)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    open.push({ close: () => void server.close() })
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    client.write('hello')
    client.resume()
    await new Promise((resolve) => client.once('close', resolve))
    expect(received.join('')).toBe('hello')
  })
})
