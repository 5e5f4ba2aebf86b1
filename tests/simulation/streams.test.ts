// Streams groups under seeded faults. LOGMILL_SEED=7 runs one world, LOGMILL_SEEDS=5000 runs many.

import { describe, expect, test } from 'vitest'
import { objection, type Plant, planted } from '../world/plant.ts'
import { newCounters, StreamsWorld } from './streams/world.ts'

const EVENTS = 1_000

async function simulate(seed: number, World = StreamsWorld, counters = newCounters()): Promise<void> {
  const world = new World(seed, counters)
  try {
    await world.run(EVENTS)
  } catch (error) {
    throw new Error(`seed ${seed}, event ${world.step}: ${(error as Error).message}`, { cause: error })
  }
}

const only = process.env.LOGMILL_SEED
const seedCount = Number(process.env.LOGMILL_SEEDS ?? 15)

test.skipIf(only === undefined)('the one seed asked for', async () => {
  await simulate(Number(only))
})

test.skipIf(only !== undefined)(
  `streams groups survive crashes, lost tails and changing topics, ${seedCount} seeds`,
  async () => {
    const counters = newCounters()
    for (let seed = 1; seed <= seedCount; seed++) await simulate(seed, StreamsWorld, counters)
    // A world in which nothing happens proves nothing.
    for (const [what, count] of Object.entries(counters)) expect(count, what).toBeGreaterThan(0)
    if (process.env.LOGMILL_SEEDS !== undefined) console.log(counters)
  },
  3_600_000,
)

/** Bugs of one line each that the world must notice, and what it says of them. */
const folder = 'broker/coordinator/group/streams'
const plants: Record<string, Plant & { noticed: RegExp }> = {
  'gives a task to another before its member has let go': {
    file: `${folder}/reconcile.ts`,
    line: 'return owners.activeProcess(subtopologyId, partition) !== null || inProcess(subtopologyId, partition)',
    becomes: 'return inProcess(subtopologyId, partition)',
    noticed: /is active at|is run by/,
  },
  'does not wait until a member has let go': {
    file: `${folder}/reconcile.ts`,
    line: 'if (owned === null || sharesTask(owned, member.pendingRevocation)) return member',
    becomes: '',
    noticed: /is run by|does not know it/,
  },
  'takes a member for moved that says nothing': {
    file: `${folder}/reconcile.ts`,
    line: '(owned === null || sharesTask(owned, revoked))',
    becomes: 'owned !== null && sharesTask(owned, revoked)',
    noticed: /is run by|does not know it/,
  },
  'forgets in a restart since when a task is held': {
    file: `${folder}/records.ts`,
    line: 'known?.[i] ?? memberEpoch',
    becomes: 'memberEpoch',
    noticed: /differs from the log/,
  },
  'lets an old epoch commit for what it lost': {
    file: `${folder}/offset-fence.ts`,
    line: '<= memberEpoch',
    becomes: '<= Number.POSITIVE_INFINITY',
    noticed: /which is not its own/,
  },
  'never ends a session': {
    file: `${folder}/heartbeat.ts`,
    line: 'afterMs: this.config.sessionTimeoutMs',
    becomes: 'afterMs: null',
    noticed: /never settled/,
  },
  'waits for ever for who never lets go': {
    file: `${folder}/heartbeat.ts`,
    line: "afterMs: state === 'UnrevokedTasks' ? next.rebalanceTimeoutMs : null",
    becomes: 'afterMs: null',
    noticed: /never settled/,
  },
  'does not look at topics again': {
    file: `${folder}/streams-kind.ts`,
    line: 'topology !== null && requiredTopics(topology).has(topic)',
    becomes: 'topology === null && topic === undefined',
    noticed: /never settled|never counted/,
  },
  'keeps a standby in the process that runs the task': {
    file: `${folder}/sticky-task-assignor.ts`,
    line: '({ tasks }) => !tasks.has(task.id))',
    becomes: '() => true)',
    noticed: /never settled/,
  },
  'goes back an epoch when a member leaves': {
    file: `${folder}/membership.ts`,
    line: 'const epoch = groupEpoch + 1',
    becomes: 'const epoch = groupEpoch - 1',
    noticed: /goes from epoch/,
  },
}

describe('a coordinator', () => {
  test.each(Object.entries(plants))('that %s is caught', async (_, { noticed, ...plant }) => {
    const { StreamsWorld: Planted } = await planted<typeof import('./streams/world.ts')>(
      import.meta.dirname,
      './streams/world.ts',
      plant,
    )
    expect(await objection(12, (seed) => simulate(seed, Planted))).toMatch(noticed)
  })
})
