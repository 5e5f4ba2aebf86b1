// Every method of Kafka's Java Admin client that makes sense on one node (java/AdminTour.java), answered as Apache
// Kafka answers it: admin-tour.txt is what that said. LOGMILL_INTEROP_RECORD=1 with a fresh Kafka as
// LOGMILL_INTEROP_REFERENCE writes it anew.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { java, javaMissing, skipReason } from './clients.ts'
import { here, run, Server } from './world.ts'

const maybe = skipReason({ name: 'Java admin client', missing: javaMissing }) === undefined ? test : test.skip

const recorded = join(here, 'java', 'admin-tour.txt')

/** Questions that logmill answers otherwise, with the reason. */
const differences: Readonly<Record<string, string>> = {
  'describeFeatures kraft.version': 'the metadata quorum is not KRaft’s: there is no level of it to tell',
}

const byQuestion = (lines: readonly string[]): Map<string, string> =>
  new Map(lines.filter((line) => line !== '').map((line) => line.split(': ') as [string, string]))

maybe('every method of the Admin client, answered as Kafka answers', async () => {
  await using server = await Server.start()
  const lines = await run(java(join(here, 'java', 'AdminTour.java'), server.bootstrap))
  if (process.env.LOGMILL_INTEROP_RECORD !== undefined) writeFileSync(recorded, `${lines.join('\n')}\n`)
  const [expected, given] = [byQuestion(readFileSync(recorded, 'utf8').split('\n')), byQuestion(lines)]
  for (const question of Object.keys(differences)) {
    expect(given.get(question), question).not.toBe(expected.get(question))
    expected.delete(question)
    given.delete(question)
  }
  expect(Object.fromEntries(given)).toEqual(Object.fromEntries(expected))
})
