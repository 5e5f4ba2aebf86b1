// The program that is killed: a broker and, unless told otherwise, the word count in the same process, exactly
// once into a topic. Says where it listens in one line of JSON, as `logmill start` does, and in another one
// when the job ends by an error.
//
//   victim.ts '{"dataDir": …, "port": 0, "job": true, "config": {…}, "killPoint": {…}}'

import { join } from 'node:path'
import { type Broker, startBroker } from '../../broker/server/start-broker.ts'
import { Checkpoint } from '../../processor/checkpoint/checkpoint.ts'
import { textValues } from '../../processor/source/row-kind.ts'
import { TopicSource } from '../../processor/source/topic-source.ts'
import { StreamingContext } from '../../processor/streaming-context.ts'
import { armKillPoint, type KillPoint } from './kill-points.ts'
import { INPUT_TOPIC, OUTPUT_PARTITIONS, OUTPUT_TOPIC, PARTITIONS } from './load.ts'

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
const job = options.job ? wordCount(broker, join(options.dataDir, 'word-count')) : undefined
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

async function stop(): Promise<void> {
  await job?.stop({ graceful: true })
  await broker.stop()
}

/** Changed totals of every word, exactly once. */
function wordCount({ logViews, output }: Broker, directory: string): StreamingContext {
  const context = new StreamingContext({
    appName: 'word-count',
    trigger: 'asap',
    commit: new Checkpoint({ directory, output }),
    parallelism: 2,
  })
  const lines = new TopicSource({
    views: logViews,
    topics: INPUT_TOPIC,
    rows: textValues,
    startingOffsets: 'earliest',
  })
  context
    .createDirectStream(lines)
    .flatMap((line) => line.split(' '))
    .mapToPair((word) => [word, 1])
    .updateStateByKey<number>((ones, total) => ones.length + (total ?? 0), { name: 'totals' })
    .changes()
    .toTopic(OUTPUT_TOPIC, ([word, total]) => ({ key: word, value: String(total) }))
  return context
}
