// The program that is killed: a broker and, unless told otherwise, the word count in the same process, exactly
// once into topics and files. Says in lines of JSON where it listens, as `logmill start` does, that the job has started,
// that it has caught up with the input, and, last, by which error it has ended.
//
//   victim.ts '{"dataDir": …, "port": 0, "job": true, "executors": 2, "config": {…}, "killPoint": {…}}'

import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { startBroker } from '../../broker/server/start-broker.ts'
import type { CheckpointOptions } from '../../processor/checkpoint/checkpoint.ts'
import type { StreamingContext } from '../../streaming.ts'
import { dyingAt, dyingOutput, dyingStore } from './job-steps.ts'
import { armKillPoint, type KillPoint } from './kill-points.ts'
import { INPUT_TOPIC, OUTPUT_PARTITIONS, OUTPUT_TOPIC, PARTITIONS, VISITS_TOPIC } from './load.ts'
import { filesPrefix } from './outputs.ts'
import { wordCount } from './word-count.ts'
import { type WorkerDeath, WorkerDeaths } from './worker-deaths.ts'

export interface VictimOptions {
  dataDir: string
  port: number
  job: boolean
  /** Worker threads of the job; undefined: it runs in the broker's thread. */
  executors?: number | undefined
  /** How long the broker is there before the job begins: what comes meanwhile, it has to catch up with. */
  jobAfterMs?: number | undefined
  /** Of the worker threads; one after the other. */
  workerDeaths?: readonly WorkerDeath[] | undefined
  config: Record<string, string>
  killPoint?: KillPoint | undefined
}

const options = JSON.parse(process.argv[2] ?? '') as VictimOptions
if (options.killPoint !== undefined) armKillPoint(options.killPoint)

const broker = await startBroker({
  dataDir: options.dataDir,
  port: options.port,
  config: options.config,
  topics: {
    [INPUT_TOPIC]: { partitions: PARTITIONS },
    [OUTPUT_TOPIC]: { partitions: OUTPUT_PARTITIONS },
    [VISITS_TOPIC]: { partitions: OUTPUT_PARTITIONS },
  },
})
const { dataDir, executors } = options
const job = options.job
  ? wordCount(broker, jobOptions(join(dataDir, 'word-count')), {
      executors,
      filesPrefix: filesPrefix(dataDir),
    })
  : undefined
let isStopping = false
process.once('SIGTERM', () => void stop())
say({ bootstrapServers: broker.bootstrapServers })
if (job !== undefined) await run(job)

async function run(context: StreamingContext): Promise<void> {
  const deaths = new WorkerDeaths(options.workerDeaths ?? [], say)
  let startedMs = Number.POSITIVE_INFINITY
  context.addStreamingListener({
    onBatchCompleted({ submissionTimeMs }) {
      deaths.onBatchCompleted()
      // Planned since it has started, it had all that was there by then.
      if (submissionTimeMs <= startedMs) return
      startedMs = Number.POSITIVE_INFINITY
      say({ jobCaughtUp: true })
    },
  })
  try {
    await after(options.jobAfterMs ?? 0)
    if (isStopping) return
    await context.start()
    startedMs = Date.now()
    say({ jobStarted: true })
    deaths.begin()
    await context.awaitTermination()
  } catch (error) {
    say({ jobFailed: (error as Error).stack })
  }
}

function say(line: object): void {
  console.log(JSON.stringify(line))
}

function jobOptions(directory: string): CheckpointOptions {
  const { killPoint } = options
  if (killPoint?.operation !== 'step') return { directory }
  const around = dyingAt(killPoint)
  return { directory, store: dyingStore(directory, around), output: dyingOutput(broker.output, around) }
}

async function stop(): Promise<void> {
  isStopping = true
  await job?.stop({ graceful: true })
  await broker.stop()
}
