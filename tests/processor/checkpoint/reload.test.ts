// The state is brought again, as of the last decided batch, to workers that take the place of others.

import { expect, test } from 'vitest'
import { Checkpoint } from '../../../processor/checkpoint/checkpoint.ts'
import { SimulatedStore } from '../../simulation/exactly-once/store.ts'
import { Random } from '../../world/random.ts'

const operator = { id: 'total', shape: 'update', partitions: 1 }
const job = { appName: 'job', intervalMs: 1000, inputs: [], operators: [operator] }

test('where the newest generation is damaged it is made anew of the other, and the job goes on', async () => {
  const store = new SimulatedStore()
  const warnings: string[] = []
  const open = () =>
    new Checkpoint({
      directory: 'memory',
      store: store.handle(() => Promise.resolve()),
      warn: (message) => warnings.push(message),
      generationLimits: { batches: 1, bytes: 1 },
    })
  let checkpoint = open()
  await checkpoint.recover(job)
  checkpoint.begun(0)
  const [partition] = await checkpoint.state.open<number>(operator)
  const batch = async (batchId: number) => {
    const plan = { batchId, timeMs: batchId * 1000, inputs: {} }
    await checkpoint.plan(plan)
    await checkpoint.begin(plan)
    partition?.put(`key ${batchId}`, batchId)
    await checkpoint.commit(plan)
  }
  for (let batchId = 1; batchId <= 4; batchId++) await batch(batchId)
  const { name } = (await checkpoint['generations'].newest()).generation
  expect(store.damage(name, '\0', new Random(1))).toBe(true)
  await checkpoint.reload()
  for (let batchId = 5; batchId <= 8; batchId++) await batch(batchId)
  await checkpoint.close()
  checkpoint = open()
  await checkpoint.recover(job)
  const [after] = await checkpoint.state.open<number>(operator)
  expect([1, 2, 3, 4].map((id) => after?.get(`key ${id}`))).toEqual([1, 2, 3, 4])
  expect(warnings).toEqual([expect.stringContaining(`${name} is damaged and not used`)])
  await checkpoint.close()
})
