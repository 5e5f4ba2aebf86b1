// A job of jobs.ts in a process of its own, with the broker in it:
// `our-job.js JOB DATA_DIR TOPIC ROWS_PER_PARTITION OUTPUT CHECKPOINT EXECUTORS`, exactly once, on the calling thread where
// EXECUTORS is 0. Is spoken to as SparkStreamingJob.java is: it says how.

import path from 'node:path'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { startBroker } from '../../../broker/server/start-broker.ts'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { StreamingContext } from '../../../streaming.ts'
import { BATCH_MS, type JobName, type JobParameters } from './jobs.ts'

const [job, dataDir, topic, rowsPerPartition, output, checkpoint, executors] = process.argv.slice(2) as [
  JobName,
  ...string[],
] as [JobName, string, string, string, string, string, string]

const broker = await startBroker({
  dataDir,
  config: { 'logmill.durability': 'os' },
  logger: { ...console, debug: () => {}, info: () => {}, warn: () => {} },
})
// From now on, for what is written has its time.
const clock = new ManualClock(Date.now())
const context = new StreamingContext({
  appName: job,
  broker,
  clock,
  batchDuration: BATCH_MS,
  checkpoint,
  job: new URL(`./jobs${path.extname(import.meta.url)}`, import.meta.url),
  jobParameters: { job, topic, rowsPerPartition: Number(rowsPerPartition), output } satisfies JobParameters,
  ...(executors !== '0' && { executors: Number(executors) }),
  warn: () => {},
})
await context.start()
const failed = context.awaitTermination().then(() => Promise.reject(new Error('the job has ended')))
failed.catch(() => {})
for await (const line of createInterface({ input: process.stdin })) {
  const fromMs = performance.now()
  let records = 0
  for (let batches = Number(line); batches > 0; batches--) {
    records += await Promise.race([nextBatch(), failed])
  }
  console.log(JSON.stringify({ records, ms: performance.now() - fromMs }))
}
await context.stop()
await broker.stop()

/** An interval passes; resolves with the records of its batch when it is complete. */
function nextBatch(): Promise<number> {
  return new Promise((resolve) => {
    const remove = context.addStreamingListener({
      onBatchCompleted: (batch) => {
        remove()
        resolve(batch.records)
      },
    })
    clock.tick(BATCH_MS)
  })
}
