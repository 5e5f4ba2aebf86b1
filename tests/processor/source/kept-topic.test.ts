// Topics of receivers: no two streams, of one job or of two, have the same.

import { expect, test } from 'vitest'
import { keptTopicOf } from '../../../processor/source/kept-topic.ts'

test('plain names stand in it as they are', () => {
  expect(keptTopicOf('job', 'orders')).toBe('logmill-receiver-job-orders')
  expect(keptTopicOf('job_1', 'orders-eu')).toBe('logmill-receiver-job_1-orders-eu')
})

test('what could be said of others has a hash of both names', () => {
  const topic = /^logmill-receiver-[\w-]+-[0-9a-f]{12}$/
  const names = [
    ['a b', 'c'],
    ['a_b', 'c'],
    ['a.b', 'c'],
    ['a/b', 'c'],
    ['a-b', 'c'],
    ['a', 'b-c'],
    ['a', 'b c'],
    ['a', 'b.c'],
    ['a-b', 'c d'],
    ['a', 'b-c d'],
  ] as const
  const topics = names.map(([app, stream]) => keptTopicOf(app, stream))
  // As Kafka compares topics: a dot is as good as an underscore.
  expect(new Set(topics.map((name) => name.replaceAll('.', '_'))).size).toBe(names.length)
  expect(keptTopicOf('a-b', 'c')).toMatch(topic)
  expect(keptTopicOf('größer', 'ß')).toMatch(topic)
  // It is found again after a restart.
  expect(keptTopicOf('a b', 'c')).toBe(keptTopicOf('a b', 'c'))
})
