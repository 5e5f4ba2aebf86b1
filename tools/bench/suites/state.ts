// Windows and keyed state, exactly once, against loops that keep the same tables by hand over the same file:
// the most frequent words of a 30-second window, and a million keys of state. Work per second of processor time.

import { spawn } from 'node:child_process'
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import { type Broker, startBroker } from '../../../broker/server/start-broker.ts'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { StreamingContext, textPairs, textValues } from '../../../streaming.ts'
import { buildBatches, keyedBatches } from '../batches.ts'
import type { Figure, Outcome } from '../figure.ts'
import { fillTopic, inTurnOf } from '../fill.ts'
import { countKeysOfFile, KEY_BYTES, topWordsOfFile } from '../reference/hand-state.ts'
import { type Measured, summarize } from '../rounds.ts'
import type { VictimShape } from '../state-victim.ts'
import type { SuiteContext } from '../suite.ts'

const VALUE_BYTES = 100
const BATCH_MS = 1000
const WINDOW_BATCHES = 30
const TOP = 10
const M = 1e6

interface Scale {
  readonly lines: number
  readonly linesPerBatch: number
  readonly keys: number
  readonly records: number
  readonly recordsPerBatch: number
  readonly rounds: number
}

const FULL: Scale = {
  lines: 1_200_000,
  linesPerBatch: 20_000,
  keys: 1_000_000,
  records: 4_000_000,
  recordsPerBatch: 500_000,
  rounds: 3,
}
const QUICK: Scale = {
  lines: 200_000,
  linesPerBatch: 5_000,
  keys: 50_000,
  records: 200_000,
  recordsPerBatch: 50_000,
  rounds: 1,
}

interface Bench extends Scale {
  readonly broker: Broker
  readonly directory: string
  fileOf(topic: string): string
}

export async function state(context: SuiteContext): Promise<Outcome[]> {
  const scale = context.quick ? QUICK : FULL
  const dataDir = path.join(context.directory, 'data')
  const broker = await startBroker({
    dataDir,
    config: { 'logmill.durability': 'os', 'num.partitions': 1 },
    topics: { text: {}, keyed: {} },
    logger: { ...console, warn: () => {} },
  })
  const fileOf = (topic: string): string => path.join(dataDir, `${topic}-0`, '00000000000000000000.log')
  const bench: Bench = { ...scale, broker, directory: context.directory, fileOf }
  try {
    const lines = buildBatches({ valueBytes: VALUE_BYTES, records: 10_000 }, 24, Date.now())
    await fill(broker, 'text', scale.lines, inTurnOf(lines))
    await fill(broker, 'keyed', scale.records, keyedBatches(scale.keys, KEY_BYTES, VALUE_BYTES, Date.now()))
    context.say('state, window')
    const figures = [await topWords(bench)]
    context.say('state, keys')
    figures.push(...(await keyedState(bench)))
    context.say('state, killed')
    figures.push(...(await killed(bench)))
    return figures
  } finally {
    await broker.stop()
  }
}

/** To about `wanted` records: whole batches. Resolves when a job may read them all. */
async function fill(
  broker: Broker,
  topic: string,
  wanted: number,
  batchAt: (index: number) => Buffer,
): Promise<void> {
  const records = await fillTopic(broker.bootstrapServers, topic, wanted, batchAt)
  const view = broker.logViews.view(topic, 0)
  await new Promise<void>((resolve) => {
    const look = () => {
      if (view.stableEndOffset < BigInt(records)) return
      unsubscribe()
      resolve()
    }
    const unsubscribe = view.onAdvance(look)
    setImmediate(look)
  })
}

async function topWords(bench: Bench): Promise<Figure> {
  const { fileOf, linesPerBatch } = bench
  const block = Buffer.allocUnsafeSlow(4 * 1024 * 1024)
  const shape = { linesPerBatch, batches: WINDOW_BATCHES, top: TOP }
  let expected: readonly (readonly [string, number])[] = []
  let found: readonly (readonly [string, number])[] = []
  const records = topWordsOfFile(fileOf('text'), block, shape, (top) => (expected = top))
  const measured = await inTurn(
    bench.rounds,
    async () => {
      const { rate } = await runJob(bench, records, linesPerBatch, (job) => {
        job
          .createDirectStream('text', textValues, {
            startingOffsets: 'earliest',
            maxRowsPerBatch: linesPerBatch,
          })
          .flatMap((line) => line.split(' '))
          .mapToPair((word): [string, number] => [word, 1])
          .reduceByKeyAndWindow(
            (a, b) => a + b,
            BATCH_MS * WINDOW_BATCHES,
            BATCH_MS,
            (a, b) => a - b,
            { name: 'recent', filter: (_word, count) => count > 0 },
          )
          .foreachRDD(async (rdd) => {
            found = (await rdd.collect()).sort((a, b) => b[1] - a[1]).slice(0, TOP)
          })
      })
      const countsOf = (top: typeof found) => top.map(([, count]) => count).join()
      if (countsOf(found) !== countsOf(expected)) {
        throw new Error(`the window's top is ${countsOf(found)}, the loop's ${countsOf(expected)}`)
      }
      return rate
    },
    () => timeLoop(() => topWordsOfFile(fileOf('text'), block, shape, () => {})),
  )
  return figure(`top ${TOP} words of ${WINDOW_BATCHES} s, sliding by 1 s, exactly once`, measured)
}

async function keyedState(bench: Bench): Promise<Figure[]> {
  const { fileOf, keys, recordsPerBatch } = bench
  const block = Buffer.allocUnsafeSlow(4 * 1024 * 1024)
  const counts = new Map<string, number>()
  const records = countKeysOfFile(fileOf('keyed'), block, counts)
  const options = { startingOffsets: 'earliest', maxRowsPerBatch: recordsPerBatch } as const
  let run: JobRun | undefined
  const update = await inTurn(
    bench.rounds,
    async () => {
      let total = 0
      run = await runJob(bench, records, recordsPerBatch, (job) => {
        const totals = job
          .createDirectStream('keyed', textPairs, options)
          .mapToPair(([key, value]): [string, number] => [key as string, value === null ? 0 : 1])
          .updateStateByKey<number>((ones, before = 0) => before + ones.length, { name: 'totals' })
        totals.foreachRDD(async (rdd) => void (total = await rdd.count()))
      })
      if (total !== counts.size) throw new Error(`the job has ${total} keys, the loop ${counts.size}`)
      return run.rate
    },
    () => timeLoop(() => countKeysOfFile(fileOf('keyed'), block, new Map())),
  )
  const mapped = await inTurn(
    bench.rounds,
    async () => {
      let total = 0
      const { rate } = await runJob(bench, records, recordsPerBatch, (job) => {
        const totals = job
          .createDirectStream('keyed', textPairs, options)
          .mapToPair(([key, value]): [string, number] => [key as string, value === null ? 0 : 1])
          .mapWithState<number, number>(
            (_key, one, total) => {
              total.update((total.getOption() ?? 0) + (one ?? 0))
              return undefined
            },
            { name: 'totals' },
          )
        totals.stateSnapshots().foreachRDD(async (rdd) => void (total = await rdd.count()))
      })
      if (total !== counts.size) throw new Error(`the job has ${total} keys, the loop ${counts.size}`)
      return rate
    },
    () => timeLoop(() => countKeysOfFile(fileOf('keyed'), block, new Map())),
  )
  const name = `${keys.toLocaleString('en-US')} keys`
  const { residentMb, reopen } = run as JobRun
  const base = { suite: 'state', better: 'less' } as const
  return [
    figure(`updateStateByKey, ${name}, exactly once`, update),
    figure(`mapWithState, ${name}, exactly once`, mapped),
    { ...base, name: `updateStateByKey, ${name}: resident, broker included`, unit: 'MB', value: residentMb },
    { ...base, name: `${name}: start again from the checkpoint`, unit: 'ms', value: await reopen() },
  ]
}

/** A job and its broker in a process of their own: killed while its fourth batch is not yet decided, and started again. */
async function killed({ directory, keys, records, recordsPerBatch }: Bench): Promise<Figure[]> {
  const own = path.join(directory, 'killed')
  const shape = {
    directory: own,
    keys,
    keyBytes: KEY_BYTES,
    valueBytes: VALUE_BYTES,
    records,
    recordsPerBatch,
  }
  const first = await life({ ...shape, isFirst: true, fromMs: Date.now() }, 'computing 4')
  const second = await life({ ...shape, isFirst: false, fromMs: Date.now() + 3_600_000 }, 'committed 1')
  const base = { suite: 'state', better: 'less', unit: 'ms' } as const
  const name = `${keys.toLocaleString('en-US')} keys`
  return [
    {
      ...base,
      name: `${name}: from start() after kill -9 in a batch until that batch is committed`,
      value: figureAt(second, /^committed 1 (\S+)/),
    },
    {
      ...base,
      name: `${name}: longest hold of the event loop by batches that change ${recordsPerBatch.toLocaleString('en-US')}`,
      value: figureAt(first, /^committed 3 \S+ (\S+)/),
      note: 'garbage collection included',
    },
  ]
}

/** Kills it when it has said so; returns what it has said. */
function life(shape: VictimShape, until: string): Promise<string[]> {
  const script = path.join(import.meta.dirname, '..', 'state-victim.ts')
  const child = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(shape)])
  return new Promise((resolve, reject) => {
    let said = ''
    let errors = ''
    child.stderr.on('data', (bytes: Buffer) => (errors += bytes.toString()))
    child.stdout.on('data', (bytes: Buffer) => {
      said += bytes.toString()
      const lines = said.split('\n').slice(0, -1)
      if (!lines.some((line) => line.startsWith(until))) return
      child.kill('SIGKILL')
      resolve(lines)
    })
    child.once('error', reject)
    child.once('close', (code) => reject(new Error(`the job ended (${code}): ${errors}`)))
  })
}

function figureAt(lines: readonly string[], pattern: RegExp): number {
  for (const line of lines) {
    const found = pattern.exec(line)
    if (found !== null) return Number(found[1])
  }
  throw new Error(`the job did not say ${pattern.source}: ${lines.join(', ')}`)
}

interface JobRun {
  /** Records per second of processor time. */
  readonly rate: number
  readonly residentMb: number
  /** Starts the job again from its checkpoint: milliseconds from start() to the first batch that is complete. */
  reopen(): Promise<number>
}

let jobs = 0

/** Runs a job over the whole topic, one batch per tick of its clock. */
async function runJob(
  { broker, directory }: Bench,
  records: number,
  recordsPerBatch: number,
  build: (context: StreamingContext) => void,
): Promise<JobRun> {
  const appName = `job-${jobs++}`
  const clock = new ManualClock()
  const open = () => {
    const options = { appName, broker, clock, checkpoint: path.join(directory, appName), warn: () => {} }
    const context = new StreamingContext({ ...options, batchDuration: BATCH_MS })
    build(context)
    return context
  }
  const before = process.cpuUsage()
  const context = open()
  let seen = 0
  context.addStreamingListener({ onBatchCompleted: (batch) => void (seen += batch.records) })
  await context.start()
  for (let done = 0; done < records; done += recordsPerBatch) await nextBatch(context, clock)
  const { user, system } = process.cpuUsage(before)
  const residentMb = process.memoryUsage().rss / M
  await context.stop()
  if (seen !== records) throw new Error(`the job has seen ${seen} of ${records} records`)
  const reopen = async () => {
    const reopened = open()
    const fromMs = performance.now()
    await reopened.start()
    await nextBatch(reopened, clock)
    const tookMs = performance.now() - fromMs
    await reopened.stop()
    return tookMs
  }
  return { rate: records / ((user + system) / M), residentMb, reopen }
}

/** One interval passes; resolves when its batch is complete, rejects with what ended the job. */
function nextBatch(context: StreamingContext, clock: ManualClock): Promise<void> {
  return new Promise((resolve, reject) => {
    const remove = context.addStreamingListener({
      onBatchCompleted: () => {
        remove()
        resolve()
      },
    })
    context.awaitTermination().catch(reject)
    clock.tick(BATCH_MS)
  })
}

function timeLoop(loop: () => number): number {
  const before = process.cpuUsage()
  const records = loop()
  const { user, system } = process.cpuUsage(before)
  return records / ((user + system) / M)
}

async function inTurn(
  rounds: number,
  ours: () => Promise<number>,
  plain: () => number,
): Promise<{ ours: Measured; plain: Measured }> {
  const rates: { ours: number[]; plain: number[] } = { ours: [], plain: [] }
  for (let round = 0; round < rounds; round++) {
    rates.plain.push(plain())
    rates.ours.push(await ours())
  }
  return { ours: summarize(rates.ours), plain: summarize(rates.plain) }
}

function figure(name: string, { ours, plain }: { ours: Measured; plain: Measured }): Figure {
  return {
    suite: 'state',
    name,
    unit: 'M records/CPU-s',
    better: 'more',
    value: ours.best / M,
    reference: { name: 'plain loop', value: plain.best / M },
    noise: ours.noise,
  }
}
