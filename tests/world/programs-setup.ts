// What `npm test` starts as processes and threads is bundled once, before the first test.

import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { TestProject } from 'vitest/node'
import { bundle } from './bundle.ts'

const PROGRAMS = [
  // What processes begin with, and what programs of a few lines in tests import.
  'tools/cli/main.ts',
  'index.ts',
  'streaming.ts',
  'broker/storage/real-storage.ts',
  // What threads begin with.
  'processor/executor/workers/start-thread.ts',
  'processor/executor/workers/worker.ts',
  'broker/server/inspection/worker.ts',
]

const root = resolve(import.meta.dirname, '../..')

/** Sources below a folder, from the root of the repository. */
function sourcesBelow(folder: string, name: RegExp): string[] {
  const found = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return found.filter((path) => name.test(path)).map((path) => join(folder, path))
}

export default (project: TestProject): Promise<() => void> => {
  const examples = sourcesBelow('examples', /\.ts$/)
  const jobs = sourcesBelow('tests', /-jobs?\.ts$/)
  return bundle(project, [...PROGRAMS, ...examples, ...jobs])
}
