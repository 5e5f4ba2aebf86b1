// A share partition and the share coordinator under a seeded world with crashes, lost tails, refused appends, expired
// locks, late and doubled acknowledgements (see share/world.ts for what is checked). `npm test` runs 60 seeds;
// LOGMILL_SEEDS=1000 runs as many, LOGMILL_SEED=17 just that one. Planted bugs must be found.

import { expect, test } from 'vitest'
import type * as CoordinatorModule from '../../broker/coordinator/share/share-coordinator.ts'
import type * as LeaderModule from '../../broker/share/share-partition-leader.ts'
import { planted } from '../world/plant.ts'
import { Random } from '../world/random.ts'
import { newCounters, type Parts, realParts, ShareWorld } from './share/world.ts'

const EVENTS = 1000

async function simulate(seed: number, counters = newCounters(), parts?: Parts): Promise<void> {
  try {
    await new ShareWorld(new Random(seed), counters, parts).run(EVENTS)
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
  }
}

const only = process.env.LOGMILL_SEED
const seedCount = Number(process.env.LOGMILL_SEEDS ?? 60)

test.skipIf(only === undefined)('the one seed asked for', async () => {
  await simulate(Number(only))
})

test.skipIf(only !== undefined)(
  `what is acknowledged stays so, ${seedCount} seeds`,
  async () => {
    const counters = newCounters()
    for (let seed = 1; seed <= seedCount; seed++) await simulate(seed, counters)
    // A world in which nothing happens proves nothing.
    for (const [what, count] of Object.entries(counters)) expect(count, what).toBeGreaterThan(0)
    if (process.env.LOGMILL_SEEDS !== undefined) console.log(counters)
  },
  600_000,
)

const LEADER = '../../broker/share/share-partition-leader.ts'
const COORDINATOR = '../../broker/coordinator/share/share-coordinator.ts'
const machine = 'broker/share/share-partition.ts'
const changes = 'broker/share/run-changes.ts'

const leaderPlants = {
  'a record that is being acknowledged counts as available': {
    file: changes,
    line: 'return state === AVAILABLE && pending === null',
    becomes: 'return state === AVAILABLE || pending !== null',
  },
  'an expired lock is not looked at': {
    file: machine,
    line: 'if (run.state !== ACQUIRED || run.lockExpiresAtMs > nowMs) continue',
    becomes: 'if (run.state !== ACQUIRED || run.lockExpiresAtMs < nowMs) continue',
  },
  'a state that was not written counts': {
    file: machine,
    line: 'else takeBack(run, nowMs)',
    becomes: 'else run.lockExpiresAtMs = NO_LOCK',
  },
  'whose record it is does not matter when it is released': {
    file: machine,
    line: 'if (run.state === ACQUIRED && run.memberId === memberId)',
    becomes: 'if (run.state === ACQUIRED)',
  },
}

test.each(Object.entries(leaderPlants))('found: %s', async (_, plant) => {
  const { SharePartitionLeader } = await planted<typeof LeaderModule>(import.meta.dirname, LEADER, plant)
  await expect(firstFailure({ ...realParts, Leader: SharePartitionLeader })).resolves.toBeDefined()
})

test('found: a state laid over another is lost', async () => {
  const { ShareCoordinator } = await planted<typeof CoordinatorModule>(import.meta.dirname, COORDINATOR, {
    file: 'broker/coordinator/share/state-batches.ts',
    line: ': a.deliveryCount > b.deliveryCount',
    becomes: ': a.deliveryCount < b.deliveryCount',
  })
  await expect(firstFailure({ ...realParts, Coordinator: ShareCoordinator })).resolves.toBeDefined()
})

async function firstFailure(parts: Parts): Promise<Error | undefined> {
  for (let seed = 1; seed <= 200; seed++) {
    try {
      await simulate(seed, newCounters(), parts)
    } catch (error) {
      return error as Error
    }
  }
  return undefined
}
