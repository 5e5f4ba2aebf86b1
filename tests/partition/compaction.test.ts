// Compaction against a naive model, on a disk that loses power in the middle of it.

import { afterAll, expect, test } from 'vitest'
import { seeds } from '../world/random.ts'
import { type CompactionOptions, CompactionWorld } from './compaction-world.ts'

const STEPS = 150
const total: Partial<Record<keyof CompactionWorld['counters'], number>> = {}

async function live(seed: number, options: CompactionOptions): Promise<void> {
  const world = new CompactionWorld(seed, options)
  await world.run(STEPS)
  for (const [name, count] of Object.entries(world.counters)) {
    const counter = name as keyof CompactionWorld['counters']
    total[counter] = (total[counter] ?? 0) + count
  }
}

test.each(seeds(1, 10))('a compacted log is what the model says, seed %i', (seed) =>
  live(seed, { crashes: false }),
)

test.each(seeds(101, 120))('and so it is after power cuts, seed %i', (seed) => live(seed, { crashes: true }))

test.each(seeds(201, 206))('what is younger than the lag stays, seed %i', (seed) =>
  live(seed, { crashes: seed % 2 === 0, minCompactionLagMs: 25 * 60_000 }),
)

test.each(seeds(301, 306))('a map too small for all keys takes several runs, seed %i', (seed) =>
  live(seed, { crashes: seed % 2 === 0, dedupeBufferBytes: 150 }),
)

/** A simulation in which nothing happens proves nothing. */
afterAll(() => {
  for (const [name, count] of Object.entries(total)) expect(count, name).toBeGreaterThan(0)
})
