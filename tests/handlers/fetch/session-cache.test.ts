// Who has a fetch session and who makes way for it: Kafka's rules, case by case.

import { expect, test } from 'vitest'
import { EVICTION_MS, SessionCache } from '../../../broker/handlers/fetch/session-cache.ts'
import type { AnsweredPartition, FetchSession } from '../../../broker/handlers/fetch/session.ts'

const ZERO = '0'.repeat(32)

function answered(count: number, topic = 't'): AnsweredPartition[] {
  return Array.from({ length: count }, (_, partition) => ({
    wanted: {
      key: `${partition}:${topic}`,
      topic,
      topicId: ZERO,
      partition,
      fetchOffset: 0n,
      partitionMaxBytes: 100,
      currentLeaderEpoch: -1,
      lastFetchedEpoch: -1,
    },
    answer: { partitionIndex: partition, errorCode: 0, highWatermark: 1n, logStartOffset: 0n, records: null },
  }))
}

function cacheOf(slots: number, maxBytes?: number) {
  let ids = 0
  const random = (bound: number): number => ids++ % bound
  const cache = new SessionCache(maxBytes === undefined ? { slots, random } : { slots, random, maxBytes })
  const open = (count: number, nowMs: number, isPrivileged = false): FetchSession | undefined =>
    cache.create(answered(count), isPrivileged, false, nowMs)
  return { cache, open }
}

const LATE = EVICTION_MS + 1

test.each([
  // there: partitions, a follower's?, used last at; new: partitions, a follower's?, at
  ['who is new and as large stays', { size: 5 }, { size: 5, nowMs: 10 }, false],
  ['who is new stays, though smaller', { size: 1 }, { size: 9, nowMs: 10 }, false],
  ['who was not used for two minutes goes, though larger', { size: 9 }, { size: 1, nowMs: LATE }, true],
  ['two minutes to the millisecond are not enough', { size: 9 }, { size: 1, nowMs: EVICTION_MS }, false],
  [
    'who is old and in use goes for a larger one',
    { size: 3, usedMs: LATE },
    { size: 4, nowMs: LATE + 1 },
    true,
  ],
  ['not for one as large', { size: 3, usedMs: LATE }, { size: 3, nowMs: LATE + 1 }, false],
  ['a consumer goes for a follower at once', { size: 9 }, { size: 1, nowMs: 10, isFollower: true }, true],
  ['a follower does not', { size: 1, isFollower: true }, { size: 9, nowMs: 10, isFollower: true }, false],
  [
    'an old follower stays for a consumer',
    { size: 1, isFollower: true, usedMs: LATE },
    { size: 9, nowMs: LATE + 1 },
    false,
  ],
  [
    'an old follower goes for a larger one',
    { size: 1, isFollower: true, usedMs: LATE },
    { size: 9, nowMs: LATE + 1, isFollower: true },
    true,
  ],
] as const)('%s', (_, there, coming, makesWay) => {
  const { cache, open } = cacheOf(1)
  const { isFollower, usedMs } = { isFollower: false, usedMs: undefined, ...there }
  const first = open(there.size, 0, isFollower)
  if (first === undefined) throw new Error('an empty cache has room')
  if (usedMs !== undefined) cache.touch(first, usedMs)
  const second = open(coming.size, coming.nowMs, 'isFollower' in coming)
  expect(second !== undefined).toBe(makesWay)
  expect(cache.get(first.id) === undefined).toBe(makesWay)
  expect(cache.size).toBe(1)
})

test('of those that may go, the smallest consumer goes', () => {
  const { cache, open } = cacheOf(4)
  const all = [open(7, 0), open(3, 0), open(5, 0), open(1, 0, true)].map((each) => each as FetchSession)
  for (const each of all) cache.touch(each, LATE)
  expect(open(6, LATE)).toBeDefined()
  expect(all.map(({ id }) => cache.get(id) !== undefined)).toEqual([true, false, true, true])
})

test('without slots there are no sessions', () => {
  expect(cacheOf(0).open(1, 0)).toBeUndefined()
})

test('sessions are bounded in bytes, and one that outgrows the bound is gone', () => {
  const { cache, open } = cacheOf(100, 10_000)
  const sessions = Array.from({ length: 100 }, () => open(5, 0)).filter((each) => each !== undefined)
  expect(sessions.length).toBeGreaterThan(2)
  expect(sessions.length).toBeLessThan(8)
  expect(cache.sizeInBytes).toBeLessThanOrEqual(10_000)
  const [grown] = sessions
  if (grown === undefined) throw new Error('there is a session')
  for (const { wanted } of answered(20, 'other')) grown.want(wanted)
  expect(cache.touch(grown, 1)).toBe(false)
  expect(cache.get(grown.id)).toBeUndefined()
  for (const { id } of sessions) cache.remove(id)
  expect(cache.sizeInBytes).toBe(0)
})
