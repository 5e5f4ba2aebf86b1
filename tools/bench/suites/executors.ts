// What worker threads gain: Grep and word count over one partition of a segment file, exactly once, on the calling
// thread, on one worker and on two, in turn. Records per second by the wall clock, so what else runs on the machine
// counts; how long threads take to start; and what a produce to the same process waits beside them.

import path from 'node:path'
import { performance } from 'node:perf_hooks'
import { type Broker, startBroker } from '../../../broker/server/start-broker.ts'
import { StreamingContext } from '../../../streaming.ts'
import { buildBatches } from '../batches.ts'
import type { Figure, Outcome } from '../figure.ts'
import { fillTopic, inTurnOf } from '../fill.ts'
import { type Latencies, paced, pacedTools } from '../paced.ts'
import { summarize } from '../rounds.ts'
import type { ScanParameters } from '../scan-job.ts'
import type { SuiteContext } from '../suite.ts'

const VALUE_BYTES = 100
const ROWS_PER_BATCH = 500_000
const M = 1e6
const THREADS = [0, 1, 2] as const
const WORKERS_BESIDE = 2

interface Turn {
  readonly recordsPerSecond: number
  /** Processor seconds of all threads for a million records. */
  readonly cpuSeconds: number
  /** Share of the time in which the calling thread's event loop, the broker's, was busy. */
  readonly busy: number
  readonly startMs: number
}

export async function executors(context: SuiteContext): Promise<Outcome[]> {
  const figures: Figure[] = []
  const broker = await startBroker({
    dataDir: path.join(context.directory, 'data'),
    config: { 'logmill.durability': 'os', 'num.partitions': 1 },
    topics: { text: {}, out: {} },
    logger: { ...console, warn: () => {} },
  })
  try {
    const records = await fill(broker, context.quick ? 2_000_000 : 4_000_000)
    const startsMs: Record<number, number[]> = { 1: [], 2: [] }
    for (const [job, name] of [
      ['grep', 'Grep on bytes, 1 % kept'],
      ['grepText', 'Grep on strings, 1 % kept'],
      ['wordCount', 'word count of 100-byte lines'],
    ] as const) {
      const turns = new Map<number, Turn[]>(THREADS.map((threads) => [threads, []]))
      for (let round = -1; round < (context.quick ? 2 : 5); round++) {
        for (const threads of THREADS) {
          const turn = await run(broker, context.directory, records, job, threads)
          if (round < 0) continue
          turns.get(threads)?.push(turn)
          startsMs[threads]?.push(turn.startMs)
        }
      }
      const [calling, ...workers] = THREADS.map((threads) => turns.get(threads) as Turn[])
      for (const [index, of] of workers.entries()) {
        figures.push(figure(`${name}, exactly once, on ${index + 1} workers`, of, calling as Turn[]))
      }
    }
    figures.push(...[1, 2].map((threads) => startFigure(threads, startsMs[threads] as number[])))
  } finally {
    await broker.stop()
  }
  return [...figures, ...(await besideWorkers(context))]
}

/** In processes of their own, by turns. */
async function besideWorkers(context: SuiteContext): Promise<Outcome[]> {
  const tools = pacedTools(context)
  if ('reason' in tools) {
    return [{ suite: 'executors', name: 'produce beside jobs on 2 workers', reason: tools.reason }]
  }
  const alone: Latencies[] = []
  const beside: Record<'grep' | 'wordCount', Latencies[]> = { grep: [], wordCount: [] }
  for (let round = 0; round < (context.quick ? 1 : 3); round++) {
    alone.push(await paced(context, tools, ['none']))
    for (const job of ['grep', 'wordCount'] as const) {
      beside[job].push(await paced(context, tools, [job, WORKERS_BESIDE]))
    }
  }
  const best = (of: readonly Latencies[], by: 'p50Ms' | 'p99Ms') => Math.min(...of.map((each) => each[by]))
  const figure = (job: 'grep' | 'wordCount', name: string): Figure => ({
    suite: 'executors',
    name: `produce to acknowledgement while ${name} runs on ${WORKERS_BESIDE} workers: p99`,
    unit: 'ms',
    better: 'less',
    value: best(beside[job], 'p99Ms'),
    reference: { name: 'alone', value: best(alone, 'p99Ms') },
    note: `p50 ${best(beside[job], 'p50Ms').toFixed(2)} ms`,
  })
  return [figure('grep', 'Grep on bytes'), figure('wordCount', 'word count')]
}

let jobs = 0

async function run(
  broker: Broker,
  directory: string,
  records: number,
  job: ScanParameters['job'],
  threads: number,
): Promise<Turn> {
  const name = `${job}-${jobs++}`
  const context = new StreamingContext({
    appName: name,
    broker,
    checkpoint: path.join(directory, name),
    trigger: 'asap',
    warn: () => {},
    job: new URL(`../scan-job${path.extname(import.meta.url)}`, import.meta.url),
    jobParameters: { job, rowsPerBatch: ROWS_PER_BATCH, output: 'out' } satisfies ScanParameters,
    ...(threads > 0 && { executors: threads }),
  })
  const beganMs = performance.now()
  let firstMs = 0
  let warmMs = 0
  let warmRecords = 0
  let seen = 0
  let cpu = process.cpuUsage()
  let loop = performance.eventLoopUtilization()
  const done = new Promise<void>((resolve, reject) => {
    context.addStreamingListener({
      onBatchStarted: () => {
        if (firstMs === 0) firstMs = performance.now()
      },
      onBatchCompleted: (batch) => {
        seen += batch.records
        if (seen >= records) resolve()
        if (warmMs !== 0) return
        warmMs = performance.now()
        warmRecords = seen
        cpu = process.cpuUsage()
        loop = performance.eventLoopUtilization()
      },
    })
    context.awaitTermination().catch(reject)
  })
  await context.start()
  await done
  const endedMs = performance.now()
  const { user, system } = process.cpuUsage(cpu)
  const busy = performance.eventLoopUtilization(loop).utilization
  await context.stop()
  // New threads compile what the calling thread has compiled long ago: the first batch is not counted.
  const counted = records - warmRecords
  return {
    recordsPerSecond: (counted / (endedMs - warmMs)) * 1000,
    cpuSeconds: (user + system) / counted,
    busy,
    startMs: firstMs - beganMs,
  }
}

function fill(broker: Broker, wanted: number): Promise<number> {
  const batches = buildBatches({ valueBytes: VALUE_BYTES, records: 10_000 }, 24, Date.now())
  return fillTopic(broker.bootstrapServers, 'text', wanted, inTurnOf(batches))
}

function figure(name: string, turns: readonly Turn[], calling: readonly Turn[]): Figure {
  const measured = summarize(turns.map(({ recordsPerSecond }) => recordsPerSecond))
  const reference = summarize(calling.map(({ recordsPerSecond }) => recordsPerSecond))
  return {
    suite: 'executors',
    name,
    unit: 'M records/s',
    better: 'more',
    value: measured.best / M,
    reference: { name: 'calling thread', value: reference.best / M },
    noise: measured.noise,
    note: `${costOf(turns)}; on the calling thread ${costOf(calling)}`,
  }
}

function costOf(turns: readonly Turn[]): string {
  const least = (of: (turn: Turn) => number) => Math.min(...turns.map(of))
  const busy = (least((turn) => turn.busy) * 100).toFixed(0)
  return `${least((turn) => turn.cpuSeconds).toFixed(2)} CPU-s per M records, the broker's loop busy for ${busy} %`
}

function startFigure(threads: number, startsMs: readonly number[]): Figure {
  return {
    suite: 'executors',
    name: `start of a job on ${threads} workers, to its first batch`,
    unit: 'ms',
    better: 'less',
    value: Math.min(...startsMs),
    note: import.meta.url.endsWith('.ts') ? 'from TypeScript sources' : 'built',
  }
}
