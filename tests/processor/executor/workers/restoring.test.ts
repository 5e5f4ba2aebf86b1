// A worker that is brought state: of a generation that turns out to be damaged, and then of the one that counts.

import { MessageChannel } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { IncrementsWriter } from '../../../../processor/checkpoint/increments.ts'
import { writeKey, writePlain } from '../../../../processor/checkpoint/plain-data.ts'
import type { WorkerCalls } from '../../../../processor/executor/workers/calls.ts'
import { Link } from '../../../../processor/executor/workers/link.ts'
import { serve } from '../../../../processor/executor/workers/worker-side.ts'
import type { DeathParameters } from './death-jobs.ts'

/** A chunk for each key, of operator 0. */
function chunksOf(keys: number, name: string): Buffer[] {
  const writer = new IncrementsWriter(1)
  writer.operator(0)
  for (let i = 0; i < keys; i++) {
    writeKey(writer.beginKey(), `${name} ${i}`)
    writer.endKey()
    writePlain(writer.beginValue(), i)
    writer.endValue()
  }
  return writer.finish()
}

test('what it was still taking up when it was told to begin anew is not mixed with what follows', async () => {
  const { port1, port2 } = new MessageChannel()
  const counters = () => new Int32Array(new SharedArrayBuffer(16))
  serve(port2, {
    index: 0,
    ports: [undefined],
    job: new URL('./death-jobs.ts', import.meta.url).href,
    parameters: {
      deathsLeft: counters(),
      hasState: true,
      messagesLeft: counters(),
    } satisfies DeathParameters,
    spills: {},
    context: { appName: 'restored', intervalMs: 1000, parallelism: 1, onPoison: 'fatal' },
  })
  const worker = new Link<WorkerCalls>(port1, {}, (error) => {
    throw error
  })
  try {
    await worker.call('build', { durable: true })
    const places = new Map([['total', { number: 0 }]])
    worker.note('resetState', { places })
    worker.note('restoreState', { increments: chunksOf(50, 'damaged') })
    worker.note('restoreState', { increments: chunksOf(50, 'damaged too') })
    worker.note('resetState', { places })
    worker.note('restoreState', { increments: chunksOf(3, 'good') })
    expect(await worker.call('restored', undefined)).toEqual(new Map([['total', [3]]]))
    // Nor later.
    for (let i = 0; i < 10; i++) {
      expect(await worker.call('restored', undefined)).toEqual(new Map([['total', [3]]]))
    }
  } finally {
    port1.close()
    port2.close()
  }
})
