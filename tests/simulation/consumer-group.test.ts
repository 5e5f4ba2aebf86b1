// Consumer groups of both protocols under a seeded world with crashes and lost tails (see consumer-group/world.ts for
// what is checked). LOGMILL_SEEDS=1000 runs as many seeds, LOGMILL_SEED=17 just that one.

import { expect, test } from 'vitest'
import { objection, type Plant, planted } from '../world/plant.ts'
import { ConsumerGroupWorld, type Counters, newCounters } from './consumer-group/world.ts'

const EVENTS = 1_000
/** A planted bug is to be found in so many worlds at most. */
const PLANT_SEEDS = 200

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
const seedCount = Number(process.env.LOGMILL_SEEDS ?? 40)

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

/** Worlds in which something went wrong once. */
const regressions: [seed: number, what: string][] = [
  [745, 'a classic group takes the place of an empty consumer group, and its epochs begin anew'],
  [7050, 'a dead member commits in the epoch that the group still knows it in'],
]

test.skipIf(only !== undefined).each(regressions)('seed %i: %s', async (seed) => {
  await simulate(seed)
})

test('a seed is a whole world: run again, the same happens', async () => {
  const [first, second] = [newCounters(), newCounters()]
  await simulate(7, first)
  await simulate(7, second)
  expect(second).toEqual(first)
})

const consumer = 'broker/coordinator/group/consumer'

const plants: Record<string, Plant> = {
  'gives out what another has': {
    file: `${consumer}/reconcile.ts`,
    line: 'if (isAnothers) waits = true',
    becomes: 'if (isAnothers && targetEpoch < 0) waits = true',
  },
  'does not wait until a member has given up': {
    file: `${consumer}/reconcile.ts`,
    line: 'if (stillHas(owned, givenUp) && givenUp.size > 0) {',
    becomes: 'if (stillHas(owned, givenUp) && givenUp.size < 0) {',
  },
  'takes silence for having given up': {
    file: `${consumer}/reconcile.ts`,
    line: 'if (owned === null) return true',
    becomes: 'if (owned === null) return false',
  },
  'takes commits of any epoch': {
    file: `${consumer}/consumer-kind.ts`,
    line: 'return epoch > member.memberEpoch ? staleCode(member) : partitionCheck(member, committer)',
    becomes: 'return epoch > member.memberEpoch ? staleCode(member) : undefined',
  },
  'never ends a session': {
    file: `${consumer}/turn.ts`,
    line: 'this.timer(sessionTimer(this.groupId, memberId), classic?.sessionTimeoutMs ?? ofGroup.sessionTimeoutMs)',
    becomes:
      'this.timer(sessionTimer(this.groupId, memberId), classic === null ? null : ofGroup.sessionTimeoutMs)',
  },
  'forgets the sessions in a restart': {
    file: `${consumer}/consumer-kind.ts`,
    line: 'const timers: TimerSetting[] = [{ key: sessionTimer(groupId, memberId), afterMs: sessionMs }]',
    becomes:
      'const timers: TimerSetting[] = sessionMs < 0 ? [{ key: sessionTimer(groupId, memberId), afterMs: sessionMs }] : []',
  },
  'lets a member keep what it must give up for as long as it likes': {
    file: `${consumer}/turn.ts`,
    line: 'this.timer(revocationTimer(groupId, memberId), isDue ? next.rebalanceTimeoutMs : null)',
    becomes: 'this.timer(revocationTimer(groupId, memberId), isDue ? null : null)',
  },
  'does not notice that a topic has grown': {
    file: `${consumer}/turn.ts`,
    line: 'if (!mustBump && !isStale(group, this.nowMs)) return',
    becomes: 'if (!mustBump) return',
  },
  'keeps the epoch when members go': {
    file: `${consumer}/turn.ts`,
    line: 'value: { epoch: group.groupEpoch + 1, metadataHash } })',
    becomes: 'value: { epoch: group.groupEpoch, metadataHash } })',
  },
  'resolves expressions without telling anybody': {
    file: `${consumer}/regex.ts`,
    line: 'if (changed || metadataHash !== turn.group.metadataHash) turn.bumpEpoch(metadataHash)',
    becomes: 'if (changed && metadataHash === turn.group.metadataHash) turn.bumpEpoch(metadataHash)',
  },
  'loses an epoch on the way to the classic protocol': {
    file: `${consumer}/migration.ts`,
    line: 'classic.generationId = group.groupEpoch',
    becomes: 'classic.generationId = group.groupEpoch - 1',
  },
  'answers at once, before the log is safe': {
    file: 'broker/coordinator/runtime.ts',
    line: 'if (first.needs > highWatermark) break',
    becomes: 'if (first.needs > highWatermark + 1_000_000n) break',
  },
}

test.each(Object.entries(plants))(
  'a coordinator that %s is caught',
  async (_, plant) => {
    const { ConsumerGroupWorld: Planted } = await planted<typeof import('./consumer-group/world.ts')>(
      import.meta.dirname,
      './consumer-group/world.ts',
      plant,
    )
    const said = await objection(PLANT_SEEDS, (seed) => simulate(seed, newCounters(), Planted))
    expect(said).not.toBe('nothing')
  },
  60_000,
)
