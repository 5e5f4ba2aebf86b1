// Producing at a steady 1,000 records a second, by librdkafka, to a broker that may have a job beside it in its process:
// what the suites that ask for latency share.

import fs from 'node:fs'
import path from 'node:path'
import { buildBatches } from './batches.ts'
import { type BrokerProcess, builtFile, runBeside, startProcess } from './child.ts'
import { fillTopic, inTurnOf } from './fill.ts'
import type { SuiteContext } from './suite.ts'
import { buildLoad } from './tools.ts'

export const RATE = '1000'
export const VALUE_BYTES = '100'
const TEXT_RECORDS = 2_000_000

export interface Latencies {
  records: number
  p50Ms: number
  p99Ms: number
  maxMs: number
}

/** Files of the broker's process and of the producer. */
export interface PacedTools {
  readonly host: string
  readonly load: string
}

/** Arguments of host.ts behind its directory. */
export type HostedJob = readonly [job: 'none' | 'grep' | 'wordCount' | 'through', workers?: number]

export function pacedTools(context: SuiteContext): PacedTools | { reason: string } {
  const built = builtFile(context.root, 'tools', 'bench', 'host.js')
  if ('reason' in built) return built
  const load = buildLoad(context)
  return 'reason' in load ? load : { host: built.file, load: load.file }
}

export function secondsOf({ quick }: SuiteContext): string {
  return quick ? '3' : '8'
}

/** From produce to acknowledgement, while the job runs. */
export function paced(context: SuiteContext, tools: PacedTools, job: HostedJob): Promise<Latencies> {
  return hosted(context, tools, job, ({ bootstrapServers }) =>
    runBeside(tools.load, ['pace', bootstrapServers, 'paced', VALUE_BYTES, RATE, secondsOf(context)]),
  )
}

export async function hosted(
  context: SuiteContext,
  { host }: PacedTools,
  job: HostedJob,
  measure: (broker: BrokerProcess) => Promise<string>,
): Promise<Latencies> {
  context.say(`latency, ${job.join(' on workers: ')}`)
  const directory = path.join(context.directory, 'host')
  fs.rmSync(directory, { recursive: true, force: true })
  fs.mkdirSync(directory)
  const broker = await startProcess(process.execPath, [host, directory, ...job.map(String)])
  try {
    // For all alike: the same log lies there, whether it is read or not.
    await fillText(broker, context.quick ? TEXT_RECORDS / 10 : TEXT_RECORDS)
    return JSON.parse(await measure(broker)) as Latencies
  } finally {
    await broker.stop()
  }
}

async function fillText({ bootstrapServers }: BrokerProcess, wanted: number): Promise<void> {
  const batches = buildBatches({ valueBytes: Number(VALUE_BYTES), records: 10_000 }, 8, Date.now())
  await fillTopic(bootstrapServers, 'text', wanted, inTurnOf(batches))
}
