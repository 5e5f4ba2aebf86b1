// In tests, worker threads begin with the bundle of this run (vitest.config.ts puts this module in the place of
// start-thread.ts): tsx in a thread takes longer than most of their jobs. What is in the bundle starts as it does where
// logmill is installed. Jobs that are not in it start from their sources.

import { existsSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as sources from '../../processor/executor/workers/start-thread.ts'
import { programPath } from './programs.ts'

const bundled = (await import(programPath('processor/executor/workers/start-thread.ts'))) as typeof sources

export const startThread: typeof sources.startThread = (start, memoryInBytes) => {
  if (!start.job.startsWith('file:')) return sources.startThread(start, memoryInBytes)
  const job = programPath(fileURLToPath(start.job))
  if (!existsSync(job)) return sources.startThread(start, memoryInBytes)
  return bundled.startThread({ ...start, job: pathToFileURL(job).href }, memoryInBytes)
}
