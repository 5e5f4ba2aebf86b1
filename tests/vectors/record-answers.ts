// `node --import tsx tests/vectors/record-answers.ts`: asks a fresh Apache Kafka everything in questions/ and
// writes answers.json, one question a line.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { askEverything } from './questions/setting.ts'
import { ReferenceKafka } from './reference-kafka.ts'

await using kafka = await ReferenceKafka.start()
const answers = await askEverything(`127.0.0.1:${kafka.port}`)
const lines = Object.entries(answers).map(
  ([title, byVersions]) => ` ${JSON.stringify(title)}: ${JSON.stringify(byVersions)}`,
)
writeFileSync(join(import.meta.dirname, 'answers.json'), `{\n${lines.join(',\n')}\n}\n`)
