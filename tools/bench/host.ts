// A broker with a job beside it, in a process of its own: what the latency suite measures from outside.
// `node dist/tools/bench/host.js DIR none|through|grep`: prints the address when clients can connect.
//
//   through   copies every record of topic `in` to topic `out`, exactly once, as soon as it is there
//   grep      reads topic `text` from its start to its end, again and again, and keeps one line in a hundred

import path from 'node:path'
import { type Broker, startBroker } from '../../index.ts'
import { rawRecords, StreamingContext, valueContains } from '../../streaming.ts'
import { untilSignalled } from '../cli/signals.ts'
import { NEEDLE } from './text.ts'

const ROWS_PER_BATCH = 500_000

const [directory, job] = process.argv.slice(2)
if (directory === undefined || job === undefined) throw new Error('usage: host DIR none|through|grep')

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
const work =
  job === 'through' ? through(broker, directory) : job === 'grep' ? grep(broker, directory) : undefined
console.log(broker.bootstrapServers)
await untilSignalled()
stopping = true
await work?.then((end) => end())
await broker.stop()

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

async function grep(host: Broker, checkpoints: string): Promise<() => Promise<void>> {
  const view = host.logViews.view('text', 0)
  for (let run = 0; !stopping; run++) {
    const context = new StreamingContext({
      appName: `grep-${run}`,
      broker: host,
      checkpoint: path.join(checkpoints, `grep-${run}`),
      trigger: 'asap',
    })
    context
      .createDirectStream('text', rawRecords, {
        startingOffsets: 'earliest',
        maxRowsPerBatch: ROWS_PER_BATCH,
      })
      .filter(valueContains(NEEDLE))
      .toTopic('out', (record) => record)
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
