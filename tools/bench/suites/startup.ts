// How long until a broker can be used: in this process, warm, to the first record produced and fetched; and the
// built command from its start to the first ApiVersions reply, with the memory it holds when nothing happens.

import { spawnSync } from 'node:child_process'
import { performance } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import { startBroker } from '../../../broker/server/start-broker.ts'
import { bars } from '../bars.ts'
import { buildBatches } from '../batches.ts'
import { type BrokerProcess, builtFile, startProcess } from '../child.ts'
import { type Outcome, percentile } from '../figure.ts'
import type { SuiteContext } from '../suite.ts'
import { Wire } from '../wire.ts'

const WARM_UPS = 3
const SETTLED_MS = 2000

export async function startup(context: SuiteContext): Promise<Outcome[]> {
  return [...(await inProcess(context)), ...(await asProcess(context))]
}

async function inProcess({ quick }: SuiteContext): Promise<Outcome[]> {
  const [batch] = buildBatches({ valueBytes: 100, records: 1 }, 1, Date.now()) as [Buffer]
  const toRecord: number[] = []
  const toBroker: number[] = []
  let first = 0
  for (let round = 0; round < WARM_UPS + (quick ? 5 : 20); round++) {
    const startMs = performance.now()
    const broker = await startBroker({ topics: { first: {} } })
    const readyMs = performance.now()
    const wire = await Wire.connect(broker.bootstrapServers)
    await wire.produce('first', batch)
    const records = await wire.fetch('first', 0n)
    const doneMs = performance.now()
    if (records.length !== batch.length) throw new Error(`fetched ${records.length} of ${batch.length} bytes`)
    wire.close()
    await broker.stop()
    if (round === 0) first = doneMs - startMs
    if (round < WARM_UPS) continue
    toRecord.push(doneMs - startMs)
    toBroker.push(readyMs - startMs)
  }
  const best = Math.min(...toRecord)
  return [
    {
      suite: 'start-up',
      name: 'in process, memory, warm: to first produced and fetched record',
      unit: 'ms',
      better: 'less',
      value: best,
      noise: (percentile(toRecord, 0.5) - best) / best,
      bar: bars.inProcessStart,
      note: `startBroker() itself ${Math.min(...toBroker).toFixed(1)} ms; the first of this process, cold, ${first.toFixed(0)} ms`,
    },
  ]
}

async function asProcess(context: SuiteContext): Promise<Outcome[]> {
  const built = builtFile(context.root, 'tools', 'cli', 'main.js')
  if ('reason' in built) return [{ suite: 'start-up', name: 'logmill process', reason: built.reason }]
  const args = [built.file, 'start', '--memory', '--listen', '127.0.0.1:0', '--format', 'json']
  const nodeAlone: number[] = []
  const toReply: number[] = []
  let residentMb = Number.POSITIVE_INFINITY
  for (let round = 0; round < (context.quick ? 3 : 8); round++) {
    nodeAlone.push(timed(() => spawnSync(process.execPath, ['-e', '0'])))
    const startMs = performance.now()
    const broker = await startProcess(process.execPath, args)
    await reply(broker)
    toReply.push(performance.now() - startMs)
    if (round === 0) {
      await wait(SETTLED_MS)
      residentMb = broker.residentMb()
    }
    await broker.stop()
  }
  const best = Math.min(...toReply)
  return [
    {
      suite: 'start-up',
      name: 'logmill start --memory: to first ApiVersions reply',
      unit: 'ms',
      better: 'less',
      value: best,
      reference: { name: 'node -e 0', value: Math.min(...nodeAlone) },
      noise: (percentile(toReply, 0.5) - best) / best,
      bar: bars.processStart,
    },
    {
      suite: 'start-up',
      name: 'logmill start --memory: resident, idle',
      unit: 'MB',
      better: 'less',
      value: residentMb,
      bar: bars.idleMemory,
    },
  ]
}

async function reply({ bootstrapServers }: BrokerProcess): Promise<void> {
  const wire = await Wire.connect(bootstrapServers)
  await wire.apiVersions()
  wire.close()
}

function timed(act: () => void): number {
  const startMs = performance.now()
  act()
  return performance.now() - startMs
}
