// `npm run bench [-- --only append,fetch] [--quick] [--dir DIR] [--no-build] [--no-write]`: measures, prints every figure
// with its reference and bar, and keeps the run under docs/benchmarks/. Exit code 1 where a suite fails;
// a bar that is not met is a result, not a failure.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Outcome } from './figure.ts'
import { describeMachine } from './machine.ts'
import { json, machineLine, markdown, type Run, tableText } from './report.ts'
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
}
/** Suites that measure the built package, not the sources. */
const BUILT = new Set(['startup', 'client', 'latency', 'connections'])

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    dir: { type: 'string' },
    'no-write': { type: 'boolean', default: false },
    /** Measure dist/ as it is. */
    'no-build': { type: 'boolean', default: false },
  },
})

const root = fileURLToPath(new URL('../..', import.meta.url))
const wanted = values.only?.split(',') ?? Object.keys(SUITES)
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

// A part of the suites, or quick rounds, is not a run to be kept.
if (values.only === undefined && !values.quick && !values['no-write']) {
  const target = path.join(root, 'docs', 'benchmarks')
  fs.mkdirSync(target, { recursive: true })
  fs.writeFileSync(path.join(target, 'latest.json'), json(run))
  fs.writeFileSync(path.join(target, 'latest.md'), markdown(run))
  say(`written to ${path.relative(process.cwd(), target)}`)
}

function describe(error: unknown): string {
  if (values.quick && error instanceof Error) say(error.stack ?? '')
  return error instanceof Error ? error.message : String(error)
}
