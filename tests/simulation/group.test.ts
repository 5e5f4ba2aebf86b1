// The group coordinator under a seeded world with crashes and lost tails (see group-world.ts for what is
// checked). `npm test` runs 100 seeds; LOGMILL_SEEDS=1000 runs as many, LOGMILL_SEED=17 just that one.

import { expect, test } from 'vitest'
import type { GroupFact } from '../../broker/coordinator/group/classic/facts.ts'
import type { GroupMachine } from '../../broker/coordinator/group/group-machine.ts'
import type { GroupShardMachine, Mutation } from './group-world.ts'
import { GroupWorld, newCounters } from './group-world.ts'

const EVENTS = 1_000

async function simulate(seed: number, counters = newCounters(), mutation: Mutation = {}): Promise<void> {
  const world = new GroupWorld(seed, counters, mutation)
  try {
    await world.run(EVENTS)
  } catch (error) {
    throw new Error(`seed ${seed}, event ${world.step}: ${(error as Error).message}`, { cause: error })
  }
}

const only = process.env.LOGMILL_SEED
const seedCount = Number(process.env.LOGMILL_SEEDS ?? 100)

test.skipIf(only === undefined)('the one seed asked for', async () => {
  await simulate(Number(only))
})

test.skipIf(only !== undefined)(
  `groups survive crashes and lost tails, ${seedCount} seeds`,
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

/** Bugs that the world must notice, each within a few seeds. */
const mutations: Record<string, Mutation> = {
  'answers at once, before the log is safe': {
    log: (log) =>
      new Proxy(log, {
        get(target, name) {
          if (name === 'highWatermark') return target.endOffset
          const value: unknown = Reflect.get(target, name)
          return typeof value === 'function' ? value.bind(target) : value
        },
      }),
  },
  'applies before it appends': {
    machine: (machine) =>
      wrap(machine, {
        decide(command, requestId, nowMs) {
          const decision = machine.decide(command, requestId, nowMs)
          for (const fact of decision.facts) machine.apply(fact, decision.producer)
          return decision
        },
      }),
  },
  'commits without looking at member and generation': {
    machine: (machine) =>
      wrap(machine, {
        decide(command, requestId, nowMs) {
          if (command.kind !== 'commit') return machine.decide(command, requestId, nowMs)
          const group = machine.group(command.request.groupId)
          const request = {
            ...command.request,
            memberId: group?.leaderId ?? '',
            groupInstanceId: null,
            generationIdOrMemberEpoch: group?.leaderId === null ? -1 : (group?.generationId ?? -1),
          }
          return machine.decide({ ...command, request }, requestId, nowMs)
        },
      }),
  },
  'forgets the aborts of transactions': {
    machine: (machine) =>
      wrap(machine, { completeTransaction: (producer) => machine.completeTransaction(producer, true) }),
  },
  'never ends a session': {
    machine: (machine) =>
      wrap(machine, {
        decide(command, requestId, nowMs) {
          const decision = machine.decide(command, requestId, nowMs)
          return { ...decision, timers: decision.timers.filter(({ key }) => !key.startsWith('s')) }
        },
        timersAfterReplay: () => [],
      }),
  },
  'never ends the join phase by time': {
    machine: (machine) =>
      wrap(machine, {
        decide(command, requestId, nowMs) {
          const decision = machine.decide(command, requestId, nowMs)
          return { ...decision, timers: decision.timers.filter(({ key }) => !key.startsWith('j')) }
        },
      }),
  },
  'loses the generation in a restart': {
    machine: (machine) =>
      wrap(machine, {
        apply(change, producer) {
          const isLost = change.kind === 'group' && change.value !== null && !seen.has(change)
          if (isLost)
            machine.apply({ ...change, value: { ...change.value, generationId: 0 } } as GroupFact, producer)
          else machine.apply(change, producer)
        },
        decide(command, requestId, nowMs) {
          const decision = machine.decide(command, requestId, nowMs)
          for (const fact of decision.facts) seen.add(fact)
          return decision
        },
      }),
  },
}

/** Facts that live traffic made; the others come from a replay. */
const seen = new WeakSet<object>()

function wrap(machine: GroupMachine, changed: Partial<GroupShardMachine>): GroupShardMachine {
  return {
    decide: (command, requestId, nowMs) => machine.decide(command, requestId, nowMs),
    apply: (change, producer) => machine.apply(change, producer),
    completeTransaction: (producer, committed) => machine.completeTransaction(producer, committed),
    expired: (key) => machine.expired(key),
    timersAfterReplay: () => machine.timersAfterReplay(),
    ...changed,
  }
}

test.each(Object.entries(mutations))('a coordinator that %s is caught', async (_, mutation) => {
  let caught = 0
  for (let seed = 1; seed <= 5; seed++) {
    await simulate(seed, newCounters(), mutation).catch(() => caught++)
  }
  expect(caught).toBeGreaterThan(0)
})
