// Records at which a function throws: named, left out, or put aside; without a trace of what was half done, and
// once, whatever crashes in between.

import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { BatchContext } from '../../../processor/batch-context.ts'
import { Checkpoint } from '../../../processor/checkpoint/checkpoint.ts'
import { MemoryProtocol } from '../../../processor/executor/memory-protocol.ts'
import type { PoisonPolicy } from '../../../processor/graph/contracts/poison.ts'
import { OperatorError } from '../../../processor/graph/errors.ts'
import { BatchError } from '../../../processor/scheduler/errors.ts'
import type { BatchInfo } from '../../../processor/scheduler/listener.ts'
import { PoisonRecords } from '../../../processor/scheduler/poison.ts'
import { textValues } from '../../../processor/source/row-kind.ts'
import { TopicSource } from '../../../processor/source/topic-source.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import type { StreamingContextOptions } from '../../../processor/streaming-context-options.ts'
import type { DStream } from '../../../processor/streams/dstream.ts'
import { SimulatedStore } from '../../simulation/exactly-once/store.ts'
import { Random } from '../../world/random.ts'
import { ModelLog } from '../model-log.ts'
import { canTell, spillFilesOpen } from '../spill-files.ts'

const SECOND = 1000
const START = 1_700_000_000_000

function parse(line: string): string {
  if (line.startsWith('bad')) throw new SyntaxError(`no sense in '${line}'`)
  return line
}

type Options = Partial<
  Pick<
    StreamingContextOptions,
    'onPoison' | 'maxPoisonRecordsPerBatch' | 'commit' | 'broker' | 'concurrentJobs' | 'localDir'
  >
>

/** A job over topic `in` of the log, one second a batch. */
function newJob(log: ModelLog, options: Options) {
  const clock = new ManualClock(START)
  const warnings: string[] = []
  const context = new StreamingContext({
    appName: 'poisoned',
    batchDuration: SECOND,
    clock,
    executor: { monotonicMs: () => clock.now() },
    warn: (message) => warnings.push(message),
    ...options,
  })
  const startingOffsets = 'earliest'
  const source = new TopicSource({ views: log, topics: 'in', rows: textValues, startingOffsets, clock })
  return { clock, context, source, warnings }
}

function newLog(partitions = 1): ModelLog {
  const log = new ModelLog()
  log.createTopic('in', partitions)
  return log
}

/** Runs one batch of these lines, and the job to its end. */
async function run(
  lines: string[],
  onPoison: PoisonPolicy,
  build: (lines: DStream<string>) => void,
  options: Options = {},
) {
  const log = newLog()
  log.produce('in', 0, lines)
  const commit = new MemoryProtocol()
  const { clock, context, source, warnings } = newJob(log, { commit, onPoison, ...options })
  const batches: BatchInfo[] = []
  context.addStreamingListener({ onBatchCompleted: (batch) => void batches.push(batch) })
  build(context.createDirectStream(source))
  await context.start()
  await clock.advance(SECOND)
  const error = await context
    .stop({ graceful: true })
    .then(() => context.awaitTermination().catch((reason: unknown) => reason as BatchError))
  const values = (topic: string) => commit.records(topic).map(({ value }) => String(value))
  return { commit, values, warnings, batches, error: error instanceof BatchError ? error : undefined }
}

const copy = (lines: DStream<string>) =>
  lines.map(parse, { name: 'parse' }).toTopic('out', (value) => ({ value }), { name: 'copy' })

test('by default it ends the job, which names the record', async () => {
  const { error, values } = await run(['a', 'b', 'bad c', 'd'], 'fatal', copy)
  expect(error?.message).toBe(
    "batch 1 of 2023-11-14T22:13:21.000Z: parse: no sense in 'bad c', at in-0 offset 2 (it read in-0 from 0 until 4)",
  )
  expect(error).toMatchObject({
    operator: 'parse',
    record: { inputId: 'in', topic: 'in', partition: 0, offset: 2n },
  })
  expect(values('out')).toEqual([])
})

test('skipped: the batch runs again without it, and the loss is told', async () => {
  const { batches, error, values, warnings } = await run(['a', 'bad 1', 'b', 'bad 2'], 'skip', copy)
  expect(error).toBeUndefined()
  expect(values('out')).toEqual(['a', 'b'])
  expect(warnings).toEqual([
    "batch 1 left out in-0 offset 1: parse: no sense in 'bad 1'",
    "batch 1 left out in-0 offset 3: parse: no sense in 'bad 2'",
  ])
  expect(batches[0]?.poisonRecords.map(({ offset, operator }) => `${offset} ${operator}`)).toEqual([
    '1 parse',
    '3 parse',
  ])
  expect(batches[0]?.outputOperations.map(({ name, failureReason }) => [name, failureReason])).toEqual([
    ['copy', undefined],
  ])
})

test('put aside: the dead letter topic has the record as it was, and why', async () => {
  const log = newLog(2)
  const key = Buffer.from('k')
  const headers = [{ key: 'trace', value: Buffer.from('7') }]
  log.produce('in', 1, ['a', { key, value: Buffer.from('bad'), headers, timestampMs: 123 }])
  const commit = new MemoryProtocol()
  const { clock, context, source } = newJob(log, { commit })
  copy(context.createDirectStream(source, { onPoison: { deadLetterTopic: 'dead' } }))
  await context.start()
  await clock.advance(SECOND)
  await context.stop()
  expect(commit.records('out').map(({ value }) => value)).toEqual(['a'])
  const [letter, ...more] = commit.records('dead')
  expect(more).toEqual([])
  expect(letter).toMatchObject({ key, value: Buffer.from('bad'), timestampMs: 123 })
  expect(letter?.headers?.map(([name, value]) => [name, String(value)])).toEqual([
    ['trace', '7'],
    ['__logmill.errors.job', 'poisoned'],
    ['__logmill.errors.operator', 'parse'],
    ['__logmill.errors.exception', 'SyntaxError'],
    ['__logmill.errors.message', "no sense in 'bad'"],
    ['__logmill.errors.topic', 'in'],
    ['__logmill.errors.partition', '1'],
    ['__logmill.errors.offset', '1'],
  ])
})

test('beyond the bound it is fatal', async () => {
  const options = { maxPoisonRecordsPerBatch: 2 }
  const { error, values } = await run(['bad 1', 'a', 'bad 2', 'bad 3'], 'skip', copy, options)
  expect(error?.message).toMatch(
    /2 poison records were left out of this batch, and there is one more: parse: no sense in 'bad 3', at in-0 offset 3/,
  )
  expect(values('out')).toEqual([])
})

test('a key that is none, and a record that cannot be written, are poison too', async () => {
  const log = newLog()
  log.produce('in', 0, ['a', 'b', 'c', 'd'])
  const broker = { logViews: log, output: log }
  const { clock, context } = newJob(log, { broker, onPoison: 'skip' })
  const lines = context.createDirectStream('in', textValues, { startingOffsets: 'earliest' })
  lines
    .mapToPair((line) => [line === 'a' ? { no: 'key' } : line, 1])
    .reduceByKey((x) => x)
    .foreachRDD(async (rdd) => void (await rdd.count()))
  lines.toTopic('out', (value) => {
    if (value === 'b') return { value: 7 } as unknown as { value: string }
    return value === 'c' ? { value, partition: 3 } : { value }
  })
  await context.start()
  await clock.advance(SECOND)
  await context.stop({ graceful: true })
  await context.awaitTermination()
  expect(log.values('out')).toEqual(['d'])
})

test('so is a row that no file can hold', async () => {
  const directory = fs.mkdtempSync(path.join(tmpdir(), 'logmill-poison-'))
  class Nonsense {}
  const { error, batches } = await run(['a', 'bad', 'b'], 'skip', (lines) =>
    lines
      .map((line) => (line === 'bad' ? new Nonsense() : line))
      .saveAsObjectFiles(path.join(directory, 'rows'), { name: 'files' }),
  )
  expect(error).toBeUndefined()
  expect(batches[0]?.poisonRecords).toMatchObject([{ operator: 'files', offset: 1n }])
  const [shown] = fs.readdirSync(directory)
  const batch = new BatchContext()
  expect(await batch.objectFile(path.join(directory, String(shown))).collect()).toEqual(['a', 'b'])
  fs.rmSync(directory, { recursive: true })
})

test('what the first run has changed in place is not changed twice', async () => {
  const log = newLog()
  const { clock, context, source } = newJob(log, { onPoison: 'skip' })
  const lines = context.createDirectStream(source)
  let totals: string[] = []
  lines
    .mapToPair((line) => [line, 1])
    .updateStateByKey(
      (values, state: { count: number } = { count: 0 }) => {
        state.count += values.length
        return state
      },
      { name: 'counts' },
    )
    .foreachRDD(
      async (rdd) => void (totals = (await rdd.collect()).map(([word, { count }]) => `${word} ${count}`)),
    )
  lines.map(parse).foreachRDD(async (rdd) => void (await rdd.count()))
  await context.start()
  for (const batch of [['a'], ['a', 'bad', 'b'], ['b']]) {
    log.produce('in', 0, batch)
    await clock.advance(SECOND)
  }
  await context.stop({ graceful: true })
  await context.awaitTermination()
  expect(totals.sort()).toEqual(['a 2', 'b 2'])
})

test('nor what it has changed of keys that had no record', async () => {
  const log = newLog()
  const { clock, context, source } = newJob(log, { onPoison: 'skip' })
  const lines = context.createDirectStream(source)
  let totals: string[] = []
  lines
    .mapToPair((line) => [line, 1])
    .updateStateByKey(
      (values, state: { idle: number[] } = { idle: [] }) => {
        if (values.length === 0) state.idle.push(0)
        return { ...state }
      },
      { name: 'idle' },
    )
    .foreachRDD(
      async (rdd) =>
        void (totals = (await rdd.collect()).map(([word, { idle }]) => `${word} ${idle.length}`)),
    )
  lines.map(parse).foreachRDD(async (rdd) => void (await rdd.count()))
  await context.start()
  for (const batch of [['a'], ['bad', 'b'], ['b']]) {
    log.produce('in', 0, batch)
    await clock.advance(SECOND)
  }
  await context.stop({ graceful: true })
  await context.awaitTermination()
  expect(totals.sort()).toEqual(['a 2', 'b 0'])
})

test('rows that the first run held in a file are given back', async () => {
  const localDir = fs.mkdtempSync(path.join(tmpdir(), 'logmill-poison-'))
  const open: number[] = []
  try {
    const build = (lines: DStream<string>) =>
      lines
        .map(parse)
        .persist('DISK_ONLY')
        .foreachRDD(async (rdd) => {
          await rdd.count()
          open.push(spillFilesOpen(localDir))
        })
    const { error } = await run(['a', 'bad', 'b'], 'skip', build, { localDir })
    expect(error).toBeUndefined()
    if (canTell) expect(open.at(-1)).toBeGreaterThan(0)
    expect(spillFilesOpen(localDir)).toBe(0)
  } finally {
    fs.rmSync(localDir, { recursive: true })
  }
})

test('also a record whose rows two operators read is found', async () => {
  const seen: string[] = []
  const { error } = await run(['a', 'bad', 'b'], 'skip', (lines) => {
    const upper = lines.map((line) => line.toUpperCase())
    upper
      .map((line) => parse(line.toLowerCase()))
      .foreachRDD(async (rdd) => void seen.push((await rdd.collect()).join()))
    upper.foreachRDD(async (rdd) => void seen.push((await rdd.collect()).join()))
  })
  expect(error).toBeUndefined()
  expect(seen.slice(-2)).toEqual(['a,b', 'A,B'])
})

test('a sink that fails is not called again: no record is to blame', async () => {
  let calls = 0
  const { error } = await run(['a', 'b'], 'skip', (lines) =>
    lines.foreachRDD(
      () => {
        calls++
        throw new Error('the database is away')
      },
      { name: 'sink' },
    ),
  )
  expect(error).toMatchObject({ operator: 'sink', record: undefined })
  expect(calls).toBe(1)
})

test('behind a shuffle no record is to blame: fatal', async () => {
  const { error } = await run(['a', 'bad'], 'skip', (lines) =>
    lines
      .countByValue()
      .map(([line]) => parse(line), { name: 'later' })
      .foreachRDD(async (rdd) => void (await rdd.count())),
  )
  expect(error).toMatchObject({ operator: 'later', record: undefined })
})

test('what a dead letter topic gets must not come from it', async () => {
  const { error } = await run(['bad'], { deadLetterTopic: 'in' }, copy)
  expect(error?.message).toMatch(/in-0 offset 0 is itself a dead letter/)
})

test('batches with poison records cannot run side by side', async () => {
  const { context, source } = newJob(newLog(), { concurrentJobs: 2, onPoison: 'skip' })
  context.createDirectStream(source, { name: 'lines' }).print()
  await expect(context.start()).rejects.toThrow('lines: without its poison records a batch is run again')
})

test('a source that reads what it was told to leave out ends the job', () => {
  const records = new PoisonRecords(new Map([['in', 'skip']]), 10)
  const failure = () => {
    const error = new OperatorError('parse', new Error('no'))
    error.record = { inputId: 'in', topic: 'in', topicId: 't', partition: 0, offset: 5n }
    return new Error('wrapped by the user', { cause: error })
  }
  expect(records.after(failure()).type).toBe('leaveOut')
  expect(records.after(failure()).type).toBe('none')
})

// Windows and restarts: two-batch windows, so that each record is read by two of them, with a checkpoint.

class Crash extends Error {}

const INPUT = [['a', 'bad 1'], ['b'], ['bad 2', 'c'], ['d'], ['e', 'bad 3']]

/** The job, from start to start, until all input is through; `crashAt`: the step of log or disk that kills it. */
async function live(crashAt: number): Promise<{ log: ModelLog; steps: number }> {
  const log = new ModelLog()
  log.createTopic('in', 1)
  log.createTopic('out', 1)
  log.createTopic('dead', 1)
  const clock = new ManualClock(START)
  let steps = 0
  let produced = 0
  let isDead = false
  const store = new SimulatedStore()
  const step = () => {
    isDead ||= ++steps === crashAt
    if (isDead) throw new Crash()
  }
  log.step = step
  for (let start = 0; start < 5; start++) {
    isDead = false
    const commit = new Checkpoint({
      directory: 'simulated',
      store: store.handle(async () => step()),
      output: log,
      warn: () => {},
    })
    const context = new StreamingContext({
      appName: 'windows',
      batchDuration: SECOND,
      clock,
      broker: { logViews: log, output: log },
      commit,
      onPoison: { deadLetterTopic: 'dead' },
      executor: { monotonicMs: () => clock.now() },
      warn: () => {},
    })
    const lines = context.createDirectStream('in', textValues, { startingOffsets: 'earliest' })
    const record = (kind: string) => (value: string) => ({ value: `${kind} ${value}` })
    lines
      .window('2s', '1s')
      .map(parse, { name: 'parse' })
      .transform((rdd, time) => rdd.map((line) => `${(time.getTime() - START) / SECOND} ${line}`))
      .toTopic('out', record('window'))
    lines
      .mapToPair((line) => [line.slice(0, 3), 1])
      .updateStateByKey((values, state: { n: number } = { n: 0 }) => ({ n: state.n + values.length }), {
        name: 'n',
      })
      .changes()
      .toTopic('out', ([word, { n }]) => ({ value: `total ${word} ${n}` }))
    let completed = 0
    context.addStreamingListener({ onBatchCompleted: () => void completed++ })
    try {
      await context.start()
      for (let batch = 1; batch <= INPUT.length + 1 && context.getState() === 'ACTIVE'; batch++) {
        if (produced < INPUT.length) log.produce('in', 0, INPUT[produced++] as string[])
        await clock.advance(SECOND)
        while (completed < batch && context.getState() === 'ACTIVE') await turn()
      }
      await context.stop({ graceful: true })
      await context.awaitTermination()
      if (produced === INPUT.length) return { log, steps }
    } catch (error) {
      if (!isCrash(error)) throw error
      store.crash(new Random(crashAt))
    }
  }
  throw new Error('the job came to no end')
}

function isCrash(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isCrash)
  return error instanceof Crash || (error instanceof Error && isCrash(error.cause))
}

/** How often each word came out of windows, and what its last total is. */
function outcomeOf(log: ModelLog): string[] {
  const outcome = new Map<string, number>()
  for (const value of log.values('out')) {
    const [kind, first = '', second = ''] = (value ?? '').split(' ')
    if (kind === 'total') outcome.set(`total ${first}`, Number(second))
    else outcome.set(`windows ${second}`, (outcome.get(`windows ${second}`) ?? 0) + 1)
  }
  return [...outcome].map(([what, count]) => `${what} ${count}`).sort()
}

const WORDS = ['a', 'b', 'c', 'd', 'e']
const OUTCOME = [...WORDS.map((word) => `total ${word} 1`), ...WORDS.map((word) => `windows ${word} 2`)]

test('windows leave it out as often as they reach it, and it is put aside once; a crash at any step changes nothing', async () => {
  const whole = await live(Number.POSITIVE_INFINITY)
  expect(whole.log.values('dead')).toEqual(['bad 1', 'bad 2', 'bad 3'])
  expect(outcomeOf(whole.log)).toEqual(OUTCOME)
  expect(whole.steps).toBeGreaterThan(50)
  for (let crashAt = 1; crashAt <= whole.steps; crashAt++) {
    const { log } = await live(crashAt)
    expect(log.values('dead'), `crash at step ${crashAt}`).toEqual(['bad 1', 'bad 2', 'bad 3'])
    expect(outcomeOf(log), `crash at step ${crashAt}`).toEqual(OUTCOME)
  }
})
