// Grep and word count from segment files through the whole processor, exactly once (checkpoint, transaction,
// output topic), against plain loops over the same file. Work per second of processor time: what else runs on
// the machine disturbs that least, and time that the garbage collector spends on other threads counts.

import path from 'node:path'
import { type Broker, startBroker } from '../../../broker/server/start-broker.ts'
import { rawRecords, StreamingContext, textValues, valueContains } from '../../../streaming.ts'
import { bars } from '../bars.ts'
import { buildBatches } from '../batches.ts'
import type { Figure, Outcome } from '../figure.ts'
import { fillTopic, inTurnOf } from '../fill.ts'
import { countWordsOfFile, grepFile, grepFileByBytes } from '../reference/hand-loops.ts'
import { type Measured, summarize } from '../rounds.ts'
import type { SuiteContext } from '../suite.ts'
import { NEEDLE } from '../text.ts'

const VALUE_BYTES = 100
const ROWS_PER_BATCH = 500_000
const M = 1e6

interface Bench {
  broker: Broker
  directory: string
  /** Segment file of the input. */
  file: string
  records: number
}

export async function processor(context: SuiteContext): Promise<Outcome[]> {
  const dataDir = path.join(context.directory, 'data')
  const broker = await startBroker({
    dataDir,
    config: { 'logmill.durability': 'os', 'num.partitions': 1 },
    topics: { text: {}, matches: {}, counts: {} },
    logger: { ...console, warn: () => {} },
  })
  try {
    const records = await fill(broker, context.quick ? 400_000 : 2_000_000)
    const file = path.join(dataDir, 'text-0', '00000000000000000000.log')
    const bench: Bench = { broker, directory: context.directory, file, records }
    return [...(await greps(context, bench)), ...(await wordCount(context, bench))]
  } finally {
    await broker.stop()
  }
}

function fill(broker: Broker, wanted: number): Promise<number> {
  const batches = buildBatches({ valueBytes: VALUE_BYTES, records: 10_000 }, 24, Date.now())
  return fillTopic(broker.bootstrapServers, 'text', wanted, inTurnOf(batches))
}

let jobs = 0

/** Runs a job over the whole topic in a context of its own. Returns records per second of processor time. */
async function runJob(bench: Bench, build: (context: StreamingContext) => void): Promise<number> {
  const name = `job-${jobs++}`
  const { broker, directory, records } = bench
  const context = new StreamingContext({
    appName: name,
    broker,
    checkpoint: path.join(directory, name),
    trigger: 'asap',
    warn: () => {},
  })
  build(context)
  let seen = 0
  const before = process.cpuUsage()
  await new Promise<void>((resolve, reject) => {
    context.addStreamingListener({
      onBatchCompleted: (batch) => {
        seen += batch.records
        if (seen >= records) resolve()
      },
    })
    context.awaitTermination().catch(reject)
    context.start().catch(reject)
  })
  const used = secondsSince(before)
  await context.stop()
  if (seen !== records) throw new Error(`the job has seen ${seen} of ${records} records`)
  return records / used
}

function timeLoop(records: number, loop: () => number): number {
  const before = process.cpuUsage()
  const seen = loop()
  const used = secondsSince(before)
  if (seen !== records) throw new Error(`the loop has seen ${seen} of ${records} records`)
  return records / used
}

function secondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}

async function inTurn(
  context: SuiteContext,
  ours: () => Promise<number>,
  plain: () => number,
): Promise<{ ours: Measured; plain: Measured }> {
  const rates: { ours: number[]; plain: number[] } = { ours: [], plain: [] }
  for (let round = -1; round < (context.quick ? 2 : 5); round++) {
    const [left, right] = [plain(), await ours()]
    if (round < 0) continue
    rates.plain.push(left)
    rates.ours.push(right)
  }
  return { ours: summarize(rates.ours), plain: summarize(rates.plain) }
}

/** Committed records of an output topic's end: what a job has added between two calls. */
function endOf(bench: Bench, topic: string): bigint {
  return bench.broker.logViews.view(topic, 0).stableEndOffset
}

async function greps(context: SuiteContext, bench: Bench): Promise<Figure[]> {
  const block = Buffer.allocUnsafeSlow(4 * 1024 * 1024)
  const startingOffsets = 'earliest' as const
  const options = { startingOffsets, maxRowsPerBatch: ROWS_PER_BATCH }
  let kept = 0
  const expected = ((): number => {
    let lines = 0
    grepFile(bench.file, block, NEEDLE, () => lines++)
    return lines
  })()
  const checked = async (job: () => Promise<number>): Promise<number> => {
    const before = endOf(bench, 'matches')
    const rate = await job()
    // Every batch ends with a commit marker.
    const markers = BigInt(Math.ceil(bench.records / ROWS_PER_BATCH))
    const added = endOf(bench, 'matches') - before - markers
    if (added !== BigInt(expected)) throw new Error(`grep has kept ${added} lines, the loop ${expected}`)
    return rate
  }
  const byBytes = await inTurn(
    context,
    () =>
      checked(() =>
        runJob(bench, (job) => {
          job
            .createDirectStream('text', rawRecords, options)
            .filter(valueContains(NEEDLE))
            .toTopic('matches', (record) => record)
        }),
      ),
    () => timeLoop(bench.records, () => grepFileByBytes(bench.file, block, NEEDLE, () => kept++)),
  )
  const byText = await inTurn(
    context,
    () =>
      checked(() =>
        runJob(bench, (job) => {
          job
            .createDirectStream('text', textValues, options)
            .filter((line) => line.includes(NEEDLE))
            .toTopic('matches', (line) => ({ value: line }))
        }),
      ),
    () => timeLoop(bench.records, () => grepFile(bench.file, block, NEEDLE, () => kept++)),
  )
  return [
    {
      ...figure('Grep on bytes (rawRecords), 1 % kept, exactly once', byBytes, 'loop over the bytes'),
      bar: bars.grep,
    },
    figure('Grep on strings (textValues), 1 % kept, exactly once', byText, 'loop over strings'),
  ]
}

async function wordCount(context: SuiteContext, bench: Bench): Promise<Figure[]> {
  const block = Buffer.allocUnsafeSlow(4 * 1024 * 1024)
  const measured = await inTurn(
    context,
    () =>
      runJob(bench, (job) => {
        job
          .createDirectStream('text', textValues, {
            startingOffsets: 'earliest',
            maxRowsPerBatch: ROWS_PER_BATCH,
          })
          .flatMap((line) => line.split(' '))
          .mapToPair((word): [string, number] => [word, 1])
          .reduceByKey((a, b) => a + b)
          .toTopic('counts', ([word, count]) => ({ key: word, value: String(count) }))
      }),
    () => timeLoop(bench.records, () => countWordsOfFile(bench.file, block, new Map())),
  )
  return [
    {
      ...figure('word count of 100-byte lines, exactly once', measured, 'plain loop'),
      bar: bars.wordCount,
    },
  ]
}

function figure(name: string, measured: { ours: Measured; plain: Measured }, reference: string): Figure {
  return {
    suite: 'processor',
    name,
    unit: 'M records/CPU-s',
    better: 'more',
    value: measured.ours.best / M,
    reference: { name: reference, value: measured.plain.best / M },
    noise: measured.ours.noise,
  }
}
