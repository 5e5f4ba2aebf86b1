// The clients section of docs/compatibility.md: what the interop suite ran last, as its report has it, with the API
// versions that captured frames show of each client. Nothing of it is written by hand.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CaptureFile } from '../capture/collection.ts'
import { table } from './table.ts'

const vectors = fileURLToPath(new URL('../../tests/vectors', import.meta.url))
const reportFile = fileURLToPath(new URL('../../tests/interop/report/report.json', import.meta.url))

type Kind = 'client' | 'framework' | 'tool'

/** As tests/interop/report/reporter.ts writes it: by file, the tests that passed and what each ran of others. */
export type InteropReport = Record<
  string,
  { test: string; ran: { kind: Kind; name: string; version: string }[] }[]
>

export const interopReport = (): InteropReport =>
  JSON.parse(readFileSync(reportFile, 'utf8')) as InteropReport

/** Who was run, with the tests that each passed. */
function subjects(report: InteropReport, kind: Kind): { name: string; version: string; tests: string[] }[] {
  const found = new Map<string, { name: string; version: string; tests: string[] }>()
  for (const { test, ran } of Object.values(report).flat()) {
    for (const subject of ran.filter((one) => one.kind === kind)) {
      const known = found.get(subject.name) ?? { ...subject, tests: [] }
      if (known.version !== subject.version)
        throw new Error(
          `${known.name} was run as ${known.version} and as ${subject.version}: write the report anew`,
        )
      known.tests.push(test)
      found.set(subject.name, known)
    }
  }
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name))
}

export function clientsSection(): string {
  const report = interopReport()
  const captures = captureFiles()
  const clients = subjects(report, 'client')
  const tools = subjects(report, 'tool')
  const everyone = clients.map(({ name }) => name)
  return `## Clients

Run for real by the interop suite (\`npm run test:interop\`) against a started broker, and against Apache Kafka to
know that the suite asks for what Kafka gives. The versions are those that were there when they ran. Of some
clients frames are kept as test vectors: they show which versions each was seen to send.

${table(
  ['Client', 'Version', 'Tests passed', 'APIs, with the versions it chose'],
  clients.map(({ name, version, tests }) => [
    name,
    version,
    String(tests.length),
    chosenVersions(captures.find(({ client }) => client === name)),
  ]),
)}

${table(
  ['Framework', 'Version', 'What it did'],
  subjects(report, 'framework').map(({ name, version, tests }) => [
    name,
    version,
    [...new Set(tests)].join('; '),
  ]),
)}

Kafka's command line tools, ${[...new Set(tools.map(({ version }) => version))].join(', ')}: ${tools.map(({ name }) => name).join(', ')}.

${table(
  ['What was run', 'By'],
  runs(report).map(([test, names]) => [
    test,
    everyone.every((name) => name.startsWith('Java ') || names.includes(name))
      ? 'every client'
      : names.join(', '),
  ]),
)}
`
}

/** Tests of one name are one row. */
function runs(report: InteropReport): [test: string, names: string[]][] {
  const rows = new Map<string, Set<string>>()
  for (const { test, ran } of Object.values(report).flat()) {
    const names = rows.get(test) ?? new Set()
    for (const { name } of ran) names.add(name)
    rows.set(test, names)
  }
  return [...rows].map(([test, names]) => [test, [...names]])
}

function captureFiles(): CaptureFile[] {
  return readdirSync(vectors)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(vectors, name), 'utf8')) as CaptureFile)
}

function chosenVersions(capture: CaptureFile | undefined): string {
  const versions = new Map<string, Set<number>>()
  for (const frame of capture?.frames ?? []) {
    if (frame.direction !== 'request') continue
    const known = versions.get(frame.api) ?? new Set()
    versions.set(frame.api, known.add(frame.version))
  }
  return [...versions].map(([api, seen]) => `${api} ${[...seen].sort((a, b) => a - b).join(', ')}`).join('; ')
}
