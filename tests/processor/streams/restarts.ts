// Batches in, batches out, with a checkpoint and restarts in between: what a stateful operator yields must not tell
// where the job was stopped. The checkpoint is the real one, over databases in memory. Batch n is at START + n seconds, as in tables.ts.

import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { Checkpoint } from '../../../processor/checkpoint/checkpoint.ts'
import type { PoisonPolicy } from '../../../processor/graph/contracts/poison.ts'
import { textValues } from '../../../processor/source/row-kind.ts'
import { TopicSource } from '../../../processor/source/topic-source.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import type { DStream } from '../../../processor/streams/dstream.ts'
import { SimulatedStore } from '../../simulation/exactly-once/store.ts'
import { ModelLog } from '../model-log.ts'
import { SECOND, START, type Yielded } from './tables.ts'

export interface RestartOptions {
  /** Batches after which the job is stopped and started anew. */
  readonly restartsAfter?: readonly number[]
  /** Of each run of the job, the last one for all that follow. */
  readonly parallelism?: readonly number[]
  readonly onPoison?: PoisonPolicy
  /** Takes what the job warns of, which is an error otherwise. */
  readonly warnings?: string[]
}

/** `operation` builds the program, once for each start of the job. */
export async function tableWithRestarts<U>(
  batches: readonly (readonly string[])[],
  operation: (stream: DStream<string>, run: number) => DStream<U>,
  { restartsAfter = [], parallelism = [1], onPoison = 'fatal', warnings }: RestartOptions = {},
): Promise<Yielded<U>> {
  const disk = new SimulatedStore()
  const clock = new ManualClock(START)
  const log = new ModelLog()
  log.createTopic('rows', 1)
  const yielded: Yielded<U> = {}
  let run = 0
  const begin = async () => {
    const context = new StreamingContext({
      appName: 'restarts',
      batchDuration: SECOND,
      clock,
      commit: new Checkpoint({
        directory: 'memory',
        store: disk.handle(() => Promise.resolve()),
        output: log,
      }),
      parallelism: parallelism[Math.min(run, parallelism.length - 1)] as number,
      warn: (message) => {
        if (warnings !== undefined) warnings.push(message)
        else if (onPoison === 'fatal') throw new Error(message)
      },
    })
    const source = new TopicSource({
      views: log,
      topics: 'rows',
      rows: textValues,
      startingOffsets: 'earliest',
    })
    operation(context.createDirectStream(source, { onPoison }), run++).foreachRDD(async (rdd, time) => {
      yielded[(time.getTime() - START) / SECOND] = (await rdd.collect()) as U[]
    })
    let done = 0
    context.addStreamingListener({
      onBatchCompleted: ({ time }) => void (done = (time.getTime() - START) / SECOND),
    })
    let ended: { error: unknown } | undefined
    context.awaitTermination().catch((error: unknown) => (ended = { error }))
    await context.start()
    const reached = async (batch: number) => {
      while (done < batch) {
        if (ended !== undefined) throw ended.error
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    return { context, reached }
  }
  let job = await begin()
  for (const [index, rows] of batches.entries()) {
    if (rows.length > 0) log.produce('rows', 0, rows)
    clock.tick(SECOND)
    await job.reached(index + 1)
    if (!restartsAfter.includes(index + 1)) continue
    await job.context.stop()
    job = await begin()
  }
  await job.context.stop()
  await job.context.awaitTermination()
  return yielded
}
