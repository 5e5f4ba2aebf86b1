// One listener, plain sockets: replies in request order, bounded memory, nothing left open after close.

import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { ConnectionCounts } from '../../broker/net/connection-counts.ts'
import { Listener } from '../../broker/net/listener.ts'
import type { NetLimits, Reply, RequestProcessor } from '../../broker/net/net.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'

const clock = new ManualClock()
const limits: NetLimits = {
  clock,
  requestMaxBytes: 1000,
  inFlightRequestsPerConnection: 4,
  inFlightBytesPerConnection: 500,
  inFlightBytes: 2000,
  maxConnections: 3,
  maxConnectionsFrom: () => 3,
  connectionsMaxIdleMs: 60_000,
}

/** A request is an API key and a text; those of key 0 (Produce) are worked on side by side. */
const frame = (text: string, apiKey = 0): Buffer => {
  const framed = Buffer.alloc(6 + text.length)
  framed.writeInt32BE(2 + text.length)
  framed.writeInt16BE(apiKey, 4)
  framed.write(text, 6)
  return framed
}
const textOf = (request: Buffer): string => request.toString('utf8', 2)

/** A request that is answered when the test says so. */
interface Asked {
  text: string
  answer(reply: Reply): void
}

class World {
  readonly asked: Asked[] = []
  readonly errors: string[] = []
  listener!: Listener
  private readonly sockets: Socket[] = []

  static async open(process?: RequestProcessor, changed: Partial<NetLimits> = {}): Promise<World> {
    const world = new World()
    world.listener = await Listener.open({
      host: '127.0.0.1',
      port: 0,
      limits: { ...limits, ...changed },
      onConnectionError: (_remote, reason) => world.errors.push(reason),
      process:
        process ??
        ((request) => new Promise((answer) => world.asked.push({ text: textOf(request), answer }))),
    })
    return world
  }

  async client(): Promise<Client> {
    const socket = connect(this.listener.port, '127.0.0.1')
    this.sockets.push(socket)
    await new Promise((resolve) => socket.once('connect', resolve))
    return new Client(socket)
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await this.listener.close()
  }
}

class Client {
  readonly socket: Socket
  text = ''
  ended = false
  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => {
      this.text += bytes.toString()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.ended = true
    })
  }
}

async function until(condition: () => boolean): Promise<void> {
  await expect.poll(condition, { interval: 2, timeout: 5000 }).toBe(true)
}

let world: World
afterEach(() => world.close())

test('the bound on connections is of all listeners together', async () => {
  const counts = new ConnectionCounts()
  world = await World.open(undefined, { counts, maxConnections: 1 })
  const other = await World.open(undefined, { counts, maxConnections: 1 })
  try {
    const first = await world.client()
    first.socket.write(frame('let in'))
    await until(() => world.asked.length === 1)
    const second = await other.client()
    await until(() => second.socket.closed)
    expect(other.errors).toEqual(['refused: max.connections reached'])
    first.socket.destroy()
    await until(() => counts.total === 0)
    const third = await other.client()
    third.socket.write(frame('let in'))
    await until(() => other.asked.length === 1)
  } finally {
    await other.close()
  }
})

test('a connection beyond the rate of its address is closed after a while, and no sooner', async () => {
  let isOver = true
  world = await World.open(undefined, { throttleConnection: () => (isOver ? 500 : 0) })
  const turnedAway = await world.client()
  turnedAway.socket.write(frame('unheard'))
  isOver = false
  const welcome = await world.client()
  welcome.socket.write(frame('heard'))
  await until(() => world.asked.length === 1)
  expect(world.asked[0]?.text).toBe('heard')
  expect(turnedAway.socket.closed).toBe(false)
  clock.tick(500)
  await until(() => turnedAway.socket.closed)
  expect(world.listener.connectionCount).toBe(1)
})

test('connections beyond the rate of all are taken later, in their order', async () => {
  const delaysMs = [0, 300, 600]
  world = await World.open(undefined, { delayConnection: () => delaysMs.shift() ?? 0 })
  for (const text of ['now', 'soon', 'later']) {
    const client = await world.client()
    client.socket.write(frame(text))
  }
  const heard = (): string[] => world.asked.map(({ text }) => text)
  await until(() => delaysMs.length === 0 && heard().length === 1)
  clock.tick(299)
  expect(world.listener.connectionCount).toBe(1)
  clock.tick(1)
  await until(() => heard().length === 2)
  clock.tick(300)
  await until(() => heard().length === 3)
  expect(heard()).toEqual(['now', 'soon', 'later'])
})

test('who waits to be taken counts among the connections that may be', async () => {
  world = await World.open(undefined, { maxConnections: 1, delayConnection: () => 500 })
  const waiting = await world.client()
  const refused = await world.client()
  await until(() => refused.socket.closed)
  expect(world.errors).toEqual(['refused: max.connections reached'])
  clock.tick(500)
  await until(() => world.listener.connectionCount === 1)
  expect(waiting.socket.closed).toBe(false)
})

describe('a connection', () => {
  test('answers pipelined requests in their order, whichever is done first', async () => {
    world = await World.open()
    const client = await world.client()
    client.socket.write(Buffer.concat([frame('one'), frame('two'), frame('three')]))
    await until(() => world.asked.length === 3)
    world.asked[2]?.answer([Buffer.from('3')])
    world.asked[1]?.answer([Buffer.from('2')])
    world.asked[0]?.answer([Buffer.from('1'), Buffer.from('!')])
    await until(() => client.text === '1!23')
  })

  test('works on one request at a time, but for a run of produces', async () => {
    world = await World.open()
    const client = await world.client()
    const [metadata, produce] = [3, 0]
    client.socket.write(
      Buffer.concat([frame('p1', produce), frame('p2', produce), frame('m', metadata), frame('p3', produce)]),
    )
    await until(() => world.asked.length === 2)
    world.asked[0]?.answer([Buffer.from('1')])
    await until(() => client.text === '1')
    expect(world.asked.map(({ text }) => text)).toEqual(['p1', 'p2'])
    world.asked[1]?.answer([Buffer.from('2')])
    await until(() => world.asked.length === 3)
    expect(world.asked[2]?.text).toBe('m')
    world.asked[2]?.answer([Buffer.from('m')])
    await until(() => world.asked.length === 4 && client.text === '12m')
  })

  test('starts nothing while a large reply has not gone out', async () => {
    const large = Buffer.alloc(64 * 1024 * 1024, 'x')
    let started = 0
    world = await World.open(() => {
      started++
      return Promise.resolve([large])
    })
    const client = await world.client()
    client.socket.pause()
    client.socket.write(Buffer.concat([frame('a', 1), frame('b', 1), frame('c', 1)]))
    await until(() => started === 1)
    const other = await world.client()
    other.socket.write(frame('o', 1))
    await until(() => other.text.length > 0)
    expect(started).toBe(2)
    client.socket.resume()
    await until(() => started === 4)
  })

  test('starts requests in order when they come byte by byte', async () => {
    world = await World.open((request) => [Buffer.from(`<${textOf(request)}>`)])
    const client = await world.client()
    for (const byte of Buffer.concat([frame('alpha'), frame('beta')]))
      client.socket.write(Buffer.from([byte]))
    await until(() => client.text === '<alpha><beta>')
  })

  test('gives no reply where there is none, and keeps the order around it', async () => {
    world = await World.open((request) =>
      textOf(request) === 'quiet' ? null : [Buffer.from(textOf(request))],
    )
    const client = await world.client()
    client.socket.write(Buffer.concat([frame('a'), frame('quiet'), frame('b')]))
    await until(() => client.text === 'ab')
  })

  test('starts no more requests than it may hold, and goes on when one is answered', async () => {
    world = await World.open()
    const client = await world.client()
    client.socket.write(Buffer.concat(Array.from({ length: 10 }, (_, i) => frame(String(i)))))
    await until(() => world.asked.length === 4)
    world.asked[0]?.answer([Buffer.from('x')])
    await until(() => world.asked.length === 5)
    expect(world.asked.map(({ text }) => text)).toEqual(['0', '1', '2', '3', '4'])
  })

  test('waits for the budget that another connection has spent', async () => {
    world = await World.open(undefined, { inFlightBytes: 300, inFlightBytesPerConnection: 10_000 })
    const [greedy, modest] = [await world.client(), await world.client()]
    greedy.socket.write(frame('g'.repeat(400)))
    await until(() => world.asked.length === 1)
    modest.socket.write(frame('m'))
    greedy.socket.write(frame('second'))
    // The modest request is held back: only the answer to the greedy one lets it in.
    world.asked[0]?.answer([Buffer.from('ok')])
    await until(() => world.asked.length === 3)
    for (const { answer } of world.asked.slice(1)) answer([Buffer.from('ok')])
    await until(() => modest.text === 'ok' && greedy.text === 'okok')
  })

  test.each([
    ['a frame above the cap', Buffer.from([0x7f, 0xff, 0xff, 0xff])],
    ['a negative size', Buffer.from([0xff, 0xff, 0xff, 0xff])],
  ])('is closed with one line for %s', async (_what, bytes) => {
    world = await World.open()
    const client = await world.client()
    client.socket.write(bytes)
    await until(() => client.ended)
    expect(world.errors).toHaveLength(1)
  })

  test('is closed with the reason when its processor throws or rejects', async () => {
    world = await World.open((request) => {
      if (textOf(request) === 'now') throw new Error('thrown')
      return Promise.reject(new Error('rejected'))
    })
    const [first, second] = [await world.client(), await world.client()]
    first.socket.write(frame('now'))
    await until(() => first.ended)
    second.socket.write(frame('later'))
    await until(() => second.ended)
    expect(world.errors).toEqual(['thrown', 'rejected'])
  })

  test('answers what came before the request that cannot be answered, and nothing after it', async () => {
    const [metadata, produce] = [3, 0]
    world = await World.open((request) => {
      const text = textOf(request)
      if (text === 'bad') throw new Error('no such thing')
      return new Promise((answer) => world.asked.push({ text, answer }))
    })
    const client = await world.client()
    client.socket.write(
      Buffer.concat([
        frame('one', produce),
        frame('bad', produce),
        frame('two', produce),
        frame('three', metadata),
      ]),
    )
    await until(() => world.asked.length === 1)
    world.asked[0]?.answer([Buffer.from('1')])
    await until(() => client.ended)
    expect(client.text).toBe('1')
    expect(world.errors).toEqual(['no such thing'])
    expect(world.asked.map(({ text }) => text)).toEqual(['one'])
  })

  test('answers the whole frames before one that is broken', async () => {
    world = await World.open()
    const client = await world.client()
    client.socket.write(Buffer.concat([frame('one'), Buffer.from([0xff, 0xff, 0xff, 0xff])]))
    await until(() => world.asked.length === 1)
    world.asked[0]?.answer([Buffer.from('1')])
    await until(() => client.ended)
    expect(client.text).toBe('1')
    expect(world.errors).toHaveLength(1)
  })

  test('answers thousands of requests of one chunk that are ready at once', async () => {
    let answered = 0
    world = await World.open(() => {
      answered++
      return null
    })
    const client = await world.client()
    const count = 20_000
    client.socket.write(Buffer.concat(Array.from({ length: count }, () => frame('', 18))))
    await until(() => answered === count)
  })

  test('that was called back too late for the freed budget asks for it again', async () => {
    world = await World.open(undefined, { inFlightBytes: 300 })
    const clients = [await world.client(), await world.client(), await world.client()]
    const [first, second, third] = clients
    first?.socket.write(frame('1'.repeat(400)))
    await until(() => world.asked.length === 1)
    second?.socket.write(frame('2'.repeat(400)))
    third?.socket.write(frame('3'.repeat(400)))
    // Both have been read and wait; what the first gives back is enough for one of them.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    for (let answered = 0; answered < 3; answered++) {
      await until(() => world.asked.length === answered + 1)
      world.asked[answered]?.answer([Buffer.from('ok')])
    }
    await until(() => clients.every(({ text }) => text === 'ok'))
  })

  test('that does not read its replies is closed like any idle one', async () => {
    const large = Buffer.alloc(16 * 1024 * 1024, 'x')
    world = await World.open(() => [large])
    const client = await world.client()
    client.socket.pause()
    client.socket.write(frame('a'))
    await until(() => client.socket.readableLength > 0)
    await clock.advance(80_000)
    await until(() => world.listener.connectionCount === 0)
  })

  test('is refused beyond the limit, and accepted again when one has left', async () => {
    world = await World.open()
    const clients = [await world.client(), await world.client(), await world.client()]
    const fourth = await world.client()
    await until(() => fourth.ended)
    expect(world.errors[0]).toMatch(/max.connections/)
    clients[0]?.socket.destroy()
    await until(() => world.listener.connectionCount === 2)
    const fifth = await world.client()
    fifth.socket.write(frame('hello'))
    await until(() => world.asked.length === 1)
  })

  test('gets the replies to its produces before the listener closes, and nothing else is waited for', async () => {
    world = await World.open()
    const [producer, waiter] = [await world.client(), await world.client()]
    producer.socket.write(Buffer.concat([frame('p1'), frame('p2')]))
    waiter.socket.write(frame('long poll', 1))
    await until(() => world.asked.length === 3)
    const closed = world.listener.close()
    await until(() => waiter.ended)
    expect(producer.ended).toBe(false)
    producer.socket.write(frame('too late'))
    for (const { text, answer } of world.asked) if (text.startsWith('p')) answer([Buffer.from(text)])
    await closed
    await until(() => producer.ended)
    expect(producer.text).toBe('p1p2')
    expect(world.asked).toHaveLength(3)
    expect(world.errors).toEqual([])
  })

  test('does not hold up a close for ever when its produce is not answered', async () => {
    world = await World.open()
    const client = await world.client()
    client.socket.write(frame('stuck'))
    await until(() => world.asked.length === 1)
    const closed = world.listener.close()
    await clock.advance(10_000)
    await closed
    await until(() => client.ended)
  })

  test('is closed when it was idle for too long, and only then', async () => {
    world = await World.open((request) => [Buffer.from(textOf(request))])
    const [idle, busy] = [await world.client(), await world.client()]
    await until(() => world.listener.connectionCount === 2)
    await clock.advance(40_000)
    busy.socket.write(frame('x'))
    await until(() => busy.text === 'x')
    await clock.advance(40_000)
    await until(() => idle.ended)
    expect(busy.ended).toBe(false)
    expect(world.errors).toEqual([])
  })
})
