// The committed document is the one that `npm run docs` would write.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { clients } from '../interop/clients.ts'
import { classes, notRun } from '../interop/scripts.ts'
import { interopReport } from '../../tools/docs/clients.ts'
import { apis } from '../../broker/protocol/apis/index.ts'
import { compatibilityDocument } from '../../tools/docs/compatibility.ts'
import { kafkaApis } from '../../tools/docs/kafka-apis.ts'

test('docs/compatibility.md is up to date; `npm run docs` writes it', async () => {
  const committed = readFileSync(join(import.meta.dirname, '../../docs/compatibility.md'), 'utf8')
  expect(committed).toBe(await compatibilityDocument())
})

test('the names and versions of Kafka in it are those that the codec was made for', () => {
  for (const api of apis) {
    const [, name, lowest, highest] = kafkaApis.find(([key]) => key === api.key) ?? []
    expect([name, lowest, highest]).toEqual([api.name, ...api.advertisedVersions])
  }
})

const report = interopReport()
const ran = (kind: string): Set<string> =>
  new Set(
    Object.values(report)
      .flat()
      .flatMap((test) => test.ran.filter((one) => one.kind === kind).map(({ name }) => name)),
  )

test('the report of the interop suite is of files that there are, and has every client of its table', () => {
  const interop = join(import.meta.dirname, '../interop')
  expect(readdirSync(interop)).toEqual(expect.arrayContaining(Object.keys(report)))
  expect([...ran('client')]).toEqual(expect.arrayContaining(clients.map(({ name }) => name)))
})

test('every script of Kafka is run by it, or there is a reason why not', () => {
  const tools = ran('tool')
  for (const script of Object.keys(classes)) {
    expect([script, tools.has(script)]).toEqual([script, !(script in notRun)])
  }
})

test('the versions in it are those that the suite installs', () => {
  const interop = join(import.meta.dirname, '../interop')
  const pinned = ['python/requirements.txt', 'python/requirements-before-3.txt', 'go/go.mod', 'sarama/go.mod']
    .concat(['java/pom.xml', 'spark/pom.xml', 'platformatic/package.json', '../../package.json'])
    .map((name) => readFileSync(join(interop, name), 'utf8'))
    .join('\n')
  for (const { name, version } of Object.values(report).flatMap((tests) => tests.flatMap((one) => one.ran))) {
    // Debian's is whichever the distribution has.
    if (name !== 'kcat') expect([name, pinned.includes(version.split(' ')[0] ?? '')]).toEqual([name, true])
  }
})
