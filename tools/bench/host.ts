// A broker with a job beside it, in a process of its own: what the latency suite measures from outside.
// `node dist/tools/bench/host.js DIR none|through|grep|wordCount [WORKERS]`: prints the address when clients can connect.
//
//   through     copies every record of topic `in` to topic `out`, exactly once, as soon as it is there
//   grep        reads topic `text` from its start to its end, again and again, and keeps one line in a hundred
//   wordCount   reads it just so, and counts the words of each batch
//
// The last two run on so many worker threads, or on the broker's own.

import path from 'node:path'
import { type Broker, startBroker } from '../../index.ts'
import { rawRecords, StreamingContext } from '../../streaming.ts'
import { untilSignalled } from '../cli/signals.ts'
import type { ScanParameters } from './scan-job.ts'

const ROWS_PER_BATCH = 500_000

const [directory, job, workers = '0'] = process.argv.slice(2)
if (directory === undefined || job === undefined)
  throw new Error('usage: host DIR none|through|grep|wordCount [WORKERS]')

const broker = await startBroker({
  dataDir: path.join(directory, 'data'),
  config: { 'logmill.durability': 'os' },
  topics: {
    in: { partitions: 1 },
    out: { partitions: 1 },
    paced: { partitions: 1 },
    text: { partitions: 1 },
  },
  logger: { debug: () => {}, info: () => {}, warn: () => {}, error: (...words) => console.error(...words) },
})
let stopping = false
const work = begin()
console.log(broker.bootstrapServers)
await untilSignalled()
stopping = true
await work?.then((end) => end())
await broker.stop()

function begin(): Promise<() => Promise<void>> | undefined {
  if (job === 'through') return through(broker, directory as string)
  if (job === 'grep' || job === 'wordCount') return scan(broker, directory as string, job, Number(workers))
  return undefined
}

async function through(host: Broker, checkpoints: string): Promise<() => Promise<void>> {
  const context = new StreamingContext({
    appName: 'through',
    broker: host,
    checkpoint: path.join(checkpoints, 'through'),
    trigger: 'asap',
  })
  context
    .createDirectStream('in', rawRecords, { startingOffsets: 'earliest' })
    .toTopic('out', (record) => record)
  await context.start()
  return () => context.stop()
}

async function scan(
  host: Broker,
  checkpoints: string,
  scanned: ScanParameters['job'],
  executors: number,
): Promise<() => Promise<void>> {
  const view = host.logViews.view('text', 0)
  for (let run = 0; !stopping; run++) {
    const context = new StreamingContext({
      appName: `${scanned}-${run}`,
      broker: host,
      checkpoint: path.join(checkpoints, `${scanned}-${run}`),
      trigger: 'asap',
      job: new URL(`./scan-job${path.extname(import.meta.url)}`, import.meta.url),
      jobParameters: { job: scanned, rowsPerBatch: ROWS_PER_BATCH, output: 'out' } satisfies ScanParameters,
      ...(executors > 0 && { executors }),
    })
    await new Promise<void>((resolve, reject) => {
      context.addStreamingListener({
        onBatchCompleted: ({ inputs }) => {
          const isLast = Object.values(inputs).some(({ ranges }) =>
            ranges.some(({ until }) => until >= view.stableEndOffset && until > 0n),
          )
          if (isLast || stopping) resolve()
        },
      })
      context.awaitTermination().catch(reject)
      context.start().catch(reject)
    })
    await context.stop()
  }
  return async () => {}
}
