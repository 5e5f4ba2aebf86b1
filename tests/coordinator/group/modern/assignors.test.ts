// The assignors by their definitions, over seeded random groups: valid, balanced, sticky. Groups evolve, as
// they do in life: every step begins with the assignment of the last one.

import { expect, test } from 'vitest'
import {
  type AssignableGroup,
  type AssignableMember,
  type Assignment,
  NOTHING,
} from '../../../../broker/coordinator/group/modern/assignor/assignment.ts'
import { assignRange } from '../../../../broker/coordinator/group/modern/assignor/range.ts'
import { assignUniform } from '../../../../broker/coordinator/group/modern/assignor/uniform.ts'
import { Random } from '../../../world/random.ts'

const SEEDS = 60

interface World {
  topics: Map<string, number>
  members: Map<string, AssignableMember>
}

function groupOf({ topics, members }: World): AssignableGroup {
  return { members, partitionCount: (topicId) => topics.get(topicId) as number }
}

const sizeOf = (assignment: Assignment): number =>
  [...assignment.values()].reduce((sum, { size }) => sum + size, 0)

function partitionsOf(assignment: Assignment): string[] {
  return [...assignment].flatMap(([topicId, partitions]) => [...partitions].map((p) => `${topicId}-${p}`))
}

function expectValid({ topics, members }: World, assignments: Map<string, Assignment>): void {
  expect([...assignments.keys()].sort()).toEqual([...members.keys()].sort())
  const subscribed = new Set([...members.values()].flatMap(({ topicIds }) => [...topicIds]))
  const all = [...subscribed].flatMap((topicId) =>
    Array.from({ length: topics.get(topicId) as number }, (_, p) => `${topicId}-${p}`),
  )
  expect([...assignments.values()].flatMap(partitionsOf).sort()).toEqual(all.sort())
  for (const [memberId, assignment] of assignments) {
    for (const topicId of assignment.keys())
      expect(members.get(memberId)?.topicIds.has(topicId), `${memberId} subscribes to ${topicId}`).toBe(true)
  }
}

function expectBalanced({ members }: World, assignments: Map<string, Assignment>): void {
  for (const [rich, ofRich] of assignments) {
    for (const [poor, ofPoor] of assignments) {
      if (sizeOf(ofRich) - sizeOf(ofPoor) < 2) continue
      const wanted = [...ofRich.keys()].filter((topicId) => members.get(poor)?.topicIds.has(topicId))
      expect(wanted, `${poor} (${sizeOf(ofPoor)}) wants of ${rich} (${sizeOf(ofRich)})`).toEqual([])
    }
  }
}

/** One random change: a member comes, goes or subscribes anew, a topic comes or grows. */
function change(world: World, random: Random, homogeneous: boolean): void {
  const { topics, members } = world
  const pick = (): Set<string> =>
    new Set(homogeneous ? topics.keys() : [...topics.keys()].filter(() => random.below(2) === 0))
  const what = random.below(5)
  const ids = [...members.keys()]
  if (what === 0 && ids.length > 1) members.delete(ids[random.below(ids.length)] as string)
  else if (what === 1) topics.set(`t${topics.size}`, random.below(12))
  else if (what === 2) {
    const topicId = [...topics.keys()][random.below(topics.size)] as string
    topics.set(topicId, (topics.get(topicId) as number) + 1 + random.below(4))
  } else if (what === 3 && ids.length > 0) {
    const memberId = ids[random.below(ids.length)] as string
    members.set(memberId, { ...(members.get(memberId) as AssignableMember), topicIds: pick() })
  } else members.set(`m${random.below(1_000)}`, { instanceId: null, topicIds: pick(), assigned: NOTHING })
  if (homogeneous) for (const [id, member] of members) members.set(id, { ...member, topicIds: pick() })
}

function evolve(
  seed: number,
  homogeneous: boolean,
  step: (world: World, assignments: Map<string, Assignment>) => void,
) {
  const random = new Random(seed)
  const world: World = { topics: new Map([['t0', 6]]), members: new Map() }
  for (let i = 0; i < 12; i++) {
    change(world, random, homogeneous)
    const assignments = assignUniform(groupOf(world))
    step(world, assignments)
    for (const [memberId, member] of world.members)
      world.members.set(memberId, { ...member, assigned: assignments.get(memberId) ?? NOTHING })
  }
}

test.each([true, false])('uniform is valid, balanced and sticky (all subscribe alike: %s)', (homogeneous) => {
  let kept = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      evolve(seed, homogeneous, (world, assignments) => {
        expectValid(world, assignments)
        expectBalanced(world, assignments)
        // What is balanced already stays as it is.
        const members = new Map(
          [...world.members].map(([id, member]) => [
            id,
            { ...member, assigned: assignments.get(id) ?? NOTHING },
          ]),
        )
        expect(assignUniform(groupOf({ ...world, members }))).toEqual(assignments)
        kept++
      })
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
    }
  }
  expect(kept).toBe(SEEDS * 12)
})

const member = (
  topicIds: string[],
  assigned: Record<string, number[]> = {},
  instanceId: string | null = null,
): AssignableMember => ({
  instanceId,
  topicIds: new Set(topicIds),
  assigned: new Map(Object.entries(assigned).map(([id, partitions]) => [id, new Set(partitions)])),
})

test('uniform: the fewest partitions move when a member comes', () => {
  const members = new Map([
    ['a', member(['t'], { t: [0, 1, 2] })],
    ['b', member(['t'], { t: [3, 4, 5] })],
    ['c', member(['t'])],
  ])
  const assignments = assignUniform(groupOf({ topics: new Map([['t', 6]]), members }))
  expect([...assignments].map(([id, assignment]) => [id, partitionsOf(assignment)])).toEqual([
    ['a', ['t-0', 't-1']],
    ['b', ['t-3', 't-4']],
    ['c', ['t-2', 't-5']],
  ])
})

test('uniform: who has one more than the others keeps it', () => {
  const members = new Map([
    ['a', member(['t'], { t: [0] })],
    ['b', member(['t'], { t: [1, 2] })],
  ])
  const assignments = assignUniform(groupOf({ topics: new Map([['t', 3]]), members }))
  expect(partitionsOf(assignments.get('b') as Assignment)).toEqual(['t-1', 't-2'])
})

test('range: runs of partitions, the first members one more; static members first', () => {
  const members = new Map([
    ['a', member(['t', 'u'])],
    ['b', member(['t'])],
    ['z', member(['t', 'u'], {}, 'first')],
  ])
  const world = {
    topics: new Map([
      ['t', 7],
      ['u', 2],
    ]),
    members,
  }
  const assignments = assignRange(groupOf(world))
  expectValid(world, assignments)
  expect(partitionsOf(assignments.get('z') as Assignment)).toEqual(['t-0', 't-1', 't-2', 'u-0'])
  expect(partitionsOf(assignments.get('a') as Assignment)).toEqual(['t-3', 't-4', 'u-1'])
  expect(partitionsOf(assignments.get('b') as Assignment)).toEqual(['t-5', 't-6'])
})

test('range is valid whoever subscribes to what', () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    evolve(seed, false, (world) => expectValid(world, assignRange(groupOf(world))))
  }
})
