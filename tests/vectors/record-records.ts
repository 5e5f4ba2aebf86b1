// `node --import tsx tests/vectors/record-records.ts`: what a real Kafka writes into __consumer_offsets while it is
// asked the questions about streams groups, and a few more that bring standbys and endpoints. Writes
// records/streams-groups.json: key and value of each record in hexadecimal, null for a tombstone, in order.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { WireClient } from '../world/wire-client.ts'
import { readLog } from '../world/read-log.ts'
import { askAll } from './questions/setting.ts'
import { endpointsAndStandbys, streamsGroupQuestions } from './questions/streams-groups.ts'
import { ReferenceKafka } from './reference-kafka.ts'

/** offsets.topic.num.partitions of the reference broker. */
const PARTITIONS = 4
const FIRST_STREAMS_RECORD = 17

await using kafka = await ReferenceKafka.start()
const bootstrap = `127.0.0.1:${kafka.port}`
await askAll([...streamsGroupQuestions, ...endpointsAndStandbys], bootstrap)
await using client = await WireClient.connect(bootstrap)
const records: [string, string | null][] = []
for (let partition = 0; partition < PARTITIONS; partition++) {
  const options = {
    topic: '__consumer_offsets',
    partition,
    fromOffset: 0n,
    isolation: 'read_committed',
  } as const
  await readLog(client, options, (_, key, value) => {
    if (key === null || key.readInt16BE(0) < FIRST_STREAMS_RECORD) return
    records.push([key.toString('hex'), value?.toString('hex') ?? null])
  })
}
const lines = records.map((record) => ` ${JSON.stringify(record)}`)
writeFileSync(join(import.meta.dirname, 'records', 'streams-groups.json'), `[\n${lines.join(',\n')}\n]\n`)
