// The program that is killed: a broker and, unless told otherwise, the word count in the same process, exactly
// once into a topic. Says where it listens in one line of JSON, as `logmill start` does.
//
//   victim.ts '{"dataDir": …, "port": 0, "job": true, "config": {…}, "killPoint": {…}}'

import { startBroker } from '../../broker/server/start-broker.ts'
import { armKillPoint, type KillPoint } from './kill-points.ts'
import { INPUT_TOPIC, OUTPUT_TOPIC, PARTITIONS } from './load.ts'

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
  topics: { [INPUT_TOPIC]: { partitions: PARTITIONS }, [OUTPUT_TOPIC]: { partitions: 2 } },
})
process.once('SIGTERM', () => void broker.stop())
console.log(JSON.stringify({ bootstrapServers: broker.bootstrapServers }))
