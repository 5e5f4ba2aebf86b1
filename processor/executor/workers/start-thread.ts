// How a worker thread comes to its first module, worker.ts. A thread inherits the process's arguments, but tsx, run by
// --import, leaves threads alone: where the sources are TypeScript it is registered in the thread first.

import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { WorkerStart } from './calls.ts'

const MIB = 1024 * 1024

const BOOTSTRAP = `
const { workerData } = require('node:worker_threads')
const load = async () => {
  if (workerData.tsx !== undefined) (await import(workerData.tsx)).register()
  await import(workerData.entry)
}
load().catch((error) => setImmediate(() => { throw error }))
`

/** `memoryInBytes`: of the thread's JavaScript heap, beyond which it dies; undefined: as Node has it. */
export function startThread(start: WorkerStart, memoryInBytes: number | undefined): Worker {
  const isSource = import.meta.url.endsWith('.ts')
  const entry = new URL(isSource ? './worker.ts' : './worker.js', import.meta.url).href
  const isTypeScript = isSource || /\.[mc]?ts$/.test(new URL(start.job).pathname)
  const transferList = start.ports.filter((port) => port !== undefined)
  return new Worker(BOOTSTRAP, {
    eval: true,
    name: `logmill worker ${start.index}`,
    workerData: { start, entry, tsx: isTypeScript ? tsxFor(start.job) : undefined },
    transferList,
    ...(memoryInBytes !== undefined && {
      resourceLimits: { maxOldGenerationSizeMb: Math.ceil(memoryInBytes / MIB) },
    }),
  })
}

/** undefined where there is none: then Node itself has to take TypeScript. */
function tsxFor(job: string): string | undefined {
  for (const from of [job, import.meta.url]) {
    try {
      const manifest = createRequire(fileURLToPath(from)).resolve('tsx/package.json')
      return pathToFileURL(join(dirname(manifest), 'dist/esm/api/index.mjs')).href
    } catch {
      // Not there: look in the next place.
    }
  }
  return undefined
}
