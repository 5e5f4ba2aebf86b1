// The program that is killed: a broker and, unless told otherwise, the word count in the same process, exactly
// once into a topic. Says where it listens in one line of JSON, as `logmill start` does, and in another one
// when the job ends by an error.
//
//   victim.ts '{"dataDir": …, "port": 0, "job": true, "config": {…}, "killPoint": {…}}'

import { join } from 'node:path'
import { startBroker } from '../../broker/server/start-broker.ts'
import type { CheckpointOptions } from '../../processor/checkpoint/checkpoint.ts'
import { dyingAt, dyingOutput, dyingStore } from './job-steps.ts'
import { armKillPoint, type KillPoint } from './kill-points.ts'
import { INPUT_TOPIC, OUTPUT_PARTITIONS, OUTPUT_TOPIC, PARTITIONS } from './load.ts'
import { wordCount } from './word-count.ts'

export interface VictimOptions {
  dataDir: string
  port: number
  job: boolean
  config: Record<string, string>
  killPoint?: KillPoint | undefined
}

const options = JSON.parse(process.argv[2] ?? '') as VictimOptions
if (options.killPoint !== undefined) armKillPoint(options.killPoint)

const broker = await startBroker({
  dataDir: options.dataDir,
  port: options.port,
  config: options.config,
  topics: { [INPUT_TOPIC]: { partitions: PARTITIONS }, [OUTPUT_TOPIC]: { partitions: OUTPUT_PARTITIONS } },
})
const job = options.job ? wordCount(broker, jobOptions(join(options.dataDir, 'word-count'))) : undefined
process.once('SIGTERM', () => void stop())
console.log(JSON.stringify({ bootstrapServers: broker.bootstrapServers }))
if (job !== undefined) {
  try {
    await job.start()
    await job.awaitTermination()
  } catch (error) {
    console.log(JSON.stringify({ jobFailed: (error as Error).stack }))
  }
}

function jobOptions(directory: string): CheckpointOptions {
  const { killPoint } = options
  if (killPoint?.operation !== 'step') return { directory, output: broker.output }
  const around = dyingAt(killPoint)
  return { directory, store: dyingStore(directory, around), output: dyingOutput(broker.output, around) }
}

async function stop(): Promise<void> {
  await job?.stop({ graceful: true })
  await broker.stop()
}
