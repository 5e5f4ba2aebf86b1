// The figures of a job, as a listener keeps them.

import { expect, test } from 'vitest'
import { StreamingMetrics } from '../../../processor/scheduler/metrics.ts'
import { StreamingTest } from '../../../testing.ts'
import type { BatchInfo } from '../../../processor/scheduler/listener.ts'

const batch = (processingTimeMs: number, records: number): BatchInfo => ({
  time: new Date(0),
  batchId: 1,
  inputs: {},
  records,
  submissionTimeMs: 0,
  processingStartTimeMs: 5,
  processingEndTimeMs: 5 + processingTimeMs,
  schedulingDelayMs: 5,
  processingTimeMs,
  totalDelayMs: 5 + processingTimeMs,
  outputOperations: [],
  poisonRecords: [],
})

test('delays are those of the last batches, totals those of all', () => {
  const metrics = new StreamingMetrics({ batches: 20 })
  expect(metrics.figures).toMatchObject({
    completedBatches: 0,
    recordsPerSecond: undefined,
    totalDelayMs: undefined,
  })
  for (let n = 1; n <= 40; n++) {
    metrics.onBatchSubmitted()
    metrics.onBatchCompleted(batch(n, 10))
  }
  metrics.onBatchSubmitted()
  expect(metrics.figures).toMatchObject({
    completedBatches: 40,
    pendingBatches: 1,
    records: 400,
    processingTimeMs: { p50: 30, p95: 39, max: 40 },
    totalDelayMs: { p50: 35, p95: 44, max: 45 },
    schedulingDelayMs: { p50: 5, p95: 5, max: 5 },
  })
  expect(metrics.figures.recordsPerSecond).toBeCloseTo((20 * 10 * 1000) / 610)
  expect(() => new StreamingMetrics({ batches: 0 })).toThrow('batches must be a whole number above 0')
})

test('of a job that runs', async () => {
  await using job = new StreamingTest()
  const metrics = new StreamingMetrics()
  job.context.addStreamingListener(metrics)
  const rows = job.input<number>().give([1, 2], [3])
  rows.stream.foreachRDD(async (rdd) => {
    if ((await rdd.collect()).includes(4)) throw new Error('no luck')
  })
  await job.run()
  rows.give([4])
  await expect(job.run()).rejects.toThrow('no luck')
  expect(metrics.figures).toMatchObject({
    completedBatches: 2,
    records: 3,
    failedOutputOperations: 1,
    pendingBatches: 1,
  })
  expect(metrics.figures.lastBatch?.batchId).toBe(2)
})
