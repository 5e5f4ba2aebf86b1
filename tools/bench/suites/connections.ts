// What connections, partitions, codecs and transactions cost: many clients with one request under way each
// (swarm.ts), against the built broker and, in turn with it, kfake. For each case the time to an answer at p50, p99
// and p99.9, how many were answered, and the broker's processor time for a thousand of them.

import fs from 'node:fs'
import path from 'node:path'
import { createTopics } from '../../../broker/protocol/apis/create-topics.ts'
import { findCoordinator } from '../../../broker/protocol/apis/find-coordinator.ts'
import { buildBatches } from '../batches.ts'
import { type BrokerProcess, builtFile, runBeside, startLogmill, startProcess } from '../child.ts'
import type { Figure, Outcome } from '../figure.ts'
import type { SuiteContext } from '../suite.ts'
import { buildKfake } from '../tools.ts'
import { Wire } from '../wire.ts'

interface Case {
  name: string
  verb: 'produce' | 'fetch' | 'transact'
  connections: number
  partitions: number
  codec?: string
}

interface Answer {
  requests: number
  bytes: number
  seconds: number
  p50Ms: number
  p99Ms: number
  p999Ms: number
  /** Of the broker, for a thousand requests. */
  cpuMs: number
}

const CONNECTIONS = [1, 64, 1000]
const PARTITIONS = [1, 1000]
const CODECS = ['gzip', 'snappy', 'lz4', 'zstd']

const cases: readonly Case[] = [
  ...(['produce', 'fetch'] as const).flatMap((verb) =>
    PARTITIONS.flatMap((partitions) =>
      CONNECTIONS.map((connections) => ({
        name: `${verb}, ${plural(connections, 'connection')}, ${plural(partitions, 'partition')}`,
        verb,
        connections,
        partitions,
      })),
    ),
  ),
  ...CODECS.map((codec) => ({
    name: `produce ${codec}, 64 connections, 1 partition`,
    verb: 'produce' as const,
    connections: 64,
    partitions: 1,
    codec,
  })),
  ...[1, 64].map((connections) => ({
    name: `transactions of 100 records, ${plural(connections, 'connection')}, 64 partitions`,
    verb: 'transact' as const,
    connections,
    partitions: 64,
  })),
]

export async function connections(context: SuiteContext): Promise<Outcome[]> {
  const cli = builtFile(context.root, 'tools', 'cli', 'main.js')
  const swarm = builtFile(context.root, 'tools', 'bench', 'swarm.js')
  if ('reason' in cli || 'reason' in swarm) {
    const reason = 'reason' in cli ? cli.reason : 'reason' in swarm ? swarm.reason : ''
    return [{ suite: 'connections', name: 'all', reason }]
  }
  const kfake = buildKfake(context)
  const outcomes: Outcome[] = []
  if ('reason' in kfake)
    outcomes.push({ suite: 'connections', name: 'reference kfake', reason: kfake.reason })
  const wanted = context.quick ? cases.filter(({ connections: count }) => count === 64) : cases
  for (const each of wanted) {
    const measured: Record<'logmill' | 'kfake', Answer[]> = { logmill: [], kfake: [] }
    for (let round = 0; round < (context.quick ? 1 : 2); round++) {
      context.say(`connections: ${each.name}, round ${round + 1}`)
      const dir = path.join(context.directory, 'data')
      const ours = (): Promise<BrokerProcess> => startLogmill(cli.file, dir, 'os')
      measured.logmill.push(await measure(context, swarm.file, dir, ours, each))
      if ('file' in kfake) {
        const theirs = (): Promise<BrokerProcess> => startProcess(kfake.file, ['-dir', dir])
        measured.kfake.push(await measure(context, swarm.file, dir, theirs, each))
      }
    }
    outcomes.push(...figures(each, measured.logmill, measured.kfake))
  }
  return outcomes
}

async function measure(
  context: SuiteContext,
  swarm: string,
  dir: string,
  start: () => Promise<BrokerProcess>,
  { verb, partitions, connections: count, codec = 'none' }: Case,
): Promise<Answer> {
  fs.rmSync(dir, { recursive: true, force: true })
  const broker = await start()
  try {
    await prepare(broker, partitions, verb)
    const seconds = context.quick ? 1 : 3
    const args = [verb, broker.bootstrapServers, 'swarm', partitions, count, seconds, codec].map(String)
    let cpuBefore = 0
    // From when the clients are connected and warm until they have counted.
    const said = await runBeside(process.execPath, [swarm, ...args], () => (cpuBefore = broker.cpuSeconds()))
    const cpuSeconds = broker.cpuSeconds() - cpuBefore
    const answer = JSON.parse(said) as Omit<Answer, 'cpuMs'>
    return { ...answer, cpuMs: (cpuSeconds * 1e6) / answer.requests }
  } finally {
    await broker.stop()
  }
}

/** The topic; for fetches with a megabyte or so in each partition that is read, for transactions their coordinator. */
async function prepare(broker: BrokerProcess, partitions: number, verb: Case['verb']): Promise<void> {
  const wire = await Wire.connect(broker.bootstrapServers)
  const { topics } = await wire.request(createTopics, 5, {
    topics: [
      { name: 'swarm', numPartitions: partitions, replicationFactor: 1, assignments: [], configs: [] },
    ],
    timeoutMs: 60_000,
  })
  if (topics[0]?.errorCode !== 0) throw new Error(`the topic cannot be made: ${topics[0]?.errorMessage}`)
  if (verb === 'fetch') {
    const batches = buildBatches({ valueBytes: 100, records: 100 }, 8, Date.now())
    const each = partitions === 1 ? 4000 : 20
    for (let i = 0; i < each; i++) {
      for (let index = 0; index < partitions; index += 50) {
        const indexes = Array.from({ length: Math.min(50, partitions - index) }, (_, n) => index + n)
        await wire.produceTo('swarm', indexes, batches[i % batches.length] as Buffer)
      }
    }
  }
  if (verb === 'transact')
    await wire.request(findCoordinator, 4, { keyType: 1, coordinatorKeys: ['swarm-0'] })
  wire.close()
}

function figures({ name }: Case, ours: Answer[], kfakes: Answer[]): Figure[] {
  const least = (of: Answer[], by: 'p99Ms' | 'cpuMs'): number => Math.min(...of.map((answer) => answer[by]))
  const best = ours.reduce((a, b) => (a.p99Ms <= b.p99Ms ? a : b))
  const { p50Ms, p999Ms, requests, seconds } = best
  const base = { suite: 'connections', better: 'less' } as const
  const reference = (by: 'p99Ms' | 'cpuMs') =>
    kfakes.length === 0 ? {} : { reference: { name: 'kfake', value: least(kfakes, by) } }
  return [
    {
      ...base,
      name: `${name}: p99`,
      unit: 'ms',
      value: best.p99Ms,
      ...reference('p99Ms'),
      note: `p50 ${p50Ms.toFixed(2)} ms, p99.9 ${p999Ms.toFixed(2)} ms, ${Math.round(requests / seconds)} answered a second`,
    },
    {
      ...base,
      name: `${name}: broker time for 1,000`,
      unit: 'CPU-ms',
      value: least(ours, 'cpuMs'),
      ...reference('cpuMs'),
    },
  ]
}

function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`
}
