// What the commands of `logmill job` do. Loaded when one is called: a broker that starts needs none of it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { startBroker } from '../../broker/server/start-broker.ts'
import { forkCheckpoint, type ForkOptions } from '../../processor/checkpoint/fork.ts'
import { inspectCheckpoint } from '../../processor/checkpoint/inspect.ts'
import { OfflineCheckpoint } from '../../processor/checkpoint/offline.ts'
import type { PoisonPolicy } from '../../processor/graph/contracts/poison.ts'
import { type ReplayedBatch, replayBatch } from '../../processor/replay.ts'
import type { StreamingContext } from '../../processor/streaming-context.ts'
import { jsonOf, reportText } from './job-report.ts'

export async function inspect(checkpoint: string, { format }: { format: string }): Promise<void> {
  const report = await inspectCheckpoint(checkpoint)
  console.log(format === 'json' ? jsonOf(report) : reportText(report))
}

export async function copy(from: string, to: string, options: ForkOptions): Promise<void> {
  const checkpoint = await OfflineCheckpoint.open(from)
  try {
    const { appName, batchId, timeMs } = await forkCheckpoint(checkpoint, to, options)
    console.log(`${to}: job '${appName}' behind batch ${batchId} of ${new Date(timeMs).toISOString()}`)
  } finally {
    await checkpoint.close()
  }
}

export async function replay(
  checkpoint: string,
  batch: string,
  options: { job: string; data: string; parallelism: string; onPoison: string; parameters?: string },
): Promise<void> {
  const module = (await import(pathToFileURL(path.resolve(options.job)).href)) as {
    default?: (context: StreamingContext, parameters?: unknown) => void | Promise<void>
  }
  if (typeof module.default !== 'function') {
    throw new Error(`${options.job} has no default export that builds the job's streams`)
  }
  const build = module.default
  const parameters: unknown = options.parameters === undefined ? undefined : JSON.parse(options.parameters)
  const directory = mkdtempSync(path.join(tmpdir(), 'logmill-replay-'))
  try {
    const broker = await startBroker({ dataDir: options.data, port: 0, logger: errorsOnly })
    try {
      const { info, records } = await replayBatch({
        checkpoint,
        batchId: Number(batch),
        job: (context) => build(context, parameters),
        logViews: broker.logViews,
        directory,
        options: { parallelism: Number(options.parallelism), onPoison: policyOf(options.onPoison) },
      })
      print(info, records)
    } finally {
      await broker.stop()
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function policyOf(text: string): PoisonPolicy {
  return text === 'fatal' || text === 'skip' ? text : { deadLetterTopic: text }
}

function print(
  { batchId, time, records: read }: ReplayedBatch['info'],
  records: ReplayedBatch['records'],
): void {
  for (const { key, value, headers, ...place } of records) {
    const text = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString())
    const named = headers.map(([name, bytes]) => [name, text(bytes)])
    console.log(JSON.stringify({ ...place, key: text(key), value: text(value), headers: named }))
  }
  console.error(`batch ${batchId} of ${time.toISOString()}: ${read} rows read, ${records.length} records`)
}

const quiet = (): undefined => undefined
const errorsOnly = {
  debug: quiet,
  info: quiet,
  warn: quiet,
  error: (message: string) => console.error(message),
}
