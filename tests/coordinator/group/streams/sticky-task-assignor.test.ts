// The assignor against what it promises, over random groups and their histories: every task active once, fair
// shares, standbys apart from their active task, and as little moved as that allows.

import { describe, expect, test } from 'vitest'
import {
  type AssignableMember,
  type AssignableSubtopology,
  assignTasks,
} from '../../../../broker/coordinator/group/streams/sticky-task-assignor.ts'
import { eachTask, NO_TASKS, type Tasks } from '../../../../broker/coordinator/group/streams/tasks.ts'
import { Random, seeds } from '../../../world/random.ts'

interface Group {
  processOf: Map<string, string>
  subtopologies: AssignableSubtopology[]
  standbyReplicas: number
  target: Map<string, Tasks>
}

function assign(group: Group): void {
  group.target = assignTasks(membersOf(group), group.subtopologies, group.standbyReplicas)
}

function membersOf({ processOf, target }: Group): AssignableMember[] {
  return [...processOf].map(([memberId, processId]) => ({
    memberId,
    processId,
    previous: target.get(memberId) ?? NO_TASKS,
  }))
}

const named = (tasks: Iterable<[string, number]>): string[] =>
  [...tasks].map(([subtopologyId, partition]) => `${subtopologyId}_${partition}`)
const activeOf = (tasks: Tasks | undefined): string[] => named(eachTask((tasks ?? NO_TASKS).active))
const standbyOf = (tasks: Tasks | undefined): string[] => named(eachTask((tasks ?? NO_TASKS).standby))
const tasksOf = (subtopologies: readonly AssignableSubtopology[]): string[] =>
  subtopologies.flatMap(({ subtopologyId, taskCount }) =>
    Array.from({ length: taskCount }, (_, partition) => `${subtopologyId}_${partition}`),
  )

function randomGroup(random: Random): Group {
  const group: Group = {
    processOf: new Map(),
    subtopologies: Array.from({ length: random.between(1, 4) }, (_, i) => ({
      subtopologyId: String(i),
      taskCount: random.between(1, 12),
      isStateful: random.chance(0.6),
    })),
    standbyReplicas: random.below(3),
    target: new Map(),
  }
  for (let i = random.between(1, 8); i > 0; i--) join(group, random)
  return group
}

let made = 0
function join({ processOf }: Group, random: Random): void {
  processOf.set(`member-${++made}`, `process-${random.below(5)}`)
}

function checkPromises(group: Group): void {
  const { processOf, subtopologies, standbyReplicas, target } = group
  expect([...target.keys()].sort()).toEqual([...processOf.keys()].sort())
  // Every task is active exactly once.
  expect([...target.values()].flatMap(activeOf).sort()).toEqual(tasksOf(subtopologies).sort())
  // Nobody runs more than a fair share, rounded up.
  const counts = [...target.values()].map((tasks) => activeOf(tasks).length)
  expect(Math.max(...counts)).toBeLessThanOrEqual(Math.ceil(tasksOf(subtopologies).length / counts.length))
  // In a process a task is there once at most, active or standby; as many processes as asked have it.
  const byProcess = new Map<string, string[]>()
  for (const [memberId, tasks] of target) {
    const process = processOf.get(memberId) as string
    const held = byProcess.get(process) ?? []
    byProcess.set(process, [...held, ...activeOf(tasks), ...standbyOf(tasks)])
  }
  for (const [process, held] of byProcess) expect(new Set(held).size, process).toBe(held.length)
  const copies = Math.min(standbyReplicas, byProcess.size - 1)
  const expected = tasksOf(subtopologies.filter(({ isStateful }) => isStateful)).flatMap((task) =>
    Array.from({ length: copies }, () => task),
  )
  expect([...target.values()].flatMap(standbyOf).sort()).toEqual(expected.sort())
}

describe('the sticky task assignor', () => {
  test.each(seeds(1, 150))('keeps its promises through joins, leaves and growing topics, seed %i', (seed) => {
    const random = new Random(seed)
    const group = randomGroup(random)
    for (let step = 0; step < 8; step++) {
      assign(group)
      checkPromises(group)
      const dice = random.below(4)
      if (dice === 0) join(group, random)
      else if (dice === 1 && group.processOf.size > 1)
        group.processOf.delete(random.pick([...group.processOf.keys()]))
      else if (dice === 2) {
        const grown = random.pick(group.subtopologies)
        group.subtopologies = group.subtopologies.map((subtopology) =>
          subtopology === grown
            ? { ...grown, taskCount: grown.taskCount + random.between(1, 4) }
            : subtopology,
        )
      } else group.standbyReplicas = random.below(3)
    }
  })

  test.each(seeds(1, 60))('moves no active task when nothing changed, seed %i', (seed) => {
    const group = randomGroup(new Random(seed))
    assign(group)
    const before = [...group.target].map(([memberId, tasks]) => [memberId, activeOf(tasks).sort()])
    assign(group)
    expect([...group.target].map(([memberId, tasks]) => [memberId, activeOf(tasks).sort()])).toEqual(before)
  })

  test.each(seeds(1, 60))('who stays keeps what it ran when another leaves, seed %i', (seed) => {
    const random = new Random(seed)
    const group = randomGroup(random)
    join(group, random)
    assign(group)
    const before = new Map(group.target)
    group.processOf.delete(random.pick([...group.processOf.keys()]))
    assign(group)
    for (const [memberId, tasks] of group.target)
      expect(activeOf(tasks), memberId).toEqual(expect.arrayContaining(activeOf(before.get(memberId))))
  })

  test.each(seeds(1, 60))(
    'a newcomer takes from those who had most: nobody runs more than before, seed %i',
    (seed) => {
      const random = new Random(seed)
      const group = randomGroup(random)
      assign(group)
      const before = new Map(group.target)
      join(group, random)
      assign(group)
      for (const [memberId, was] of before) {
        const isNow = activeOf(group.target.get(memberId))
        expect(isNow.length, memberId).toBeLessThanOrEqual(activeOf(was).length)
      }
    },
  )

  test('a task goes where its state is kept when its member is gone', () => {
    const group: Group = {
      processOf: new Map([
        ['a', 'one'],
        ['b', 'two'],
        ['c', 'three'],
      ]),
      subtopologies: [{ subtopologyId: '0', taskCount: 3, isStateful: true }],
      standbyReplicas: 1,
      target: new Map(),
    }
    assign(group)
    const [lost = ''] = activeOf(group.target.get('a'))
    const keeper = [...group.target].find(([, tasks]) => standbyOf(tasks).includes(lost))?.[0] ?? ''
    group.processOf.delete('a')
    assign(group)
    expect(activeOf(group.target.get(keeper))).toContain(lost)
  })

  test('the same group gets the same target, in whatever order its members are told', () => {
    const group = randomGroup(new Random(3))
    const told = membersOf(group)
    const target = (members: AssignableMember[]) =>
      [...assignTasks(members, group.subtopologies, 1)]
        .map(([memberId, tasks]) => [memberId, activeOf(tasks), standbyOf(tasks)])
        .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
    expect(target([...told].reverse())).toEqual(target(told))
  })
})
