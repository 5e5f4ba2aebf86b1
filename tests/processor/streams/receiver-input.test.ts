// Receivers: what they store, when it is theirs no more, and what becomes of it when they or the job or the log fail.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { Checkpoint } from '../../../processor/checkpoint/checkpoint.ts'
import { startBroker } from '../../../broker/server/start-broker.ts'
import { replayBatch } from '../../../processor/replay.ts'
import type { ReceiverInfo } from '../../../processor/scheduler/listener.ts'
import type { OutputPort } from '../../../processor/ports.ts'
import { Receiver, ReceiverFullError } from '../../../processor/source/receiver.ts'
import { byteRows } from '../../../processor/source/row-codec.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import type { ProcessorHost } from '../../../processor/streaming-context-options.ts'
import type { ReceiverOptions } from '../../../processor/streams/receiver-input.ts'
import { ModelLog } from '../model-log.ts'
import { SECOND, START } from './tables.ts'

class Handmade extends Receiver<unknown> {
  started = 0
  stopped = 0
  onStart(): void {
    this.started++
  }
  onStop(): void {
    this.stopped++
  }
}

let directory: string
let clock: ManualClock
let log: ModelLog
let rows: Record<number, unknown[]>
let events: string[]

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'logmill-receiver-'))
  clock = new ManualClock(START)
  log = new ModelLog()
  rows = {}
  events = []
})

afterEach(() => rmSync(directory, { recursive: true, force: true }))

const TOPIC = 'logmill-receiver-job-orders'

interface JobOptions extends ReceiverOptions<unknown> {
  readonly durable?: boolean
  readonly output?: OutputPort
  readonly check?: (row: unknown) => void
}

async function started(receiver: Receiver<unknown>, options: JobOptions = {}): Promise<StreamingContext> {
  const { durable = true, output = log, check = () => {}, ...rest } = options
  const broker: ProcessorHost = { logViews: log, output }
  const commit = new Checkpoint({ directory, output: log, warn: () => {} })
  const context = new StreamingContext({
    appName: 'job',
    batchDuration: SECOND,
    clock,
    warn: () => {},
    ...(durable && { broker, commit }),
  })
  const tell = (event: string) => (info: ReceiverInfo) =>
    void events.push(
      `${event} ${info.input}${info.lastErrorMessage === undefined ? '' : `: ${info.lastErrorMessage}`}`,
    )
  context.addStreamingListener({
    onReceiverStarted: tell('started'),
    onReceiverError: tell('error'),
    onReceiverStopped: tell('stopped'),
  })
  context.receiverStream(receiver, { name: 'orders', ...rest }).foreachRDD(async (rdd, time) => {
    const found = await rdd.collect()
    for (const row of found) check(row)
    rows[(time.getTime() - START) / SECOND] = found
  })
  await context.start()
  return context
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

async function batchAt(seconds: number): Promise<void> {
  await clock.advance(START + seconds * SECOND - clock.now())
  await until(() => rows[seconds] !== undefined)
}

describe('with a broker', () => {
  test('rows are in its log before they are in a batch, in their order, whatever plain data they are', async () => {
    const receiver = new Handmade()
    const context = await started(receiver)
    void receiver.store('a')
    void receiver.storeAll([{ id: 1n }, new Map([['k', [null, undefined]]])])
    await clock.advance(200)
    expect(log.at(TOPIC, 0).committed).toHaveLength(3)
    expect(rows).toEqual({})
    await batchAt(1)
    void receiver.store('b')
    await batchAt(2)
    await context.stop()
    expect(rows).toEqual({ 1: ['a', { id: 1n }, new Map([['k', [null, undefined]]])], 2: ['b'] })
    expect(events).toEqual(['started orders', 'stopped orders'])
    expect([receiver.started, receiver.stopped]).toEqual([1, 1])
    expect(clock.timersSet).toBe(0)
  })

  test('what was stored is not lost with the process: the next one has it, each row once', async () => {
    const first = new Handmade()
    const dying = await started(first, {
      check: (row) => {
        if (row === 'b') throw new Error('killed')
      },
    })
    void first.store('a')
    await batchAt(1)
    await Promise.all([first.store('b'), clock.advance(200)])
    await clock.advance(SECOND)
    await expect(dying.awaitTermination()).rejects.toThrow(/killed/)
    rows = {}
    const second = new Handmade()
    const context = await started(second)
    void second.store('c')
    await batchAt(3)
    await context.stop()
    expect(Object.values(rows).flat()).toEqual(['b', 'c'])
  })

  test('store resolves when the row is durable, and not before', async () => {
    const receiver = new Handmade()
    const context = await started(receiver)
    let release = () => {}
    log.step = (name, when) => {
      if (name === 'commit' && when === 'after') return new Promise<void>((resolve) => (release = resolve))
    }
    let isDurable = false
    void receiver.store('a').then(() => (isDurable = true))
    await clock.advance(200)
    expect(isDurable).toBe(false)
    log.step = () => {}
    release()
    await until(() => isDurable)
    await context.stop()
  })

  test('a log that refuses a block ends the job, and whoever waits for the row hears it', async () => {
    const receiver = new Handmade()
    const context = await started(receiver)
    log.step = (name) => {
      if (name === 'append') throw new Error('no room')
    }
    const stored = receiver.store('a')
    await clock.advance(200)
    await expect(stored).rejects.toThrow(/no room/)
    await expect(receiver.store('b')).rejects.toThrow(/no room/)
    log.step = () => {}
    await clock.advance(SECOND)
    await expect(context.awaitTermination()).rejects.toThrow(/no room/)
    expect(log.values(TOPIC)).toEqual([])
    expect(events).toContain('error orders: rows could not be written: no room')
  })

  test('a second instance fences the first: its receiver can store no more', async () => {
    const first = new Handmade()
    const context = await started(first)
    await log.open(TOPIC)
    const stored = first.store('a')
    await clock.advance(200)
    await expect(stored).rejects.toThrow(/taken by another instance/)
    await clock.advance(SECOND)
    await expect(context.awaitTermination()).rejects.toThrow(/taken by another instance/)
  })

  test('a graceful stop takes in what was stored until then', async () => {
    const receiver = new Handmade()
    const context = await started(receiver)
    void receiver.store('late')
    await context.stop({ graceful: true })
    expect(Object.values(rows).flat()).toEqual(['late'])
  })

  test('a graceful stop waits for what is decided and not shown yet', async () => {
    // As in Kafka: the decision is answered before its markers are written, and who opens the session again waits.
    let showing: Promise<void> = Promise.resolve()
    const output: OutputPort = {
      ensureTopic: (topic) => log.ensureTopic(topic),
      async open(id) {
        await showing
        const session = await log.open(id)
        const commit = () => {
          showing = new Promise((resolve) => setImmediate(resolve)).then(() => session.commit())
          return Promise.resolve()
        }
        return { ...session, commit }
      },
    }
    const receiver = new Handmade()
    const context = await started(receiver, { output })
    void receiver.store('late')
    await context.stop({ graceful: true })
    expect(Object.values(rows).flat()).toEqual(['late'])
  })

  test('a receiver that does not heed isFull is refused before memory is full, and ready() tells when it may go on', async () => {
    const receiver = new Handmade()
    const context = await started(receiver, { codec: byteRows as ReceiverOptions<unknown>['codec'] & object })
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    log.step = (name, when) => (name === 'append' && when === 'before' ? held : undefined)
    const row = Buffer.alloc(900_000)
    let taken = 0
    expect(() => {
      for (; taken < 200; taken++) void receiver.store(row)
    }).toThrow(ReceiverFullError)
    expect(taken * row.length).toBeLessThan(70 * 1024 * 1024)
    expect(receiver.isFull).toBe(true)
    release()
    await receiver.ready()
    expect(receiver.isFull).toBe(false)
    expect(() => receiver.store(Buffer.alloc(1_000_001))).toThrow(/a row of 1000001 bytes/)
    await context.stop()
  })

  test('the replay of a batch has its rows from the log, and starts no receiver', async () => {
    log.createTopic('out', 1)
    const job = (receiver: Receiver<unknown>) => (context: StreamingContext) =>
      context
        .receiverStream(receiver, { name: 'orders' })
        .toTopic('out', (row) => ({ value: `${String(row)}!` }))
    const broker = { logViews: log, output: log }
    const commit = new Checkpoint({ directory, output: log, warn: () => {} })
    const context = new StreamingContext({
      appName: 'job',
      batchDuration: SECOND,
      clock,
      broker,
      commit,
      warn: () => {},
    })
    const receiver = new Handmade()
    job(receiver)(context)
    await context.start()
    void receiver.store('a')
    await clock.advance(SECOND)
    await until(() => log.values('out').length === 1)
    await context.stop()

    const replayed = new Handmade()
    const copy = mkdtempSync(join(tmpdir(), 'logmill-replay-'))
    const batch = { checkpoint: directory, batchId: 1, logViews: log, directory: copy }
    const { records } = await replayBatch({
      ...batch,
      job: job(replayed),
      options: { clock, warn: () => {} },
    })
    rmSync(copy, { recursive: true, force: true })
    expect(records.map(({ value }) => value?.toString())).toEqual(['a!'])
    expect([replayed.started, log.values(TOPIC)]).toEqual([0, [expect.anything()]])
    expect(log.values('out')).toEqual(['a!'])
  })

  test('several rows are taken all or not at all: a row that is too large, or cannot be had, takes none along', async () => {
    const receiver = new Handmade()
    const context = await started(receiver, { codec: byteRows as ReceiverOptions<unknown>['codec'] & object })
    const small = Buffer.from('no')
    const large = Buffer.alloc(1_000_001)
    expect(() => receiver.storeAll([small, large])).toThrow(/a row of 1000001 bytes/)
    expect(() => receiver.storeBytes([small, large])).toThrow(/a row of 1000001 bytes/)
    function* broken() {
      yield small
      throw new Error('no more')
    }
    expect(() => receiver.storeBytes(broken())).toThrow(/no more/)
    void receiver.store(Buffer.from('yes'))
    await batchAt(1)
    await context.stop()
    expect(rows).toEqual({ 1: [Buffer.from('yes')] })
  })

  test('each receiver has a topic of its own, whatever it is called; one with too long a name is refused at start', async () => {
    const refusal = async (...names: string[]) => {
      const commit = new Checkpoint({ directory, output: log, warn: () => {} })
      const broker = { logViews: log, output: log }
      const context = new StreamingContext({ appName: 'job', batchDuration: SECOND, clock, broker, commit })
      for (const name of names) context.receiverStream(new Handmade(), { name }).foreachRDD(() => {})
      return context.start().then(
        () => context.stop(),
        (error: Error) => error.message,
      )
    }
    expect(await refusal('a b', 'a_b', 'a.b', 'a/b')).toBeUndefined()
    const kept = log.topics().filter((topic) => topic.startsWith('logmill-receiver-job-a'))
    expect(kept).toHaveLength(4)
    expect(kept).toContain('logmill-receiver-job-a_b')
    const room = 249 - 'logmill-receiver-job-'.length
    expect(await refusal('x'.repeat(room + 1))).toMatch(/is longer than 249 characters/)
    expect(await refusal('x'.repeat(room), 'y')).toBeUndefined()
  })

  test('maxRate: a second of rows may come at once, ready() waits for the next, and who stores on is refused', async () => {
    const receiver = new Handmade()
    const context = await started(receiver, { maxRate: 10 })
    void receiver.storeAll(Array.from({ length: 10 }, (_, index) => index))
    expect(receiver.isFull).toBe(true)
    let isReady = false
    void receiver.ready().then(() => (isReady = true))
    await clock.advance(99)
    expect(isReady).toBe(false)
    await clock.advance(1)
    await until(() => isReady)
    expect(receiver.isFull).toBe(false)
    void receiver.store('next')
    expect(receiver.isFull).toBe(true)
    let refusedAt = 0
    expect(() => {
      for (; refusedAt < 1000; refusedAt++) void receiver.store('more')
    }).toThrow(/far more rows are stored than maxRate or backpressure allow: await/)
    expect(refusedAt).toBe(81)
    // What is waited for ends with the job, too.
    const waiting = receiver.ready()
    await batchAt(1)
    await context.stop()
    await waiting
    expect(rows[1]).toHaveLength(10 + 1 + refusedAt)
    expect(clock.timersSet).toBe(0)
  })

  test('as bytes: what the codec reads is what was stored', async () => {
    const receiver = new Handmade()
    const context = await started(receiver, {
      codec: byteRows as ReceiverOptions<unknown>['codec'] & object,
      maxRate: 1000,
    })
    void receiver.storeBytes([Buffer.from('ab'), Buffer.from('')])
    function* inOneBuffer() {
      const buffer = Buffer.alloc(1)
      for (const letter of 'cd') {
        buffer.write(letter)
        yield buffer
      }
    }
    void receiver.storeBytes(inOneBuffer())
    await batchAt(1)
    await context.stop()
    expect(rows).toEqual({ 1: ['ab', '', 'c', 'd'].map((text) => Buffer.from(text)) })
  })

  test('a real broker, with the as-soon-as-data trigger: graceful stop and restart, each row once', async () => {
    await using broker = await startBroker({ port: 0 })
    const seen: unknown[] = []
    for (const part of [
      ['a', 'b'],
      ['c', 'd'],
    ]) {
      const receiver = new Handmade()
      const context = new StreamingContext({
        appName: 'asap',
        trigger: 'asap',
        broker,
        checkpoint: directory,
        warn: () => {},
      })
      context
        .receiverStream(receiver, { name: 'rows', blockInterval: 5 })
        .foreachRDD(async (rdd) => void seen.push(...(await rdd.collect())))
      await context.start()
      await receiver.store(part[0])
      void receiver.store(part[1])
      await context.stop({ graceful: true })
      await context.awaitTermination()
    }
    expect(seen).toEqual(['a', 'b', 'c', 'd'])
    expect(broker.logViews.topics()).toContain('logmill-receiver-asap-rows')
  })
})

describe('without a broker', () => {
  test('blocks wait in memory, a partition each, and a checkpoint refuses it', async () => {
    const receiver = new Handmade()
    const context = await started(receiver, { durable: false })
    await Promise.all([receiver.store('a'), clock.advance(200)])
    void receiver.storeAll(['b', 'c'])
    await batchAt(1)
    await batchAt(2)
    await context.stop()
    expect(rows).toEqual({ 1: ['a', 'b', 'c'], 2: [] })

    const refused = new StreamingContext({
      appName: 'refused',
      batchDuration: SECOND,
      clock,
      checkpoint: directory,
    })
    refused.receiverStream(new Handmade(), { name: 'orders' }).print()
    await expect(refused.start()).rejects.toThrow(/orders: receiverStream cannot be recovered/)
  })

  test('batches that fall behind hold up the receiver', async () => {
    const receiver = new Handmade()
    const context = await started(receiver, { durable: false })
    const many = Array.from({ length: 1_000_001 }, (_, index) => index)
    void receiver.storeAll(many)
    await clock.advance(200)
    expect(receiver.isFull).toBe(true)
    await clock.advance(800)
    await receiver.ready()
    expect(receiver.isFull).toBe(false)
    await context.stop({ graceful: true })
  })
})

describe('a receiver that fails', () => {
  test('throws as it starts: listeners are told, and it is tried again', async () => {
    let attempts = 0
    class Failing extends Handmade {
      override onStart(): void {
        if (++attempts < 3) throw new Error(`attempt ${attempts}`)
        void this.store('at last')
      }
    }
    const context = await started(new Failing(), { durable: false })
    await clock.advance(2 * SECOND)
    await batchAt(5)
    await context.stop()
    expect(attempts).toBe(3)
    expect(Object.values(rows).flat()).toEqual(['at last'])
    expect(events.filter((event) => event.startsWith('error'))).toEqual([
      'error orders: restarting in 2000 ms: attempt 1',
      'error orders: restarting in 2000 ms: attempt 2',
    ])
  })

  test('reports, restarts after its own delay, and stops for good: the job goes on with what was stored', async () => {
    const receiver = new Handmade()
    const context = await started(receiver, { durable: false })
    receiver.reportError('hm')
    receiver.restart('again', new Error('why'), 500)
    receiver.restart('once is enough')
    expect(receiver.isStopped).toBe(true)
    await clock.advance(500)
    expect([receiver.started, receiver.stopped, receiver.isStarted]).toEqual([2, 1, true])
    void receiver.store('last')
    receiver.stop('done')
    receiver.restart('too late')
    await batchAt(1)
    await batchAt(5)
    expect([receiver.started, receiver.stopped]).toEqual([2, 2])
    expect(Object.values(rows).flat()).toEqual(['last'])
    await context.stop()
    expect(events).toEqual([
      'started orders',
      'error orders: hm',
      'error orders: restarting in 500 ms: again',
      'stopped orders: restarting in 500 ms: again',
      'started orders: restarting in 500 ms: again',
      'stopped orders: restarting in 500 ms: again',
    ])
  })

  test('an onStop that takes longer than the delay: it is started again, and the job ends, only behind it', async () => {
    let release = () => {}
    class Slow extends Receiver<unknown> {
      started = 0
      stopped = 0
      onStart(): void {
        this.started++
      }
      onStop(): Promise<void> {
        return new Promise((resolve) => {
          release = () => {
            this.stopped++
            resolve()
          }
        })
      }
    }
    const receiver = new Slow()
    const context = await started(receiver, { durable: false })
    receiver.restart('again', undefined, 500)
    await clock.advance(SECOND)
    receiver.restart('it is about to', undefined, 500)
    expect([receiver.started, receiver.stopped]).toEqual([1, 0])
    release()
    await until(() => receiver.started === 2)
    expect(receiver.stopped).toBe(1)
    receiver.stop('done')
    let isOver = false
    const over = context.stop().then(() => (isOver = true))
    await clock.advance(SECOND)
    expect(isOver).toBe(false)
    release()
    await over
    expect([receiver.started, receiver.stopped]).toEqual([2, 2])
  })

  test('serves one stream', async () => {
    const receiver = new Handmade()
    const first = await started(receiver, { durable: false })
    await expect(started(receiver, { durable: false })).rejects.toThrow(/serves one stream/)
    await first.stop()
    expect(() => new Handmade().store(1)).toThrow(/belongs to no stream/)
  })
})
