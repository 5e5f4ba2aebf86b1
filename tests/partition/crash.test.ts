// Two hundred lives of a partition on a disk that loses, tears and reorders what was not synced.

import { afterAll, expect, test } from 'vitest'
import { seeds } from '../world/random.ts'
import { CrashWorld } from './crash-world.ts'

const STEPS = 80
const total: Partial<Record<keyof CrashWorld['counters'], number>> = {}

test.each(seeds(1, 200))('nothing acknowledged is lost, nothing is seen twice, seed %i', async (seed) => {
  const world = new CrashWorld(seed, seed % 4 === 0 ? 'os' : 'fsync')
  await world.run(STEPS)
  for (const [name, count] of Object.entries(world.counters)) {
    const counter = name as keyof CrashWorld['counters']
    total[counter] = (total[counter] ?? 0) + count
  }
})

/** Retention had taken segments that recovery, which begins below them, needed for the state of producers. */
test.each([188, 4324])('a power cut in the midst of retention forgets no producer, seed %i', (seed) =>
  new CrashWorld(seed, 'os').run(STEPS),
)

/** A simulation in which nothing happens proves nothing. */
afterAll(() => {
  for (const [name, count] of Object.entries(total)) expect(count, name).toBeGreaterThan(0)
})

test('negative control: an acknowledgement that does not wait for the disk is found out', async () => {
  const lost: number[] = []
  for (const seed of seeds(1, 20)) {
    try {
      await new CrashWorld(seed, 'os', 'fsync').run(STEPS)
    } catch (error) {
      if (!String(error).includes('I1: acknowledged is not lost')) throw error
      lost.push(seed)
    }
  }
  expect(lost.length).toBeGreaterThan(10)
})
