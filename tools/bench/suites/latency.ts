// Latency at a steady 1,000 records a second, measured by librdkafka from outside: produce to acknowledgement
// with and without a Grep in the broker's process, and produce to the copy that a job makes, seen by a
// read_committed consumer.

import fs from 'node:fs'
import path from 'node:path'
import { bars } from '../bars.ts'
import { buildBatches } from '../batches.ts'
import { type BrokerProcess, builtFile, runBeside, startProcess } from '../child.ts'
import type { Figure, Outcome } from '../figure.ts'
import { fillTopic, inTurnOf } from '../fill.ts'
import type { SuiteContext } from '../suite.ts'
import { buildLoad } from '../tools.ts'

const RATE = '1000'
const VALUE_BYTES = '100'
const TEXT_RECORDS = 2_000_000

interface Latencies {
  records: number
  p50Ms: number
  p99Ms: number
  maxMs: number
}

export async function latency(context: SuiteContext): Promise<Outcome[]> {
  const built = builtFile(context.root, 'tools', 'bench', 'host.js')
  const load = buildLoad(context)
  if ('reason' in built || 'reason' in load) {
    const reason = 'reason' in built ? built.reason : 'reason' in load ? load.reason : ''
    return [{ suite: 'latency', name: 'all', reason }]
  }
  const seconds = context.quick ? '3' : '8'
  const rounds = context.quick ? 1 : 3
  const alone: Latencies[] = []
  const besideGrep: Latencies[] = []
  const through: Latencies[] = []
  for (let round = 0; round < rounds; round++) {
    const paced = (broker: BrokerProcess): Promise<string> =>
      runBeside(load.file, ['pace', broker.bootstrapServers, 'paced', VALUE_BYTES, RATE, seconds])
    alone.push(await hosted(context, built.file, 'none', paced))
    besideGrep.push(await hosted(context, built.file, 'grep', paced))
    through.push(
      await hosted(context, built.file, 'through', (broker) =>
        runBeside(load.file, ['through', broker.bootstrapServers, 'in', 'out', VALUE_BYTES, RATE, seconds]),
      ),
    )
  }
  const best = (of: Latencies[], by: 'p50Ms' | 'p99Ms'): number => Math.min(...of.map((each) => each[by]))
  const base = { suite: 'latency', unit: 'ms', better: 'less' } as const
  const figures: Figure[] = [
    { ...base, name: 'produce to acknowledgement, alone: p50', value: best(alone, 'p50Ms') },
    { ...base, name: 'produce to acknowledgement, alone: p99', value: best(alone, 'p99Ms') },
    {
      ...base,
      name: 'produce to acknowledgement while Grep runs in the process: p99',
      value: best(besideGrep, 'p99Ms'),
      reference: { name: 'alone', value: best(alone, 'p99Ms') },
      bar: bars.produceBesideGrep,
      note: `p50 ${best(besideGrep, 'p50Ms').toFixed(2)} ms`,
    },
    {
      ...base,
      name: 'produce to output visible, asap trigger, exactly once: p50',
      value: best(through, 'p50Ms'),
      bar: bars.endToEndMedian,
    },
    {
      ...base,
      name: 'produce to output visible, asap trigger, exactly once: p99',
      value: best(through, 'p99Ms'),
      bar: bars.endToEndTail,
    },
  ]
  return figures
}

async function hosted(
  context: SuiteContext,
  host: string,
  job: 'none' | 'grep' | 'through',
  measure: (broker: BrokerProcess) => Promise<string>,
): Promise<Latencies> {
  context.say(`latency, ${job}`)
  const directory = path.join(context.directory, 'host')
  fs.rmSync(directory, { recursive: true, force: true })
  fs.mkdirSync(directory)
  const broker = await startProcess(process.execPath, [host, directory, job])
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
