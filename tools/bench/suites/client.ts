// librdkafka against the built broker and, in the same run, against kfake: records per second, the broker's
// processor time per gigabyte of values, and how busy it was, which says whether the client was the bound.

import fs from 'node:fs'
import path from 'node:path'
import { bars } from '../bars.ts'
import { type BrokerProcess, builtFile, runBeside, startLogmill, startProcess } from '../child.ts'
import type { Figure, Outcome } from '../figure.ts'
import { summarize } from '../rounds.ts'
import type { SuiteContext } from '../suite.ts'
import { buildKfake, buildLoad } from '../tools.ts'

const IN_FLIGHT = '256'
const GB = 1e9

interface Shape {
  name: string
  bytes: number
  records: number
}

interface Step {
  recordsPerSecond: number
  cpuPerGb: number
  /** Of one core. */
  busyPercent: number
}

type Contender = 'logmill os' | 'logmill fsync' | 'kfake'
type Steps = Record<'produce' | 'consume', Step[]>

export async function client(context: SuiteContext): Promise<Outcome[]> {
  const built = builtFile(context.root, 'tools', 'cli', 'main.js')
  const load = buildLoad(context)
  const missing = 'reason' in built ? built.reason : 'reason' in load ? load.reason : undefined
  if (missing !== undefined || 'reason' in built || 'reason' in load) {
    return [{ suite: 'client', name: 'librdkafka load', reason: missing ?? '' }]
  }
  const kfake = buildKfake(context)
  const outcomes: Outcome[] = []
  if ('reason' in kfake) outcomes.push({ suite: 'client', name: 'reference kfake', reason: kfake.reason })
  const scale = context.quick ? 0.2 : 1
  const shapes: Shape[] = [
    { name: '100 B', bytes: 100, records: 4_000_000 * scale },
    { name: '1 KB', bytes: 1024, records: 700_000 * scale },
  ]
  const cli = built.file
  const start: Record<Contender, ((dir: string) => Promise<BrokerProcess>) | undefined> = {
    'logmill os': (dir) => startLogmill(cli, dir, 'os'),
    'logmill fsync': (dir) => startLogmill(cli, dir, 'fsync'),
    kfake: 'reason' in kfake ? undefined : (dir) => startProcess(kfake.file, ['-dir', dir]),
  }
  for (const shape of shapes) {
    const measured = await rounds(context, start, load.file, shape)
    outcomes.push(...figures(shape, measured))
  }
  return outcomes
}

async function rounds(
  context: SuiteContext,
  start: Record<Contender, ((dir: string) => Promise<BrokerProcess>) | undefined>,
  load: string,
  shape: Shape,
): Promise<Map<Contender, Steps>> {
  const measured = new Map<Contender, Steps>()
  for (let round = 0; round < (context.quick ? 1 : 3); round++) {
    for (const contender of Object.keys(start) as Contender[]) {
      const open = start[contender]
      if (open === undefined) continue
      context.say(`client ${shape.name} ${contender}, round ${round + 1}`)
      const dir = path.join(context.directory, 'data')
      fs.rmSync(dir, { recursive: true, force: true })
      const broker = await open(dir)
      try {
        const steps = measured.get(contender) ?? { produce: [], consume: [] }
        measured.set(contender, steps)
        const to = broker.bootstrapServers
        const count = String(shape.records)
        // Small and not counted: code gets warm, the topic is made.
        await runBeside(load, [
          'produce',
          to,
          'warm',
          String(shape.records / 10),
          String(shape.bytes),
          IN_FLIGHT,
        ])
        await runBeside(load, ['consume', to, 'warm', String(shape.records / 10)])
        const sent = ['produce', to, 'load', count, String(shape.bytes), IN_FLIGHT]
        steps.produce.push(await step(broker, load, sent, shape))
        steps.consume.push(await step(broker, load, ['consume', to, 'load', count], shape))
      } finally {
        await broker.stop()
      }
    }
  }
  return measured
}

async function step(broker: BrokerProcess, load: string, args: string[], shape: Shape): Promise<Step> {
  const before = broker.cpuSeconds()
  const answer = JSON.parse(await runBeside(load, args)) as {
    records: number
    seconds: number
    endOffset?: number
  }
  const cpuSeconds = broker.cpuSeconds() - before
  if (answer.records !== shape.records || (answer.endOffset ?? shape.records) !== shape.records) {
    throw new Error(`${answer.records} of ${shape.records} records, the log ends at ${answer.endOffset}`)
  }
  return {
    recordsPerSecond: answer.records / answer.seconds,
    cpuPerGb: cpuSeconds / ((shape.records * shape.bytes) / GB),
    busyPercent: (cpuSeconds / answer.seconds) * 100,
  }
}

function figures(shape: Shape, measured: Map<Contender, Steps>): Figure[] {
  const all: Figure[] = []
  for (const [contender, steps] of measured) {
    if (contender === 'kfake') continue
    for (const verb of ['produce', 'consume'] as const) {
      if (contender === 'logmill fsync' && verb === 'consume') continue
      const kfake = measured.get('kfake')?.[verb]
      all.push(
        ...compare(`${verb} ${shape.name}, durability=${contender.split(' ')[1]}`, verb, steps[verb], kfake),
      )
    }
  }
  const os = measured.get('logmill os')
  const fsync = measured.get('logmill fsync')
  if (os !== undefined && fsync !== undefined) {
    all.push({
      suite: 'client',
      name: `produce ${shape.name}, durability=fsync against os`,
      unit: 'k records/s',
      better: 'more',
      value: bestRate(fsync.produce) / 1e3,
      reference: { name: 'durability=os', value: bestRate(os.produce) / 1e3 },
      bar: bars.fsyncAgainstOs,
    })
  }
  return all
}

function compare(
  name: string,
  verb: 'produce' | 'consume',
  steps: Step[],
  kfake: Step[] | undefined,
): Figure[] {
  const rates = summarize(steps.map(({ recordsPerSecond }) => recordsPerSecond))
  // The round with the least processor time is the one that was disturbed least.
  const leanest = (of: Step[]): Step => of.reduce((a, b) => (a.cpuPerGb <= b.cpuPerGb ? a : b))
  const ours = leanest(steps)
  // The design bounds what a byte costs with durability=os; fsync is bounded against os.
  const isBarred = name.endsWith('durability=os')
  const base = { suite: 'client' } as const
  return [
    {
      ...base,
      name,
      unit: 'k records/s',
      better: 'more',
      value: rates.best / 1e3,
      noise: rates.noise,
      ...(kfake && { reference: { name: 'kfake', value: bestRate(kfake) / 1e3 } }),
    },
    {
      ...base,
      name: `${name}: broker time per GB`,
      unit: 'CPU-s/GB',
      better: 'less',
      value: ours.cpuPerGb,
      ...(isBarred && { bar: verb === 'produce' ? bars.produceCpu : bars.consumeCpu }),
      ...(kfake && { reference: { name: 'kfake', value: leanest(kfake).cpuPerGb } }),
    },
    {
      ...base,
      name: `${name}: broker busy`,
      unit: '% of a core',
      better: 'less',
      value: ours.busyPercent,
      ...(isBarred && { bar: bars.brokerBusy }),
      ...(kfake && { reference: { name: 'kfake', value: leanest(kfake).busyPercent } }),
    },
  ]
}

function bestRate(steps: readonly Step[]): number {
  return Math.max(...steps.map(({ recordsPerSecond }) => recordsPerSecond))
}
