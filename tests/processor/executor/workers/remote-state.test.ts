// The driver's side of state that workers have: what they were sent and have not taken up is bounded.

import { expect, test } from 'vitest'
import { IncrementsWriter } from '../../../../processor/checkpoint/increments.ts'
import { writeKey } from '../../../../processor/checkpoint/plain-data.ts'
import type { WorkerCalls } from '../../../../processor/executor/workers/calls.ts'
import type { Link } from '../../../../processor/executor/workers/link.ts'
import { RemoteState } from '../../../../processor/executor/workers/remote-state.ts'

const operator = { id: 'total', shape: 'update', partitions: 4 }

/** A worker that takes up what it is sent when the test says so, or dies. */
class SlowWorker {
  sentBytes = 0
  readonly answers: (() => void)[] = []
  readonly deaths: (() => void)[] = []

  readonly link = {
    isBroken: false,
    note: () => {},
    call: (name: string, args: { increments?: readonly Uint8Array[] }) => {
      if (name === 'restored') return Promise.resolve(new Map([['total', [0, 0, 0, 0]]]))
      for (const { length } of args.increments ?? []) this.sentBytes += length
      return new Promise<void>((resolve, reject) => {
        this.answers.push(resolve)
        this.deaths.push(() => reject(new Error('dead')))
      })
    },
  } as unknown as Link<WorkerCalls>
}

test('what is beyond a bound waits until workers have taken up what they were sent, or are gone', async () => {
  const workers = [new SlowWorker(), new SlowWorker()]
  const state = new RemoteState(
    [operator],
    workers.map(({ link }) => link),
  )
  state.reset(new Map([['total', { number: 1 }]]))
  const value = Buffer.alloc(64 * 1024)
  const writer = new IncrementsWriter()
  let waits = 0
  const restoring = (async () => {
    for (let index = 0; index < 3000; index++) {
      writer.operator(1)
      writeKey(writer.beginKey(), `key ${index}`)
      writer.endKey()
      writer.beginValue().raw(value)
      writer.endValue()
      for (const chunk of writer.finish()) state.restore(1, chunk)
      const room = state.room()
      if (room !== undefined) waits++
      await room
    }
    await state.restored()
  })()
  let largest = 0
  let isDone = false
  void restoring.then(() => (isDone = true))
  let taken = 0
  while (!isDone) {
    await new Promise((resolve) => setImmediate(resolve))
    const sent = workers.reduce((sum, { sentBytes }) => sum + sentBytes, 0)
    largest = Math.max(largest, sent - taken)
    taken = sent
    for (const [index, worker] of workers.entries()) {
      for (const end of (index === 0 ? worker.answers : worker.deaths).splice(0)) end()
    }
  }
  await restoring
  expect(waits).toBeGreaterThan(3)
  expect(largest).toBeGreaterThan(16 * 1024 * 1024)
  expect(largest).toBeLessThan(40 * 1024 * 1024)
})
