// The life of a context: how it is made, found again, and how it ends.

import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { MemoryProtocol } from '../../processor/executor/memory-protocol.ts'
import { BatchError } from '../../processor/scheduler/errors.ts'
import { wholeRecords } from '../../processor/source/row-kind.ts'
import { TopicSource } from '../../processor/source/topic-source.ts'
import { StreamingContext } from '../../processor/streaming-context.ts'
import type { StreamingContextOptions } from '../../processor/streaming-context-options.ts'
import { programPath } from '../world/programs.ts'
import { ModelLog } from './model-log.ts'
import { TwinDisk, TwinProtocol, TwinSource, TwinTopic } from './scheduler/twins.ts'

const SECOND = 1000
const START = 1_700_000_000_000

const directories: string[] = []
function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'logmill-context-'))
  directories.push(directory)
  return directory
}
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true })
})

type Options = Omit<Extract<StreamingContextOptions, { trigger?: never }>, 'appName' | 'batchDuration'> & {
  appName?: string
}

function newContext(clock: ManualClock, options: Options = {}): StreamingContext {
  return new StreamingContext({
    appName: 'life',
    batchDuration: SECOND,
    clock,
    executor: { monotonicMs: () => clock.now() },
    ...options,
  })
}

/** Counts all rows that there ever were. */
function counting(context: StreamingContext, log: ModelLog, totals: number[]): void {
  const clock = new ManualClock()
  const rows = new TopicSource({
    views: log,
    topics: 'in',
    rows: wholeRecords,
    startingOffsets: 'earliest',
    clock,
  })
  context
    .createDirectStream(rows)
    .mapToPair(() => ['all', 1])
    .updateStateByKey((values, state: number = 0) => state + values.length, { name: 'total' })
    .foreachRDD(async (rdd) => void totals.push(...(await rdd.values().collect())))
}

test('getOrCreate begins a job, and goes on with it; the program is built by its code in either case', async () => {
  const path = join(newDirectory(), 'checkpoint')
  const log = new ModelLog()
  log.createTopic('in', 1)
  const clock = new ManualClock(START)
  const totals: number[] = []
  for (let life = 0; life < 3; life++) {
    log.produce('in', 0, ['a', 'b'])
    const context = StreamingContext.getOrCreate(path, () => {
      const created = newContext(clock, { warn: () => {} })
      counting(created, log, totals)
      return created
    })
    await context.start()
    await clock.advance(SECOND)
    await context.stop({ graceful: true })
    await context.awaitTermination()
  }
  expect(totals.at(-1)).toBe(6)
})

test('checkpoint names the directory before start, once', async () => {
  const clock = new ManualClock(START)
  const context = newContext(clock)
  const directory = newDirectory()
  context.checkpoint(directory)
  context.checkpoint(`${directory}/`)
  expect(() => context.checkpoint(newDirectory())).toThrow(/has its checkpoint in .*, not in/)
  context.queueStream([[1]], { name: 'rows' }).print()
  await expect(context.start()).rejects.toThrow('rows: queueStream cannot be recovered')
  expect(() => context.checkpoint(directory)).toThrow('the context is STOPPED')
  expect(() => newContext(clock, { commit: new MemoryProtocol() }).checkpoint(directory)).toThrow(
    'was given its commit protocol',
  )
})

test('getActive is the job that was started last and still runs; getActiveOrCreate makes one where there is none', async () => {
  const clock = new ManualClock(START)
  const make = (appName: string) => {
    const context = newContext(clock, { appName, writeLine: () => {} })
    context.queueStream([[1]]).print()
    return context
  }
  expect(StreamingContext.getActive()).toBeUndefined()
  const created = StreamingContext.getActiveOrCreate(() => make('first'))
  expect(StreamingContext.getActive()).toBeUndefined()
  await created.start()
  const second = make('second')
  await second.start()
  expect(StreamingContext.getActive()).toBe(second)
  expect(StreamingContext.getActive('first')).toBe(created)
  expect(StreamingContext.getActiveOrCreate(newDirectory(), () => make('third'))).toBe(second)
  await second.stop()
  expect(StreamingContext.getActive()).toBe(created)
  await created.stop()
  expect(StreamingContext.getActive()).toBeUndefined()
  const directory = newDirectory()
  const third = StreamingContext.getActiveOrCreate(directory, () => make('third'))
  expect(() => third.checkpoint('/elsewhere')).toThrow(directory)
})

test('a batch that fails says when, where and on which offsets', async () => {
  const clock = new ManualClock(START)
  const context = newContext(clock)
  context
    .createDirectStream(new TwinSource(new TwinTopic([['a', 'b'], [], ['c']])), { name: 'lines' })
    .map((line) => line, { name: 'copy' })
    .foreachRDD(
      () => {
        throw new Error('no luck')
      },
      { name: 'out' },
    )
  await context.start()
  await clock.advance(SECOND)
  const error = await context.awaitTermination().then(
    () => undefined,
    (reason: unknown) => reason as BatchError,
  )
  expect(error).toBeInstanceOf(BatchError)
  expect(error?.message).toBe(
    'batch 1 of 2023-11-14T22:13:21.000Z: out: no luck (it read lines-0 from 0 until 2, lines-2 from 0 until 1)',
  )
  expect(error).toMatchObject({ batchId: 1, batchTime: new Date(START + SECOND), operator: 'out' })
  expect(error?.inputs['lines']?.map(({ partition, from, until }) => [partition, from, until])).toEqual([
    [0, 0n, 2n],
    [1, 0n, 0n],
    [2, 0n, 1n],
  ])
})

test('an error that nobody waits for is a warning', async () => {
  for (const wait of ['never', 'for a while', 'to the end']) {
    const clock = new ManualClock(START)
    const warnings: string[] = []
    const context = newContext(clock, { warn: (message) => warnings.push(message) })
    context.createDirectStream(new TwinSource(new TwinTopic([['a'], []]))).foreachRDD(
      () => {
        throw new Error('no luck')
      },
      { name: 'out' },
    )
    await context.start()
    const gaveUp = wait === 'for a while' ? context.awaitTerminationOrTimeout(SECOND / 2) : undefined
    const error = wait === 'to the end' ? context.awaitTermination().catch(String) : undefined
    await clock.advance(SECOND / 2)
    expect(await gaveUp).not.toBe(true)
    await clock.advance(SECOND / 2)
    await context.stop()
    if (error !== undefined) expect(await error).toContain('out: no luck')
    expect(warnings).toEqual(
      error === undefined ? [expect.stringMatching(/^the job has ended: batch 1 of .*: out: no luck/)] : [],
    )
  }
})

test('a graceful stop takes in what has arrived since the last batch, without waiting for the next one', async () => {
  const clock = new ManualClock(START)
  const disk = new TwinDisk()
  const topic = new TwinTopic([['a']])
  const seen: string[] = []
  const run = async (extra: string[]) => {
    const context = newContext(clock, { commit: new TwinProtocol(disk) })
    context
      .createDirectStream(new TwinSource(topic))
      .foreachRDD(
        async (rdd, time) => void seen.push(`${time.getTime() - START} ${(await rdd.collect()).join()}`),
      )
    await context.start()
    await clock.advance(SECOND)
    if (extra.length > 0) topic.append(0, ...extra)
    await context.stop({ graceful: true })
    await context.awaitTermination()
  }
  await run(['b', 'c'])
  expect(seen).toEqual(['1000 a', '2000 b,c'])
  // Its time is taken: the next run goes on behind it.
  await run([])
  expect(seen.slice(2)).toEqual([])
  await run(['d'])
  expect(seen.slice(2)).toEqual(['3000 ', '4000 d'])
})

test('an input is drained before the last batch', async () => {
  const clock = new ManualClock(START)
  const context = newContext(clock)
  const topic = new TwinTopic([[]])
  const seen: string[] = []
  context
    .createDirectStream(new TwinSource(topic))
    .foreachRDD(async (rdd) => void seen.push(...(await rdd.collect())))
  const { graph } = context as unknown as { graph: { inputs: { driver: { drain?: () => Promise<void> } }[] } }
  const [input] = graph.inputs
  if (input === undefined) throw new Error('there is an input')
  input.driver.drain = async () => {
    await Promise.resolve()
    topic.append(0, 'held back until now')
  }
  await context.start()
  await clock.advance(SECOND)
  await context.stop({ graceful: true })
  expect(seen).toEqual(['held back until now'])
})

test('a graceful stop that takes too long is given up, and what is left is not lost', async () => {
  const clock = new ManualClock(START)
  const disk = new TwinDisk()
  const warnings: string[] = []
  let hang = true
  const start = async () => {
    const context = newContext(clock, {
      commit: new TwinProtocol(disk),
      gracefulStopTimeout: '3s',
      warn: (message) => warnings.push(message),
    })
    const lines = context.createDirectStream(new TwinSource(new TwinTopic([['a', 'b']]), 1))
    lines.foreachRDD(async (rdd) => {
      if (hang) await new Promise<void>((resolve) => clock.setTimer(20 * SECOND, resolve))
      await rdd.count()
    })
    await context.start()
    return context
  }
  const first = await start()
  await clock.advance(2 * SECOND)
  const stopped = first.stop({ graceful: true })
  await clock.advance(2 * SECOND)
  expect(warnings).toEqual([])
  await clock.advance(30 * SECOND)
  await stopped
  expect(warnings).toEqual([
    'the graceful stop was given up after 3000 ms; what is left is for the next start',
  ])
  expect(disk.committed).toBeUndefined()
  hang = false
  const second = await start()
  await clock.advance(0)
  await second.stop({ graceful: true })
  expect(disk.committed?.batchId).toBeGreaterThanOrEqual(2)
})

function sideBySide(options: Options = {}) {
  const clock = new ManualClock(START)
  const disk = new TwinDisk()
  const topic = new TwinTopic([['a', 'b', 'c', 'd']])
  const context = newContext(clock, { commit: new TwinProtocol(disk), concurrentJobs: 3, ...options })
  const lines = context.createDirectStream(new TwinSource(topic, 1))
  const gates = new Map<string, (error?: Error) => void>()
  lines.foreachRDD(
    async (rdd) => {
      const [line = ''] = await rdd.collect()
      await new Promise<void>((resolve, reject) =>
        gates.set(line, (error) => (error ? reject(error) : resolve())),
      )
    },
    { name: 'wait' },
  )
  const open = async (line: string, error?: Error) => {
    gates.get(line)?.(error)
    gates.delete(line)
    await clock.advance(0)
  }
  return { clock, context, disk, gates, lines, open }
}

test('batches run side by side as far as they may, and are committed in their order', async () => {
  const { clock, context, disk, gates, open } = sideBySide()
  const completed: number[] = []
  context.addStreamingListener({ onBatchCompleted: ({ batchId }) => void completed.push(batchId) })
  await context.start()
  await clock.advance(4 * SECOND)
  expect([...gates.keys()]).toEqual(['a', 'b', 'c'])
  await open('b')
  await open('c')
  expect(disk.committed).toBeUndefined()
  await open('a')
  expect(completed).toEqual([1, 2, 3])
  expect([...gates.keys()]).toEqual(['d'])
  await open('d')
  expect(disk.committed?.batchId).toBe(4)
  await context.stop()
})

test('outputs of a batch run side by side too, so many at a time, and those of the batch before go first', async () => {
  const { clock, context, disk, gates, lines, open } = sideBySide({ concurrentJobs: 2 })
  const second = async (line: string) =>
    await new Promise<void>((resolve) => gates.set(`${line}, second`, () => resolve()))
  lines.foreachRDD(async (rdd) => await second((await rdd.collect())[0] ?? ''), { name: 'wait more' })
  const operations: string[][] = []
  context.addStreamingListener({
    onBatchCompleted: ({ outputOperations }) =>
      void operations.push(outputOperations.map(({ name }) => name)),
  })
  await context.start()
  await clock.advance(2 * SECOND)
  expect([...gates.keys()]).toEqual(['a', 'a, second'])
  await open('a, second')
  expect([...gates.keys()]).toEqual(['a', 'b'])
  expect(disk.committed).toBeUndefined()
  await open('a')
  expect(disk.committed?.batchId).toBe(1)
  expect([...gates.keys()]).toEqual(['b', 'b, second'])
  await open('b, second')
  await open('b')
  expect(operations).toEqual([
    ['wait', 'wait more'],
    ['wait', 'wait more'],
  ])
  await context.stop()
})

test('an output that fails is told when the others of its batch have ended, and none is begun after it', async () => {
  const { clock, context, disk, gates, lines, open } = sideBySide({ concurrentJobs: 2 })
  let begun = 0
  lines.foreachRDD(async () => await new Promise<void>((resolve) => gates.set('other', () => resolve())))
  lines.foreachRDD(() => void begun++)
  await context.start()
  await clock.advance(SECOND)
  await open('a', new Error('no luck'))
  expect(context.getState()).toBe('ACTIVE')
  await open('other')
  await expect(context.awaitTermination()).rejects.toThrow(/^batch 1 of .*: wait: no luck/)
  expect(begun).toBe(0)
  expect(disk.committed).toBeUndefined()
})

test('where one of them fails, those behind it do not count', async () => {
  const { clock, context, disk, open } = sideBySide()
  await context.start()
  await clock.advance(3 * SECOND)
  await open('c')
  await open('a')
  await open('b', new Error('no luck'))
  await expect(context.awaitTermination()).rejects.toThrow(/^batch 2 of .*: wait: no luck/)
  expect(disk.committed?.batchId).toBe(1)
})

test('what hangs on the order of batches is refused side by side, by name', async () => {
  const { context, lines } = sideBySide()
  const pairs = lines.mapToPair((line) => [line, 1])
  pairs.updateStateByKey((values, state: number = 0) => state + values.length, { name: 'totals' }).print()
  lines.toTopic('out', (value) => ({ value }), { name: 'copy' })
  await expect(context.start()).rejects.toMatchObject({
    problems: [
      'totals: it keeps state, so batches cannot run side by side: set concurrentJobs to 1',
      "copy: toTopic is part of the batch's transaction, so batches cannot run side by side: set concurrentJobs to 1",
    ],
  })
})

test('SIGTERM stops jobs gracefully where it was asked to, and ends the process behind the last', async () => {
  const program = `
    import { StreamingContext } from ${JSON.stringify(programPath('streaming.ts'))}
    let isReady = false
    for (const [appName, waitMs] of [['quick', 0], ['slow', 100]]) {
      const context = new StreamingContext({ appName, batchDuration: 20, stopGracefullyOnShutdown: true })
      context.queueStream([]).foreachRDD(async () => {
        await new Promise((resolve) => setTimeout(resolve, waitMs))
        if (appName === 'slow' && !isReady) console.log('ready')
        isReady ||= appName === 'slow'
      })
      await context.start()
      void context.awaitTermination().then(() => console.log(appName, 'ended in order'))
    }
    setInterval(() => {}, 1000)
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    if (output === 'ready\n') child.kill('SIGTERM')
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  expect(output).toBe('ready\nquick ended in order\nslow ended in order\n')
  expect([code, signal]).toEqual([null, 'SIGTERM'])
})
