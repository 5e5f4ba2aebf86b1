// Consumer groups of both protocols under a seeded world with crashes and lost tails (see consumer-group/world.ts for
// what is checked). LOGMILL_SEEDS=1000 runs as many seeds, LOGMILL_SEED=17 just that one.

import { expect, test } from 'vitest'
import { objection, type Plant, planted } from '../world/plant.ts'
import { ConsumerGroupWorld, type Counters, newCounters } from './consumer-group/world.ts'

const EVENTS = 1_000

async function simulate(
  seed: number,
  counters: Counters = newCounters(),
  World: typeof ConsumerGroupWorld = ConsumerGroupWorld,
): Promise<void> {
  const world = new World(seed, counters)
  try {
    await world.run(EVENTS)
  } catch (error) {
    throw new Error(`seed ${seed}, event ${world.step}: ${(error as Error).message}`, { cause: error })
  }
}

const only = process.env.LOGMILL_SEED
const seedCount = Number(process.env.LOGMILL_SEEDS ?? 60)

test.skipIf(only === undefined)('the one seed asked for', async () => {
  await simulate(Number(only))
})

test.skipIf(only !== undefined)(
  `groups of both protocols survive crashes and lost tails, ${seedCount} seeds`,
  async () => {
    const counters = newCounters()
    for (let seed = 1; seed <= seedCount; seed++) await simulate(seed, counters)
    // A world in which nothing happens proves nothing.
    for (const [what, count] of Object.entries(counters)) expect(count, what).toBeGreaterThan(0)
    if (process.env.LOGMILL_SEEDS !== undefined) console.log(counters)
  },
  3_600_000,
)

test('a seed is a whole world: run again, the same happens', async () => {
  const [first, second] = [newCounters(), newCounters()]
  await simulate(7, first)
  await simulate(7, second)
  expect(second).toEqual(first)
})
