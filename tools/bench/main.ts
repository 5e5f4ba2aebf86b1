// `npm run bench [-- append fetch …] [--quick] [--dir DIR] [--no-build] [--no-write]`: measures all suites or those named,
// prints every figure with its reference and bar, and keeps a run of all, or of a suite that runs only when it is named,
// under docs/benchmarks/. Exit code 1 where a suite fails; a bar that is not met is a result, not a failure.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { isSkipped, type Outcome } from './figure.ts'
import { describeMachine } from './machine.ts'
import { json, machineLine, markdown, type Run, tableText, type Told, WHOLE } from './report.ts'
import type { Suite } from './suite.ts'
import { append } from './suites/append.ts'
import { client } from './suites/client.ts'
import { connections } from './suites/connections.ts'
import { codec } from './suites/codec.ts'
import { decode } from './suites/decode.ts'
import { executors } from './suites/executors.ts'
import { fetch } from './suites/fetch.ts'
import { hostile } from './suites/hostile.ts'
import { latency } from './suites/latency.ts'
import { processor } from './suites/processor.ts'
import { aboutSpark, spark } from './suites/spark.ts'
import { startup } from './suites/startup.ts'
import { state } from './suites/state.ts'

const SUITES: Record<string, Suite> = {
  append,
  fetch,
  codec,
  decode,
  processor,
  state,
  executors,
  startup,
  client,
  latency,
  connections,
  hostile,
  spark,
}
/** Suites that run only when they are named, because they need more than this repository. Each is kept by itself. */
const NAMED_ONLY: Record<string, Told> = { spark: aboutSpark }
/** Suites that measure the built package, not the sources. */
const BUILT = new Set(['startup', 'client', 'latency', 'connections', 'spark'])

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    dir: { type: 'string' },
    'no-write': { type: 'boolean', default: false },
    /** Measure dist/ as it is. */
    'no-build': { type: 'boolean', default: false },
  },
})

const root = fileURLToPath(new URL('../..', import.meta.url))
const isWhole = positionals.length === 0
const wanted = isWhole ? Object.keys(SUITES).filter((name) => NAMED_ONLY[name] === undefined) : positionals
const unknown = wanted.filter((name) => SUITES[name] === undefined)
if (unknown.length > 0) {
  throw new Error(`no such suite: ${unknown.join(', ')}; there are ${Object.keys(SUITES).join(', ')}`)
}

const run: Run = {
  date: new Date().toISOString(),
  quick: values.quick,
  machine: describeMachine(root),
  outcomes: [],
}
const say = (line: string): void => console.error(line)
if (wanted.some((name) => BUILT.has(name)) && !values['no-build']) {
  say('npm run build …')
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
}
for (const name of wanted) {
  say(`${name} …`)
  const directory = fs.mkdtempSync(path.join(values.dir ?? os.tmpdir(), `logmill-bench-${name}-`))
  try {
    run.outcomes.push(...(await (SUITES[name] as Suite)({ quick: values.quick, directory, root, say })))
  } catch (error) {
    process.exitCode = 1
    run.outcomes.push({ suite: name, name: 'all', reason: `failed: ${describe(error)}` } satisfies Outcome)
  } finally {
    fs.rmSync(directory, { recursive: true, force: true })
  }
}

console.log(machineLine(run))
console.log(tableText(run))

// Quick rounds, or a part of the suites, are not a run to be kept.
if (!values.quick && !values['no-write']) {
  if (isWhole) keep('latest', run, WHOLE)
  for (const name of wanted) {
    const outcomes = run.outcomes.filter((outcome) => outcome.suite === name)
    const about = NAMED_ONLY[name]
    if (about !== undefined && !outcomes.some(isSkipped)) keep(name, { ...run, outcomes }, about)
  }
}

function keep(name: string, kept: Run, about: Told): void {
  const target = path.join(root, 'docs', 'benchmarks')
  fs.mkdirSync(target, { recursive: true })
  fs.writeFileSync(path.join(target, `${name}.json`), json(kept))
  fs.writeFileSync(path.join(target, `${name}.md`), markdown(kept, about))
  say(`written to ${path.relative(process.cwd(), path.join(target, name))}.md`)
}

function describe(error: unknown): string {
  if (values.quick && error instanceof Error) say(error.stack ?? '')
  return error instanceof Error ? error.message : String(error)
}
