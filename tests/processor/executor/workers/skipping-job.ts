// A job of worker threads, or of one, that leaves poison records out: its batches one after the other, over a restart
// where one is asked for, and what it has written in each.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock } from '../../../../broker/time/manual-clock.ts'
import { StreamingContext } from '../../../../processor/streaming-context.ts'
import { ModelLog } from '../../model-log.ts'

const START = 1_700_000_000_000
const SECOND = 1000

export interface SkippingJob {
  /** Makes the job, which reads `lines` and writes `out`, and `copies` if it likes. */
  readonly job: URL
  readonly jobParameters: unknown
  /** Default: one thread. */
  readonly executors?: number | undefined
  /** Begun again after so many batches. */
  readonly restartAfter?: number | undefined
}

/** The values in `out`, by batch. */
export async function writtenBySkipping(
  batches: readonly (readonly string[])[],
  { job, jobParameters, executors, restartAfter }: SkippingJob,
): Promise<string[][]> {
  const directory = mkdtempSync(join(tmpdir(), 'logmill-skipping-'))
  const log = new ModelLog()
  for (const topic of ['lines', 'copies', 'out']) log.createTopic(topic, 1)
  const clock = new ManualClock(START)
  let done = 0
  const start = async () => {
    const context = new StreamingContext({
      appName: 'skipping',
      batchDuration: SECOND,
      clock,
      broker: { logViews: log, output: log },
      checkpoint: join(directory, 'checkpoint'),
      parallelism: 2,
      job,
      jobParameters,
      onPoison: 'skip',
      warn: () => {},
      ...(executors !== undefined && { executors }),
    })
    context.addStreamingListener({ onBatchCompleted: ({ batchId }) => void (done = batchId) })
    await context.start()
    return context
  }
  try {
    let context = await start()
    for (const [index, words] of batches.entries()) {
      if (words.length > 0) log.produce('lines', 0, words)
      clock.tick(SECOND)
      while (done <= index && context.getState() === 'ACTIVE') {
        await new Promise((resolve) => setImmediate(resolve))
      }
      if (index + 1 !== restartAfter) continue
      await context.stop()
      context = await start()
    }
    await context.stop()
    await context.awaitTermination()
  } finally {
    rmSync(directory, { recursive: true })
  }
  const { committed } = log.at('out', 0)
  return batches.map((_, index) =>
    committed
      .filter(({ timestampMs }) => timestampMs === START + (index + 1) * SECOND)
      .map(({ value }) => String(value)),
  )
}
