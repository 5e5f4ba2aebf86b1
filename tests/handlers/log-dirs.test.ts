// DescribeLogDirs and AlterReplicaLogDirs over a directory of three logs.

import { describe, expect, test } from 'vitest'
import { handleAlterReplicaLogDirs } from '../../broker/handlers/alter-replica-log-dirs.ts'
import { handleDescribeLogDirs } from '../../broker/handlers/describe-log-dirs.ts'
import type { LogDirectory } from '../../broker/handlers/log-directory.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'

const logs = [
  { topic: 'orders', partition: 0, sizeInBytes: 100 },
  { topic: 'orders', partition: 1, sizeInBytes: 0 },
  { topic: 'others', partition: 0, sizeInBytes: 7 },
]

const directoryWith = (more: Partial<LogDirectory> = {}): LogDirectory => ({
  path: '/data',
  isOffline: false,
  capacity: () => ({ totalBytes: 1000n, usableBytes: 600n }),
  logs: () => logs,
  placeOf: (topic, partition) =>
    logs.some((log) => log.topic === topic && log.partition === partition)
      ? errorCodes.NONE
      : errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  ...more,
})

describe('DescribeLogDirs', () => {
  test('null topics are all of them, with their sizes and the room that is left', () => {
    const answer = handleDescribeLogDirs({ topics: null }, { directory: directoryWith() })
    expect(answer.results).toEqual([
      {
        errorCode: 0,
        logDir: '/data',
        totalBytes: 1000n,
        usableBytes: 600n,
        topics: [
          {
            name: 'orders',
            partitions: [
              { partitionIndex: 0, partitionSize: 100n, offsetLag: 0n, isFutureKey: false },
              { partitionIndex: 1, partitionSize: 0n, offsetLag: 0n, isFutureKey: false },
            ],
          },
          {
            name: 'others',
            partitions: [{ partitionIndex: 0, partitionSize: 7n, offsetLag: 0n, isFutureKey: false }],
          },
        ],
      },
    ])
  })

  test('only what was asked for and is here; no topic at all is none', () => {
    const topics = [{ topic: 'orders', partitions: [1, 5] }]
    const named = handleDescribeLogDirs({ topics }, { directory: directoryWith() })
    expect(named.results[0]?.topics).toMatchObject([{ name: 'orders', partitions: [{ partitionIndex: 1 }] }])
    expect(handleDescribeLogDirs({ topics: [] }, { directory: directoryWith() }).results[0]?.topics).toEqual(
      [],
    )
  })

  test('a directory that has failed tells nothing but that', () => {
    const answer = handleDescribeLogDirs({ topics: null }, { directory: directoryWith({ isOffline: true }) })
    expect(answer.results).toEqual([
      { errorCode: errorCodes.KAFKA_STORAGE_ERROR, logDir: '/data', topics: [] },
    ])
  })
})

describe('AlterReplicaLogDirs', () => {
  const move = (path: string, name: string, partitions: number[], directory = directoryWith()) =>
    handleAlterReplicaLogDirs({ dirs: [{ path, topics: [{ name, partitions }] }] }, { directory }).results[0]
      ?.partitions

  test('to where it is succeeds', () => {
    expect(move('/data', 'orders', [0, 1])).toEqual([
      { partitionIndex: 0, errorCode: 0 },
      { partitionIndex: 1, errorCode: 0 },
    ])
  })

  test.each([
    ['another directory', '/other', 'orders', errorCodes.LOG_DIR_NOT_FOUND],
    ['an unknown topic', '/data', 'nope', errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
    [
      'a topic whose folder has no room for a suffix',
      '/data',
      'x'.repeat(214),
      errorCodes.INVALID_TOPIC_EXCEPTION,
    ],
  ])('%s', (_, path, name, errorCode) => {
    expect(move(path, name, [0])).toEqual([{ partitionIndex: 0, errorCode }])
  })

  test('a directory that has failed', () => {
    const directory = directoryWith({ isOffline: true })
    expect(move('/data', 'orders', [0], directory)).toEqual([
      { partitionIndex: 0, errorCode: errorCodes.KAFKA_STORAGE_ERROR },
    ])
  })

  test('a partition that is named twice goes to the last of its directories', () => {
    const topics = [{ name: 'orders', partitions: [0] }]
    const answer = handleAlterReplicaLogDirs(
      {
        dirs: [
          { path: '/other', topics },
          { path: '/data', topics },
        ],
      },
      { directory: directoryWith() },
    )
    expect(answer.results).toEqual([
      { topicName: 'orders', partitions: [{ partitionIndex: 0, errorCode: 0 }] },
    ])
  })
})
