// Commits for partitions that come and go while they are written.

import { expect, test } from 'vitest'
import { forExisting } from '../../broker/handlers/existing-partitions.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'

test('a partition that comes into being while others are committed is refused as it was found', async () => {
  const there = new Set([0])
  const check = (_topic: unknown, partition: number) =>
    there.has(partition) ? errorCodes.NONE : errorCodes.UNKNOWN_TOPIC_OR_PARTITION
  const topics = [{ name: 'a', partitions: [{ partitionIndex: 0 }, { partitionIndex: 1 }] }]
  const answers = await forExisting(topics, check, async (existing) => {
    there.add(1)
    return existing.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: errorCodes.NONE })),
    }))
  })
  expect(answers[0]?.partitions).toEqual([
    { partitionIndex: 0, errorCode: errorCodes.NONE },
    { partitionIndex: 1, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION },
  ])
})
