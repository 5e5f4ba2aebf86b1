// Two generations while a job runs: what is found damaged as the older one is moved on, and when that is.

import { beforeEach, expect, test } from 'vitest'
import { Checkpoint, type CheckpointOptions } from '../../../processor/checkpoint/checkpoint.ts'
import type { BatchPlan } from '../../../processor/graph/contracts/commit.ts'
import type { StatePartition } from '../../../processor/graph/contracts/state.ts'
import { SimulatedStore } from '../../simulation/exactly-once/store.ts'
import { Random } from '../../world/random.ts'

const operator = { id: 'total', shape: 'update', partitions: 1 }
const inputs = [{ id: 'in', description: 'in' }]
const job = { appName: 'job', intervalMs: 1000, inputs, operators: [operator] }

let store: SimulatedStore
let warnings: string[]
let checkpoint: Checkpoint
let state: StatePartition<number> | undefined

beforeEach(() => {
  store = new SimulatedStore()
  warnings = []
})

async function open(generationLimits: CheckpointOptions['generationLimits']): Promise<void> {
  checkpoint = new Checkpoint({
    directory: 'memory',
    store: store.handle(() => Promise.resolve()),
    warn: (message) => warnings.push(message),
    ...(generationLimits && { generationLimits }),
  })
  if ((await checkpoint.recover(job)) === undefined) checkpoint.begun(0)
  const [partition] = await checkpoint.state.open<number>(operator)
  state = partition
}

async function batch(batchId: number, ranges: BatchPlan['inputs'] = {}): Promise<void> {
  const plan = { batchId, timeMs: batchId * 1000, inputs: ranges }
  await checkpoint.plan(plan)
  await checkpoint.begin(plan)
  state?.put(`key ${batchId}`, batchId)
  await checkpoint.commit(plan)
  // What it has set going in the background.
  await standings()
}

/** What they stand behind, when nothing is being moved. */
async function standings(): Promise<{ name: string; batchId: number }[]> {
  await checkpoint['generations'].newest()
  return checkpoint['generations'].all
    .flatMap((generation) => (generation === undefined ? [] : generation))
    .map(({ name, standing: { batchId } }) => ({ name, batchId }))
    .toSorted((a, b) => a.batchId - b.batchId)
}

const all = (until: number) => Array.from({ length: until }, (_, index) => index + 1)

async function mustHave(until: number): Promise<void> {
  expect(all(until).map((id) => state?.get(`key ${id}`))).toEqual(all(until))
}

test.each(['the older generation', 'a redo record that only the older one needs', 'the newer generation'])(
  'where %s is damaged the other is enough, what is damaged is made anew, and the job goes on',
  async (what) => {
    await open({ batches: 2, bytes: 1_000_000 })
    for (let batchId = 1; batchId <= 6; batchId++) await batch(batchId)
    const [older, newer] = await standings()
    expect(Number(newer?.batchId)).toBeGreaterThan(Number(older?.batchId))
    const damaged = { 'the older generation': older, 'the newer generation': newer }[what]
    if (damaged !== undefined) expect(store.damage(damaged.name, '\0', new Random(1))).toBe(true)
    else await damageRedo(Number(older?.batchId) + 1)
    for (let batchId = 7; batchId <= 12; batchId++) await batch(batchId)
    // The older one is moved on from the newer one: what it has itself is not even read.
    const told = new RegExp(`${newer?.name} is damaged and is made anew of the other: .* is damaged`)
    expect(warnings).toEqual(damaged === newer ? [expect.stringMatching(told)] : [])
    await mustHave(12)
    const [first] = await standings()
    expect(Number(first?.batchId)).toBeGreaterThan(6)
    await checkpoint.close()
    // Each of the two is whole.
    for (const name of ['state-0', 'state-1']) {
      const whole = store.copy()
      const kept = store
      store = whole
      expect(store.damage(name, '\xff', new Random(1))).toBe(true)
      await open({ batches: 2, bytes: 1_000_000 })
      await mustHave(12)
      await checkpoint.close()
      store = kept
    }
  },
)

test('where a redo record that both need is damaged the job ends, and the next start makes it good from plans', async () => {
  await open({ batches: 3, bytes: 1_000_000 })
  for (let batchId = 1; batchId <= 7; batchId++) await batch(batchId)
  const [, newer] = await standings()
  await damageRedo(Number(newer?.batchId) + 1)
  const rest = async () => {
    for (let batchId = 8; batchId <= 20; batchId++) await batch(batchId)
  }
  await expect(rest()).rejects.toThrow(/the redo record of batch \d+ is damaged/)
  await checkpoint.close().catch(() => undefined)
  checkpoint = new Checkpoint({
    directory: 'memory',
    store: store.handle(() => Promise.resolve()),
    warn: (message) => warnings.push(message),
  })
  const recovered = await checkpoint.recover(job)
  expect(recovered?.lastCommitted?.batchId).toBe(newer?.batchId)
  expect(recovered?.lastDecided?.batchId).toBeGreaterThan(Number(newer?.batchId))
  expect(recovered?.pending[0]?.batchId).toBe(Number(newer?.batchId) + 1)
  await checkpoint.close()
})

test('what plans and the heads of redo records take in the journal counts as what is staged does', async () => {
  const ranges = Array.from({ length: 500 }, (_, partition) => ({
    topic: 'in',
    topicId: '0123456789abcdef0123456789abcdef',
    partition,
    from: 0n,
    until: 1n,
  }))
  await open({ batches: 1000, bytes: 200_000 })
  for (let batchId = 1; batchId <= 10; batchId++) await batch(batchId, { in: ranges })
  // Each has some 25 KiB of plan, and as much of positions.
  const [, newest] = await standings()
  expect(Number(newest?.batchId)).toBeGreaterThanOrEqual(4)
  await checkpoint.close()
})

async function damageRedo(batchId: number): Promise<void> {
  const journal = checkpoint['journal']?.['database']
  const key = Buffer.alloc(9)
  key[0] = 'r'.charCodeAt(0)
  key.writeBigUInt64BE(BigInt(batchId), 1)
  const bytes = Buffer.from((await journal?.get(key)) as Buffer)
  bytes[0] = (bytes[0] as number) ^ 1
  const writes = journal?.writes()
  writes?.put(key, bytes)
  await writes?.write({ sync: true })
}
