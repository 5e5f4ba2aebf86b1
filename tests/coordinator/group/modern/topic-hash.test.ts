// The hash of topics against what Kafka's own library gives (hash4j 0.22.0 under Java 17: `Hashing.xxh3_64()` over
// bytes i * 31 + 7, and over the stream that Kafka 4.3.1's Utils.computeTopicHash writes).

import { expect, test } from 'vitest'
import { TopicHashes, topicHash } from '../../../../broker/coordinator/group/modern/topic-hash.ts'
import { xxh3 } from '../../../../broker/coordinator/group/modern/xxh3.ts'
import { topicsOf } from '../../../world/group-ports.ts'

test.each([
  [0, 3244421341483603138n],
  [1, 5502495245947142431n],
  [2, -6349423698422726873n],
  [3, 1582743943441612892n],
  [4, -2549016526957988167n],
  [7, 8458189580353027099n],
  [8, -2394039629164210130n],
  [9, -3754995788605292611n],
  [12, 5092156298037866404n],
  [16, 9099606716676871632n],
  [17, 2345212530088924167n],
  [32, 278953543771952198n],
  [33, 1844846513307983686n],
  [64, -2508381663727503547n],
  [65, -381843323958800864n],
  [96, -3295001992457868926n],
  [97, 6981672134384256435n],
  [128, -492175581222641016n],
  [129, -506823097681485574n],
  [200, 1368452603177808973n],
  [240, -3690920546649497853n],
  [241, 809349449570470400n],
  [255, -8533440102264939110n],
  [256, -1403514104434996620n],
  [320, 8349400071043498227n],
  [1024, 2575082683865311686n],
  [1025, -4566685497618039422n],
  [2048, 1870957339171033971n],
  [3000, 7977200675703330694n],
  [5001, 4650020950240549513n],
])('XXH3 of %i bytes', (length, hash) => {
  expect(xxh3(Buffer.from(Array.from({ length }, (_, i) => (i * 31 + 7) & 255)))).toBe(hash)
})

test('a topic with racks', () => {
  const topic = {
    name: 'orders-\u00e9',
    topicId: '0123456789abcdeffedcba9876543210',
    partitionCount: 3,
    racks: () => ['rack-b', 'a'],
  }
  expect(topicHash(topic)).toBe(2836640232247132746n)
})

test('a group: in the order of names, without topics that do not exist', () => {
  const hashes = new TopicHashes()
  const topics = topicsOf({ orders: 3, bills: 1 })
  expect(hashes.ofGroup(['lost'], topics)).toBe(0n)
  const both = hashes.ofGroup(['orders', 'bills', 'lost'], topics)
  expect(both).toBe(hashes.ofGroup(['bills', 'orders'], topics))
  expect(both).not.toBe(hashes.ofGroup(['orders'], topics))
})

test('more partitions, or the name with another id, give another hash', () => {
  const hashes = new TopicHashes()
  const before = hashes.ofGroup(['orders'], topicsOf({ orders: 3 }))
  expect(hashes.ofGroup(['orders'], topicsOf({ orders: 4 }))).not.toBe(before)
  expect(hashes.ofGroup(['orders'], topicsOf({ other: 1, orders: 3 }))).not.toBe(before)
})
