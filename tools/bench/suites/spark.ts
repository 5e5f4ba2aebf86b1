// Spark Streaming in local[2] mode beside ours: what is compared, and how, is in aboutSpark, which stands above the table.
// Each side is a process of its own that runs batches when it is told to. Only when named: it needs Maven, a JDK and minutes.

import fs from 'node:fs'
import path from 'node:path'
import { startBroker } from '../../../broker/server/start-broker.ts'
import { buildBatches, keyedBatches } from '../batches.ts'
import { builtFile } from '../child.ts'
import type { Figure, Outcome } from '../figure.ts'
import { fillTopic, inTurnOf } from '../fill.ts'
import { KEY_BYTES } from '../reference/hand-state.ts'
import { type Measured, summarize } from '../rounds.ts'
import { differenceOf, valuesOf } from '../spark/answers.ts'
import { buildSpark } from '../spark/build-spark.ts'
import { Contestant } from '../spark/contestant.ts'
import type { JobName } from '../spark/jobs.ts'
import type { Told } from '../report.ts'
import type { SuiteContext } from '../suite.ts'

export const aboutSpark: Told = {
  title: 'Beside Spark Streaming',
  about: [
    'The same jobs by Spark Streaming (DStreams) in `local[2]` mode and by logmill, on the calling thread and on two workers,\n' +
      'over the same records of 100 bytes in a topic of two partitions of a logmill broker (`durability=os`). What all three\n' +
      'wrote is compared value by value; figures are printed only where it is the same. Made by `npm run bench -- spark`.',
    '- **Spark**: in a JVM with 2 GB of heap and Kryo, reads by the direct stream of spark-streaming-kafka-0-10 with\n' +
      '  checkpoints on, and writes by a KafkaProducer (acks=all) in `foreachRDD`: **at least once**, a task that is run again\n' +
      '  writes again. Its processor time and memory are without those of the broker that it reads from.\n' +
      '- **logmill**: the built package, broker and job in one process, reads the segment files; output, offsets and state\n' +
      '  are committed together: **exactly once**. Its processor time and memory are with those of its broker.',
    'Intervals are of one second by clocks that are moved by hand, as the tests of both do it: a batch begins when the last one\n' +
      'is done. Records per second count all of its time, from planning to completion, in the best of several rounds of some\n' +
      'batches that the three run in turn; noise is how far the median round was from the best. Processor time is that of all\n' +
      'rounds but those in which compilers warm up and windows and states fill. A JVM takes memory that it is given. Other work\n' +
      'on the machine (load before) slows whatever goes by the wall clock, a start most of all, and disturbs processor time\n' +
      'least. Ratio is value ÷ reference.',
  ],
}

const VALUE_BYTES = 100
const PARTITIONS = 2
const M = 1e6

interface Scale {
  readonly keys: number
  readonly grepRows: number
  readonly wordRows: number
  readonly windowRows: number
  readonly stateRows: number
  readonly rounds: number
}

const FULL: Scale = {
  keys: 200_000,
  grepRows: 200_000,
  wordRows: 50_000,
  windowRows: 20_000,
  stateRows: 50_000,
  rounds: 5,
}
const QUICK: Scale = {
  keys: 20_000,
  grepRows: 50_000,
  wordRows: 10_000,
  windowRows: 2_000,
  stateRows: 10_000,
  rounds: 2,
}

interface Job {
  readonly job: JobName
  readonly name: string
  readonly topic: 'text' | 'keyed'
  readonly rowsPerBatch: number
  readonly batchesPerRound: number
  /** Not counted: compilers warm up, a window and a state fill up. */
  readonly warmRounds: number
}

function jobsOf(scale: Scale): Job[] {
  const text = { topic: 'text', batchesPerRound: 4, warmRounds: 3 } as const
  // Spark writes down windows and state every ten batches of a second: each round has that once.
  const windowed = { topic: 'text', batchesPerRound: 10, warmRounds: 3 } as const
  const keyed = { topic: 'keyed', batchesPerRound: 10, warmRounds: 2, rowsPerBatch: scale.stateRows } as const
  const keys = `${scale.keys.toLocaleString('en-US')} keys`
  return [
    { job: 'grep', name: 'Grep on strings, 1 % kept', rowsPerBatch: scale.grepRows, ...text },
    { job: 'wordCount', name: 'word count', rowsPerBatch: scale.wordRows, ...text },
    {
      job: 'topWords',
      name: 'top 10 words of 30 s, sliding by 1 s',
      rowsPerBatch: scale.windowRows,
      ...windowed,
    },
    { job: 'updateStateByKey', name: `updateStateByKey, ${keys}`, ...keyed },
    { job: 'mapWithState', name: `mapWithState, ${keys}`, ...keyed },
  ]
}

/** Who runs a job, and the data directory of the broker beside it. */
interface Side {
  readonly name: string
  readonly dataDir: string
  start(job: Job, output: string): Contestant
}

interface Run {
  readonly measured: Measured
  /** Over all counted rounds, what a side does between them included. */
  readonly cpuSeconds: number
  /** Of the broker beside it, in counted rounds. */
  readonly besideSeconds: number
  readonly peakMb: number
  readonly firstBatchMs: number
}

export async function spark(context: SuiteContext): Promise<Outcome[]> {
  const built = buildSpark(context)
  if ('reason' in built) return [{ suite: 'spark', name: 'Spark Streaming local[2]', reason: built.reason }]
  const ours = builtFile(context.root, 'tools', 'bench', 'spark', 'our-job.js')
  if ('reason' in ours) return [{ suite: 'spark', name: 'Spark Streaming local[2]', reason: ours.reason }]
  const scale = context.quick ? QUICK : FULL
  const jobs = jobsOf(scale)
  const directoryOf = (name: string): string => path.join(context.directory, name)
  await fill(directoryOf('spark'), jobs, scale)
  const sides = [0, 2].map((executors): Side => {
    const name = `ours-${executors}`
    fs.cpSync(directoryOf('spark'), directoryOf(name), { recursive: true })
    return {
      name: executors === 0 ? 'on the calling thread' : `on ${executors} workers`,
      dataDir: directoryOf(name),
      start: (job, output) => {
        const checkpoint = directoryOf(`${name}-${job.job}`)
        const args = [job.job, directoryOf(name), ...argumentsOf(job, output), checkpoint, String(executors)]
        return new Contestant(process.execPath, [ours.file, ...args])
      },
    }
  })
  const broker = await openBroker(directoryOf('spark'))
  try {
    const { bootstrapServers } = broker
    const theirs: Side = {
      name: `Spark ${built.version} local[2]`,
      dataDir: directoryOf('spark'),
      start: (job, output) => {
        const args = [job.job, bootstrapServers, ...argumentsOf(job, output), directoryOf(`spark-${job.job}`)]
        return new Contestant('java', [...built.arguments, ...args])
      },
    }
    const figures: Figure[] = []
    for (const job of jobs) {
      context.say(`spark, ${job.job}`)
      figures.push(...(await compare(job, scale.rounds, theirs, sides)))
    }
    return figures
  } finally {
    await broker.stop()
  }
}

const argumentsOf = ({ topic, rowsPerBatch }: Job, output: string): string[] => [
  topic,
  String(rowsPerBatch / PARTITIONS),
  output,
]

const openBroker = (dataDir: string, topics = {}) =>
  startBroker({
    dataDir,
    config: { 'logmill.durability': 'os' },
    logger: { ...console, info: () => {}, warn: () => {} },
    topics,
  })

async function fill(dataDir: string, jobs: readonly Job[], { keys, rounds }: Scale): Promise<void> {
  const input = { partitions: PARTITIONS }
  const outputs = Object.fromEntries(jobs.map(({ job }) => [`${job}-out`, { partitions: 1 }]))
  const broker = await openBroker(dataDir, { text: input, keyed: input, ...outputs })
  try {
    const lines = buildBatches({ valueBytes: VALUE_BYTES, records: 10_000 }, 48, Date.now())
    const batchesOf = {
      text: inTurnOf(lines),
      keyed: keyedBatches(keys, KEY_BYTES, VALUE_BYTES, Date.now()),
    }
    for (const topic of ['text', 'keyed'] as const) {
      const wanted = jobs.filter((job) => job.topic === topic).map((job) => recordsOf(job, rounds))
      // A batch more for each partition: they are whole, and none may run short.
      const records = Math.max(...wanted) + PARTITIONS * 10_000
      await fillTopic(broker.bootstrapServers, topic, records, batchesOf[topic], PARTITIONS)
    }
  } finally {
    await broker.stop()
  }
}

/** All that a job reads: its first batch, and rounds. */
const recordsOf = (job: Job, rounds: number): number =>
  job.rowsPerBatch + recordsIn(job) * (job.warmRounds + rounds)

/** Starts a job on each side, lets them take turns, and compares what they wrote. */
async function compare(job: Job, rounds: number, theirs: Side, ours: readonly Side[]): Promise<Figure[]> {
  const output = `${job.job}-out`
  const sides = [theirs, ...ours]
  const contestants: Contestant[] = []
  try {
    const firstBatchMs: number[] = []
    for (const side of sides) {
      const contestant = side.start(job, output)
      contestants.push(contestant)
      firstBatchMs.push(await contestant.firstBatch())
    }
    for (let round = 0; round < job.warmRounds; round++) await takeTurns(job, contestants)
    const before = contestants.map((each) => each.cpuSeconds())
    const turns: Turn[][] = []
    for (let round = 0; round < rounds; round++) turns.push(await takeTurns(job, contestants))
    const runs = contestants.map((each, index): Run => {
      const taken = turns.map((turn) => turn[index] as Turn)
      return {
        measured: summarize(taken.map(({ recordsPerSecond }) => recordsPerSecond)),
        cpuSeconds: each.cpuSeconds() - (before[index] as number),
        besideSeconds: taken.reduce((sum, { besideSeconds }) => sum + besideSeconds, 0),
        peakMb: each.peakMb(),
        firstBatchMs: firstBatchMs[index] as number,
      }
    })
    for (const contestant of contestants) await contestant.stop()
    const [expected, ...found] = sides.map(({ dataDir }) => valuesOf(path.join(dataDir, `${output}-0`)))
    for (const [index, values] of found.entries()) {
      const difference = differenceOf(expected as Map<string, number>, values)
      if (difference === undefined) continue
      throw new Error(`${job.job}: ${ours[index]?.name} differs from ${theirs.name}: ${difference}`)
    }
    const [reference, ...others] = runs as [Run, ...Run[]]
    const records = recordsIn(job) * rounds
    return others.flatMap((run, index) => figures(job, records, ours[index] as Side, run, theirs, reference))
  } finally {
    for (const contestant of contestants) contestant.kill()
  }
}

interface Turn {
  readonly recordsPerSecond: number
  /** Processor time of this process meanwhile: of the broker that Spark reads from. */
  readonly besideSeconds: number
}

async function takeTurns(job: Job, contestants: readonly Contestant[]): Promise<Turn[]> {
  const turns: Turn[] = []
  for (const contestant of contestants) {
    const before = process.cpuUsage()
    const { records, ms } = await contestant.round(job.batchesPerRound)
    const { user, system } = process.cpuUsage(before)
    if (records !== recordsIn(job)) {
      throw new Error(`${job.job}: a round of ${recordsIn(job)} records has read ${records}`)
    }
    turns.push({ recordsPerSecond: (records / ms) * 1000, besideSeconds: (user + system) / M })
  }
  return turns
}

/** Of a round. */
const recordsIn = ({ rowsPerBatch, batchesPerRound }: Job): number => rowsPerBatch * batchesPerRound

function figures(job: Job, records: number, side: Side, run: Run, theirs: Side, reference: Run): Figure[] {
  const costOf = (seconds: number): number => seconds / (records / M)
  const figure = (
    what: string,
    unit: string,
    better: Figure['better'],
    valueOf: (run: Run) => number,
  ): Figure => ({
    suite: 'spark',
    name: `${job.name}, ${side.name}${what}`,
    unit,
    better,
    value: valueOf(run),
    reference: { name: theirs.name, value: valueOf(reference) },
  })
  const percent = Math.round(reference.measured.noise * 100)
  return [
    {
      ...figure('', 'M records/s', 'more', ({ measured }) => measured.best / M),
      noise: run.measured.noise,
      note: `${job.rowsPerBatch.toLocaleString('en-US')} records a batch; noise of Spark ${percent} %`,
    },
    {
      ...figure(': processor time', 'CPU-s per M', 'less', ({ cpuSeconds }) => costOf(cpuSeconds)),
      note: `the broker that Spark reads from: another ${costOf(reference.besideSeconds).toFixed(2)}`,
    },
    figure(': peak memory', 'MB', 'less', ({ peakMb }) => peakMb),
    figure(': process start to first batch', 'ms', 'less', (each) => each.firstBatchMs),
  ]
}
