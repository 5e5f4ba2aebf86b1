// A job with much keyed state and its broker, in a process that the state suite kills in the midst of a batch.
// `node --import tsx tools/bench/state-victim.ts SHAPE`, SHAPE being a VictimShape as JSON. It says, a line each:
//
//   computing N        a batch has moved its state on, and is not yet decided
//   committed N MS HOLD   it is, so many milliseconds after the job was asked to start; and the longest time so far,
//                      in milliseconds, for which the event loop was held

import path from 'node:path'
import { performance } from 'node:perf_hooks'
import { startBroker } from '../../broker/server/start-broker.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { StreamingContext, textPairs } from '../../streaming.ts'
import { keyedBatches } from './batches.ts'
import { fillTopic } from './fill.ts'

export interface VictimShape {
  readonly directory: string
  /** Fills the topic first. */
  readonly isFirst: boolean
  /** Where its clock begins: behind what the life before has seen. */
  readonly fromMs: number
  readonly keys: number
  readonly keyBytes: number
  readonly valueBytes: number
  readonly records: number
  readonly recordsPerBatch: number
}

const BATCH_MS = 1000

const shape = JSON.parse(process.argv[2] as string) as VictimShape
const { directory, keys, keyBytes, valueBytes, recordsPerBatch, fromMs } = shape
const broker = await startBroker({
  dataDir: path.join(directory, 'data'),
  config: { 'logmill.durability': 'os', 'num.partitions': 1 },
  topics: { keyed: {} },
  logger: { ...console, info: () => {}, warn: () => {} },
})
if (shape.isFirst) {
  const batchAt = keyedBatches(keys, keyBytes, valueBytes, fromMs)
  await fillTopic(broker.bootstrapServers, 'keyed', shape.records, batchAt)
}
const clock = new ManualClock(fromMs)
const context = new StreamingContext({
  appName: 'victim',
  broker,
  clock,
  checkpoint: path.join(directory, 'checkpoint'),
  batchDuration: BATCH_MS,
  warn: () => {},
})
let running = 0
context
  .createDirectStream('keyed', textPairs, { startingOffsets: 'earliest', maxRowsPerBatch: recordsPerBatch })
  .mapToPair(([key, value]): [string, number] => [key as string, value === null ? 0 : 1])
  .updateStateByKey<number>((ones, before = 0) => before + ones.length, { name: 'totals' })
  .foreachRDD(async (rdd) => {
    await rdd.count()
    process.stdout.write(`computing ${running}\n`)
  })
let longestMs = 0
let turnMs = performance.now()
const turn = (): void => {
  const nowMs = performance.now()
  longestMs = Math.max(longestMs, nowMs - turnMs)
  turnMs = nowMs
  setImmediate(turn)
}
const askedMs = performance.now()
await context.start()
turnMs = performance.now()
turn()
context.awaitTermination().catch((error: unknown) => {
  throw error
})
for (;;) {
  running++
  await new Promise<void>((resolve) => {
    const remove = context.addStreamingListener({
      onBatchCompleted: () => {
        remove()
        resolve()
      },
    })
    clock.tick(BATCH_MS)
  })
  process.stdout.write(`committed ${running} ${performance.now() - askedMs} ${longestMs}\n`)
}
