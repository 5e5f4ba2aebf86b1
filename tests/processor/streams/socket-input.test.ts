// Rows from a TCP server: lines however they are cut, connections that end, and servers that send nonsense.

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { plainRows, type RowCodec, textRows } from '../../../processor/source/row-codec.ts'
import { linesOf } from '../../../processor/source/socket-receiver.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import type { ReceiverOptions } from '../../../processor/streams/receiver-input.ts'
import { ModelLog } from '../model-log.ts'

let server: Server
let port: number
let sockets: Socket[]
let clock: ManualClock
let rows: unknown[]
let errors: string[]

beforeEach(async () => {
  sockets = []
  rows = []
  errors = []
  clock = new ManualClock()
  server = createServer((socket) => {
    socket.on('error', () => undefined)
    sockets.push(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})

afterEach(() => {
  for (const socket of sockets) socket.destroy()
  return new Promise<void>((resolve) => server.close(() => resolve()))
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    // Blocks are cut by this clock; a restart takes two seconds of it.
    await clock.advance(200)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function newContext(): StreamingContext {
  const context = new StreamingContext({ appName: 'socket', batchDuration: 1000, clock, warn: () => {} })
  context.addStreamingListener({
    onReceiverError: ({ lastErrorMessage }) => void errors.push(lastErrorMessage ?? ''),
  })
  return context
}

async function started(): Promise<StreamingContext> {
  const context = newContext()
  context
    .socketTextStream('127.0.0.1', port)
    .foreachRDD(async (rdd) => void rows.push(...(await rdd.collect())))
  await context.start()
  await until(() => sockets.length === 1)
  return context
}

test('lines come whole however they were cut, and half a line counts when the connection ends', async () => {
  const context = await started()
  const [socket] = sockets
  for (const part of ['on', 'e\r', '\ntw', 'o\n\rthr', 'ee\r\nhal']) {
    socket?.write(part)
    await new Promise((resolve) => setImmediate(resolve))
  }
  socket?.end('f')
  await until(() => rows.length === 5)
  expect(rows).toEqual(['one', 'two', '', 'three', 'half'])
  await until(() => sockets.length === 2)
  sockets[1]?.write('again\n')
  await until(() => rows.length === 6)
  await context.stop()
  expect(errors).toEqual([`restarting in 2000 ms: 127.0.0.1:${port} has ended the connection`])
})

test('a line without an end is given up after a megabyte, and the server tried again', async () => {
  const context = await started()
  sockets[0]?.write('good\n')
  sockets[0]?.write(Buffer.alloc(1_100_000, 'x'))
  await until(() => sockets.length === 2)
  sockets[1]?.write('good again\n')
  await until(() => rows.length === 2)
  await context.stop()
  expect(rows).toEqual(['good', 'good again'])
  expect(errors[0]).toMatch(/a line of more than 1000000 bytes/)
})

test('a server that is not there is tried again', async () => {
  await new Promise<void>((resolve) => server.close(() => resolve()))
  const context = newContext()
  context
    .socketTextStream('127.0.0.1', port)
    .foreachRDD(async (rdd) => void rows.push(...(await rdd.collect())))
  await context.start()
  await until(() => errors.length === 2)
  expect(errors[1]).toMatch(/ECONNREFUSED/)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  await until(() => sockets.length === 1)
  sockets[0]?.write('here\n')
  await until(() => rows.length === 1)
  await context.stop()
  expect(rows).toEqual(['here'])
})

test('a converter of the user cuts its own rows; what it throws is told', async () => {
  async function* numbers(bytes: AsyncIterable<Buffer>): AsyncGenerator<number> {
    for await (const chunk of bytes) {
      for (const byte of chunk) {
        if (byte === 255) throw new Error('255 is none of ours')
        yield byte
      }
    }
  }
  const context = newContext()
  context
    .socketStream('127.0.0.1', port, numbers)
    .reduce((a, b) => a + b)
    .foreachRDD(async (rdd) => void rows.push(...(await rdd.collect())))
  await context.start()
  await until(() => sockets.length === 1)
  sockets[0]?.write(Buffer.from([1, 2, 3]))
  await until(() => rows.reduce((sum: number, row) => sum + (row as number), 0) === 6)
  sockets[0]?.write(Buffer.from([255]))
  await until(() => errors.length === 1)
  await context.stop()
  expect(errors[0]).toMatch(/255 is none of ours/)
})

const framed = (...blocks: Uint8Array[]) =>
  Buffer.concat(
    blocks.map((block) => {
      const head = Buffer.alloc(4)
      head.writeInt32BE(block.length)
      return Buffer.concat([head, block])
    }),
  )
const plain = (...values: unknown[]) => Buffer.concat(values.map((value) => plainRows.encode(value)))

async function startedRaw(options?: ReceiverOptions<unknown>): Promise<StreamingContext> {
  const context = newContext()
  context
    .rawSocketStream('127.0.0.1', port, options)
    .foreachRDD(async (rdd) => void rows.push(...(await rdd.collect())))
  await context.start()
  await until(() => sockets.length === 1)
  return context
}

test('raw blocks: rows of plain data, however the bytes were cut', async () => {
  const context = await startedRaw()
  const values = [1, 'two', { three: [3n, null] }, new Map([['four', Buffer.from('4')]])]
  const bytes = framed(plain(values[0], values[1]), plain(), plain(values[2]), plain(values[3]))
  for (const byte of bytes) {
    sockets[0]?.write(Buffer.from([byte]))
    await new Promise((resolve) => setImmediate(resolve))
  }
  sockets[0]?.write(Buffer.concat([bytes, bytes]))
  await until(() => rows.length === 12)
  await context.stop()
  expect(rows).toEqual([...values, ...values, ...values])
})

test('raw blocks: a codec of the program has a row a block', async () => {
  const context = await startedRaw({ codec: textRows as RowCodec<unknown> })
  sockets[0]?.write(framed(Buffer.from('a b'), Buffer.from(''), Buffer.from('ä')))
  await until(() => rows.length === 3)
  await context.stop()
  expect(rows).toEqual(['a b', '', 'ä'])
})

test.each<[string, Buffer, RegExp]>([
  ['a length below 0', Buffer.from([255, 255, 255, 255]), /a block of -1 bytes: one has at most 8388608/],
  ['a length that nobody believes', Buffer.from([127, 0, 0, 0, 1]), /a block of 2130706432 bytes/],
  ['no plain data', framed(Buffer.from([99])), /no kind of value has the number 99/],
  ['plain data that is cut off', framed(Buffer.from([7, 100, 65])), /are left/],
])('raw blocks: %s ends the connection, and the server is tried again', async (_, nonsense, message) => {
  const context = await startedRaw()
  sockets[0]?.write(Buffer.concat([framed(plain('before')), nonsense]))
  await until(() => sockets.length === 2)
  sockets[1]?.end(Buffer.concat([framed(plain('after')), Buffer.from([0, 0, 0, 9, 1])]))
  await until(() => rows.length === 2 && errors.length === 2)
  await context.stop()
  expect(rows).toEqual(['before', 'after'])
  expect(errors[0]).toMatch(message)
  expect(errors[1]).toMatch(/the connection has ended within a block/)
})

test('raw blocks are in the log before they count', async () => {
  const log = new ModelLog()
  const context = new StreamingContext({
    appName: 'raw',
    batchDuration: 1000,
    clock,
    broker: { logViews: log, output: log },
    warn: () => {},
  })
  context
    .rawSocketStream('127.0.0.1', port, { name: 'in' })
    .foreachRDD(async (rdd) => void rows.push(...(await rdd.collect())))
  await context.start()
  await until(() => sockets.length === 1)
  sockets[0]?.write(framed(plain('a', 'b'), plain('c')))
  await until(() => rows.length === 3)
  await context.stop()
  expect(rows).toEqual(['a', 'b', 'c'])
  expect(
    log.values('logmill-receiver-raw-in').map((value) => plainRows.decode(Buffer.from(value as string))),
  ).toEqual(rows)
})

test('a line of very many chunks comes whole', async () => {
  async function* chunks() {
    for (let index = 0; index < 300_000; index++) yield Buffer.from('x')
    yield Buffer.from('\nrest')
  }
  const lines: string[] = []
  for await (const line of linesOf(chunks())) lines.push(line)
  expect(lines.map(({ length }) => length)).toEqual([300_000, 4])
})
