// A worker thread that begins with the sources, as it does where a program is run by tsx. All other tests of workers
// begin theirs with a bundle (tests/world/bundled-thread.ts).

import { expect, test } from 'vitest'
import type { WorkerCalls } from '../../../../processor/executor/workers/calls.ts'
import { Link } from '../../../../processor/executor/workers/link.ts'
import { startThread } from '../../../../processor/executor/workers/start-thread.ts'

test('a job in TypeScript is built by a thread', async () => {
  const thread = startThread(
    {
      index: 0,
      ports: [undefined],
      job: new URL('./shared-jobs.ts', import.meta.url).href,
      parameters: undefined,
      spills: {},
      context: { appName: 'sources', intervalMs: 1000, parallelism: 1, onPoison: 'fatal' },
    },
    undefined,
  )
  try {
    const link = new Link<WorkerCalls>(thread, {}, (error) => {
      throw error
    })
    const shape = await link.call('build', { durable: false })
    expect(shape.outputs.map(({ kind }) => kind)).toEqual(['foreachRDD'])
  } finally {
    await thread.terminate()
  }
})
