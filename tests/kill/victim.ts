// The program that is killed: a broker and, unless told otherwise, the word count in the same process, exactly
// once into topics and files. Says where it listens in one line of JSON, as `logmill start` does, in another one
// that the job has started, and in a last one when it ends by an error.
//
//   victim.ts '{"dataDir": …, "port": 0, "job": true, "executors": 2, "config": {…}, "killPoint": {…}}'

import { join } from 'node:path'
import { startBroker } from '../../broker/server/start-broker.ts'
import type { CheckpointOptions } from '../../processor/checkpoint/checkpoint.ts'
import { dyingAt, dyingOutput, dyingStore } from './job-steps.ts'
import { armKillPoint, type KillPoint } from './kill-points.ts'
import { INPUT_TOPIC, OUTPUT_PARTITIONS, OUTPUT_TOPIC, PARTITIONS, VISITS_TOPIC } from './load.ts'
import { filesPrefix } from './outputs.ts'
import { wordCount } from './word-count.ts'

export interface VictimOptions {
  dataDir: string
  port: number
  job: boolean
  /** Worker threads of the job; undefined: it runs in the broker's thread. */
  executors?: number | undefined
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
process.once('SIGTERM', () => void stop())
console.log(JSON.stringify({ bootstrapServers: broker.bootstrapServers }))
if (job !== undefined) {
  try {
    await job.start()
    console.log(JSON.stringify({ jobStarted: true }))
    await job.awaitTermination()
  } catch (error) {
    console.log(JSON.stringify({ jobFailed: (error as Error).stack }))
  }
}

function jobOptions(directory: string): CheckpointOptions {
  const { killPoint } = options
  if (killPoint?.operation !== 'step') return { directory }
  const around = dyingAt(killPoint)
  return { directory, store: dyingStore(directory, around), output: dyingOutput(broker.output, around) }
}

async function stop(): Promise<void> {
  await job?.stop({ graceful: true })
  await broker.stop()
}
