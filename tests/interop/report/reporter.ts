// Holds report.json to what was run: for each file of the suite the tests that passed, and which clients, frameworks
// and tools, in which versions, each of them ran. docs/compatibility.md is made from it. A run of whole files
// writes it with LOGMILL_INTEROP_REPORT=write; any other run of whole files fails where the report says what was not
// so, and tells what it lacks.
//
//   { "verbs.test.ts": [ { "test": "shares a topic …", "ran": [ { "kind", "name", "version" }, … ] }, … ] }

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Reporter, TestModule, Vitest } from 'vitest/node'
import type { Ran } from './ran.ts'

export interface ReportedTest {
  test: string
  ran: Ran[]
}
export type Report = Record<string, ReportedTest[]>

const path = join(import.meta.dirname, 'report.json')
const folder = join(import.meta.dirname, '..')

export default class InteropReporter implements Reporter {
  private only: unknown

  onInit({ config }: Vitest): void {
    this.only = config.testNamePattern
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    if (this.only !== undefined || process.env.LOGMILL_INTEROP_REFERENCE !== undefined) return
    const known = JSON.parse(readFileSync(path, 'utf8')) as Report
    const found = new Map(modules.map((module) => [basename(module.moduleId), testsOf(module)]))
    if (process.env.LOGMILL_INTEROP_REPORT === 'write')
      return write({ ...known, ...Object.fromEntries(found) })
    for (const [file, tests] of found) {
      const [before, now] = [text(known[file] ?? []), text(tests)]
      for (const line of now.filter((each) => !before.includes(each)))
        console.error(`${file}: passed, and is not reported yet: ${line}`)
      for (const line of before.filter((each) => !now.includes(each))) {
        console.error(`${file}: reported, and was not so: ${line}`)
        process.exitCode = 1
      }
    }
  }
}

const text = (tests: readonly ReportedTest[]): string[] => tests.map((test) => JSON.stringify(test))

/** Those that passed; one that ran nothing of others is nothing to report. */
function testsOf(module: TestModule): ReportedTest[] {
  return [...module.children.allTests('passed')]
    .map((test) => ({ test: test.name.trim(), ran: [...(test.meta().ran ?? [])].sort(byName) }))
    .filter(({ ran }) => ran.length > 0)
}

const byName = (a: Ran, b: Ran): number => a.kind.localeCompare(b.kind) || a.name.localeCompare(b.name)

function write(report: Report): void {
  const files = Object.entries(report)
    .filter(([file]) => existsSync(join(folder, file)))
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([file, tests]) => {
      const lines = tests.map((test) => `    ${JSON.stringify(test)}`)
      return `  ${JSON.stringify(file)}: [\n${lines.join(',\n')}\n  ]`
    })
  writeFileSync(path, `{\n${files.join(',\n')}\n}\n`)
}
