// The simple assignor: even, sticky, and only what may be given.

import { expect, test } from 'vitest'
import {
  assignSimply,
  type ShareSubscriber,
} from '../../../../broker/coordinator/group/share/simple-assignor.ts'
import { Random } from '../../../world/random.ts'

const topic = (partitions: number): ReadonlySet<number> =>
  new Set(Array.from({ length: partitions }, (_, index) => index))
const member = (topicIds: string[], assigned: [string, number[]][] = []): ShareSubscriber => ({
  topicIds: new Set(topicIds),
  assigned: new Map(assigned.map(([topicId, partitions]) => [topicId, new Set(partitions)])),
})
const told = (assignment: ReturnType<typeof assignSimply>): Record<string, string> =>
  Object.fromEntries(
    [...assignment].map(([memberId, topics]) => [
      memberId,
      [...topics]
        .map(([topicId, partitions]) => `${topicId}:${[...partitions].sort((a, b) => a - b)}`)
        .join(' '),
    ]),
  )

test('fewer members than partitions have several each, more share them', () => {
  const few = new Map([
    ['a', member(['t'])],
    ['b', member(['t'])],
  ])
  expect(told(assignSimply(few, new Map([['t', topic(4)]])))).toEqual({ a: 't:0,2', b: 't:1,3' })
  const many = new Map(['a', 'b', 'c', 'd'].map((id) => [id, member(['t'])]))
  expect(told(assignSimply(many, new Map([['t', topic(2)]])))).toEqual({
    a: 't:0',
    b: 't:0',
    c: 't:1',
    d: 't:1',
  })
})

test('who has a partition keeps it, where that is even too', () => {
  const members = new Map([
    ['a', member(['t'], [['t', [3, 2, 1]]])],
    ['b', member(['t'])],
  ])
  expect(told(assignSimply(members, new Map([['t', topic(4)]])))).toEqual({ a: 't:1,2', b: 't:0,3' })
})

test('members have only what they subscribe to, and what may be given', () => {
  const members = new Map([
    ['a', member(['t', 'u'])],
    ['b', member(['u'], [['t', [0]]])],
  ])
  const assignment = told(
    assignSimply(
      members,
      new Map([
        ['t', topic(1)],
        ['u', topic(2)],
      ]),
    ),
  )
  expect(assignment).toEqual({ a: 't:0 u:0', b: 'u:1' })
  expect(told(assignSimply(members, new Map()))).toEqual({ a: '', b: '' })
})

test('every partition is with somebody, and nobody has much more than another, 200 seeds', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed)
    const partitions = random.between(1, 9)
    let members = new Map<string, ShareSubscriber>()
    for (let round = 0; round < 4; round++) {
      for (let i = random.between(1, 3); i > 0; i--) members.set(`m${random.below(12)}`, member(['t']))
      const assignment = assignSimply(members, new Map([['t', topic(partitions)]]))
      const sizes = [...assignment.values()].map((topics) => topics.get('t')?.size ?? 0)
      const sharing = Math.ceil(members.size / partitions)
      const covered = new Set([...assignment.values()].flatMap((topics) => [...(topics.get('t') ?? [])]))
      expect(covered.size, `seed ${seed}`).toBe(partitions)
      expect(Math.max(...sizes), `seed ${seed}`).toBeLessThanOrEqual(
        Math.ceil((sharing * partitions) / members.size),
      )
      members = new Map([...assignment].map(([id, assigned]) => [id, { topicIds: new Set(['t']), assigned }]))
    }
  }
})

test('with different subscriptions every partition is with somebody who wants it, and what is fair stays, 200 seeds', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed)
    const assignable = new Map(['t', 'u', 'v'].map((id) => [id, topic(random.between(1, 5))]))
    const wishes = new Map<string, string[]>()
    for (let i = random.between(2, 8); i > 0; i--)
      wishes.set(
        `m${i}`,
        [...assignable.keys()].filter(() => random.below(3) > 0),
      )
    let held = new Map([...wishes].map(([id, topicIds]) => [id, member(topicIds)]))
    let before = ''
    for (let round = 0; round < 2; round++) {
      const assignment = assignSimply(held, assignable)
      for (const [topicId, partitions] of assignable) {
        const sharers = [...wishes].filter(([, topicIds]) => topicIds.includes(topicId)).map(([id]) => id)
        const sizes = sharers.map((id) => assignment.get(id)?.get(topicId)?.size ?? 0)
        const given = new Set(sharers.flatMap((id) => [...(assignment.get(id)?.get(topicId) ?? [])]))
        const where = `seed ${seed}, topic ${topicId}`
        expect(given.size, where).toBe(sharers.length === 0 ? 0 : partitions.size)
        expect(Math.max(0, ...sizes) - Math.min(...sizes, Infinity), where).toBeLessThanOrEqual(1)
        for (const [id, topics] of assignment)
          if (!sharers.includes(id)) expect(topics.has(topicId), where).toBe(false)
      }
      // Nothing has changed: nobody is given anything else.
      if (round === 1) expect(JSON.stringify(told(assignment)), `seed ${seed}`).toBe(before)
      before = JSON.stringify(told(assignment))
      held = new Map(
        [...assignment].map(([id, assigned]) => [id, { topicIds: new Set(wishes.get(id)), assigned }]),
      )
    }
  }
})
