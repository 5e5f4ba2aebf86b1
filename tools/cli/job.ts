// `logmill job …`: what can be done with the checkpoint of a job that does not run.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Command } from 'commander'
import { startBroker } from '../../broker/server/start-broker.ts'
import { forkCheckpoint, type ForkOptions } from '../../processor/checkpoint/fork.ts'
import { inspectCheckpoint } from '../../processor/checkpoint/inspect.ts'
import { OfflineCheckpoint } from '../../processor/checkpoint/offline.ts'
import { type ReplayedBatch, replayBatch } from '../../processor/replay.ts'
import type { PoisonPolicy } from '../../processor/graph/contracts/poison.ts'
import type { StreamingContext } from '../../processor/streaming-context.ts'
import { jsonOf, reportText } from './job-report.ts'

export function addJobCommand(program: Command): void {
  const job = program.command('job').description('Look at, copy and replay the checkpoint of a streaming job')
  job
    .command('inspect <checkpoint>')
    .description('Show batches, offsets and state sizes; the job must not run')
    .option('--format <format>', 'text or json', 'text')
    .action(async (checkpoint: string, { format }: { format: string }) => {
      const report = await inspectCheckpoint(checkpoint)
      console.log(format === 'json' ? jsonOf(report) : reportText(report))
    })
  job
    .command('savepoint <checkpoint> <savepoint>')
    .description('Copy the last decided state, offsets and windows of a stopped job into a new directory')
    .action((checkpoint: string, savepoint: string) => copy(checkpoint, savepoint, {}))
  job
    .command('restore <savepoint> <checkpoint>')
    .description(
      'Make a new checkpoint of a savepoint: the job goes on from it, and writes again what followed',
    )
    .requiredOption(
      '--name <appName>',
      "appName of the job; the old one only when its group's offsets are deleted",
    )
    .action((savepoint: string, checkpoint: string, { name }: { name: string }) =>
      copy(savepoint, checkpoint, { appName: name }),
    )
  job
    .command('replay <checkpoint> <batch>')
    .description('Run one batch again from its plan, and print the records it gives instead of writing them')
    .requiredOption(
      '--job <module>',
      'program file whose default export builds the streams on a StreamingContext',
    )
    .requiredOption('--data <dir>', 'data directory of the broker, which must not run')
    .option('--parallelism <n>', 'as the program sets it', '1')
    .option(
      '--on-poison <policy>',
      "as the program sets it: fatal, skip, or a dead letter topic's name",
      'fatal',
    )
    .option('--parameters <json>', 'second argument of the default export (jobParameters)')
    .action(replay)
}

async function copy(from: string, to: string, options: ForkOptions): Promise<void> {
  const checkpoint = await OfflineCheckpoint.open(from)
  try {
    const { appName, batchId, timeMs } = await forkCheckpoint(checkpoint, to, options)
    console.log(`${to}: job '${appName}' behind batch ${batchId} of ${new Date(timeMs).toISOString()}`)
  } finally {
    await checkpoint.close()
  }
}

async function replay(
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
