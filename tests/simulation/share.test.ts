// A share partition and the share coordinator under a seeded world with crashes, lost tails, refused appends, expired
// locks, late and doubled acknowledgements, leaders of the past (see share/expected.ts for what is checked). `npm test`
// runs 40 seeds; LOGMILL_SEEDS=1000 runs as many, LOGMILL_SEED=17 just that one. Planted bugs must be found.

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
const seedCount = Number(process.env.LOGMILL_SEEDS ?? 40)

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
  3_600_000,
)

const LEADER = '../../broker/share/share-partition-leader.ts'
const COORDINATOR = '../../broker/coordinator/share/share-coordinator.ts'
const machine = 'broker/share/share-partition.ts'
const changes = 'broker/share/run-changes.ts'
const acquisition = 'broker/share/acquisition.ts'
const acknowledgement = 'broker/share/acknowledgement.ts'
const states = 'broker/coordinator/share/share-state-machine.ts'

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
  'whose record it is does not matter when it is acknowledged': {
    file: acknowledgement,
    line: 'if (run.memberId !== memberId)',
    becomes: "if (run.memberId === '')",
  },
  'a renewed lock ends when it would have ended before': {
    file: acknowledgement,
    line: 'run.lockExpiresAtMs = lockExpiresAtMs',
    becomes: 'run.lockExpiresAtMs += 0 * lockExpiresAtMs',
  },
  'a refused acknowledgement counts up to where it was refused': {
    file: acknowledgement,
    line: 'if (objection !== undefined) return refused(',
    becomes:
      'carryOut({ batch, ranges: within }, changeId, limits)\n    if (objection !== undefined) return refused(',
  },
  'a record is delivered once more than it may be': {
    file: changes,
    line: 'return deliveryCount >= deliveryCountLimit ? ARCHIVED : AVAILABLE',
    becomes: 'return deliveryCount > deliveryCountLimit ? ARCHIVED : AVAILABLE',
  },
  'a record comes with others on its last delivery': {
    file: acquisition,
    line: 'const take = isLast ? 1 : Math.min(lengthOf(run), most - count)',
    becomes: 'const take = Math.min(lengthOf(run), isLast ? 2 : most - count)',
  },
  'records of an aborted transaction stay with who never saw them': {
    file: acquisition,
    line: 'this.records.archive(range, ACQUIRED)',
    becomes: 'this.records.archive(range, AVAILABLE)',
  },
  'more is in flight than may be': {
    file: acquisition,
    line: 'maxRecords: Math.min(maxRecords, free), lastOffset',
    becomes: 'maxRecords: Math.max(maxRecords, free), lastOffset',
  },
  'the start moves over what is being acknowledged': {
    file: 'broker/share/records-in-flight.ts',
    line: '!isTerminal(run.state) || run.pending !== null',
    becomes: '!isTerminal(run.state)',
  },
}

test.each(Object.entries(leaderPlants))('found: %s', async (_, plant) => {
  const { SharePartitionLeader } = await planted<typeof LeaderModule>(import.meta.dirname, LEADER, plant)
  await expect(firstFailure({ ...realParts, Leader: SharePartitionLeader })).resolves.toBeDefined()
})

const coordinatorPlants = {
  'a state laid over another is lost': {
    file: 'broker/coordinator/share/state-batches.ts',
    line: ': a.deliveryCount > b.deliveryCount',
    becomes: ': a.deliveryCount < b.deliveryCount',
  },
  'a whole state is made of the last change alone': {
    file: states,
    line: 'batches: combine(before.batches, change.batches, startOffset)',
    becomes: 'batches: combine([], change.batches, startOffset)',
  },
  'a leader of the past may write': {
    file: states,
    line: "'Write operation on uninitialized share partition not allowed.',\n      )\n    if (leaderEpoch !== NO_EPOCH && known.leaderEpoch > leaderEpoch)",
    becomes:
      "'Write operation on uninitialized share partition not allowed.',\n      )\n    if (leaderEpoch === NO_EPOCH && known.leaderEpoch > leaderEpoch)",
  },
}

test.each(Object.entries(coordinatorPlants))('found: %s', async (_, plant) => {
  const { ShareCoordinator } = await planted<typeof CoordinatorModule>(
    import.meta.dirname,
    COORDINATOR,
    plant,
  )
  await expect(firstFailure({ ...realParts, Coordinator: ShareCoordinator })).resolves.toBeDefined()
})

async function firstFailure(parts: Parts): Promise<Error | undefined> {
  for (let seed = 1; seed <= 20; seed++) {
    try {
      await simulate(seed, newCounters(), parts)
    } catch (error) {
      return error as Error
    }
  }
  return undefined
}
