// The programs of this suite: most of its lives would end before a program had started from its sources.

import type { TestProject } from 'vitest/node'
import { bundle } from '../world/bundle.ts'

/** What is started, what threads begin with, and the job, which they load. */
const PROGRAMS = [
  'tests/kill/victim.ts',
  'tests/kill/loader.ts',
  'tests/kill/word-count.ts',
  'processor/executor/workers/worker.ts',
  'broker/server/inspection/worker.ts',
]

export default (project: TestProject): Promise<() => void> => bundle(project, PROGRAMS)
