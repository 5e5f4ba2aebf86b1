// `node --import tsx tests/vectors/record-answers.ts [SET …]`: asks a fresh Apache Kafka each set of questions/sets.ts
// (or those named) and writes answers/<set>.json, one question a line.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { askAll } from './questions/setting.ts'
import { questionSets } from './questions/sets.ts'
import { ReferenceKafka } from './reference-kafka.ts'

const named = process.argv.slice(2)
for (const set of named.length > 0 ? named : Object.keys(questionSets)) {
  const questions = questionSets[set]
  if (questions === undefined) throw new Error(`no set of questions is called '${set}'`)
  await using kafka = await ReferenceKafka.start()
  const answers = await askAll(questions, `127.0.0.1:${kafka.port}`)
  const lines = Object.entries(answers).map(
    ([title, byVersions]) => ` ${JSON.stringify(title)}: ${JSON.stringify(byVersions)}`,
  )
  writeFileSync(join(import.meta.dirname, 'answers', `${set}.json`), `{\n${lines.join(',\n')}\n}\n`)
}
