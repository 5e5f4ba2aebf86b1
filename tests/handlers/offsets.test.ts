// Questions about places in a log, and the offsets that groups keep: each condition and Kafka's code for it.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorCodes, errorName } from '../../broker/protocol/errors.ts'
import { batch, DataWorld, fetch, produce, STRANGE_ID, TIME_MS, ZERO_ID } from './data-world.ts'

let world: DataWorld
let logId: string
/** Five batches of two records, half a second apart. */
beforeAll(async () => {
  world = await DataWorld.start({
    topics: {
      log: { partitions: 2 },
      empty: {},
      cut: {},
      compact: { config: { 'cleanup.policy': 'compact' } },
    },
  })
  for (let i = 0; i < 5; i++) {
    const timestampMs = TIME_MS + i * 1000
    await produce(world, batch([{ timestampMs }, { timestampMs: timestampMs + 500 }]), { topic: 'log' })
  }
  await produce(world, batch(10), { topic: 'cut' })
  await produce(world, batch(4), { topic: 'compact' })
  await world.ask('FindCoordinator', 4, { keyType: 0, coordinatorKeys: ['g'] })
  logId = await world.topicId('log')
})
afterAll(() => world[Symbol.asyncDispose]())

const LATEST = -1n
const EARLIEST = -2n
const MAX_TIMESTAMP = -3n

describe('ListOffsets', () => {
  const list = async (version: number, timestamp: bigint, rest: object = {}) => {
    const wanted = { partitionIndex: 0, timestamp, ...rest }
    const topics = [{ name: 'log', ...rest, partitions: [wanted] }]
    const answer = await world.ask('ListOffsets', version, { replicaId: -1, topics })
    return answer.topics[0]?.partitions[0]
  }

  test.each([1, 11])('at version %i finds the first record at or after a time', async (version) => {
    for (const [afterMs, offset] of [
      [-9999, 0n],
      [0, 0n],
      [1200, 3n],
      [1500, 3n],
      [4500, 9n],
    ] as const) {
      expect(await list(version, BigInt(TIME_MS + afterMs))).toMatchObject({ errorCode: 0, offset })
    }
    expect(await list(version, BigInt(TIME_MS + 4501))).toMatchObject({ offset: -1n, timestamp: -1n })
    expect(await list(version, LATEST)).toMatchObject({ errorCode: 0, offset: 10n, timestamp: -1n })
    expect(await list(version, EARLIEST)).toMatchObject({ errorCode: 0, offset: 0n, timestamp: -1n })
  })

  test('knows the special times from the version on that brought each', async () => {
    const known: [bigint, number, bigint][] = [
      [MAX_TIMESTAMP, 7, 9n],
      // Nothing is tiered: all of it is local, none of it uploaded or waiting to be.
      [-4n, 8, 0n],
      [-5n, 9, -1n],
      [-6n, 11, -1n],
    ]
    for (const [timestamp, since, offset] of known) {
      expect(await list(since, timestamp)).toMatchObject({ errorCode: 0, offset })
      expect((await list(since - 1, timestamp))?.errorCode).toBe(errorCodes.UNSUPPORTED_VERSION)
    }
    expect((await list(11, -7n))?.errorCode).toBe(errorCodes.UNSUPPORTED_VERSION)
  })

  test.each([
    ['an empty log has an end', { name: 'empty' }, 'NONE', 0n],
    ['a topic nobody has', { name: 'nope' }, 'UNKNOWN_TOPIC_OR_PARTITION', -1n],
    ['a partition nobody has', { partitionIndex: 5 }, 'UNKNOWN_TOPIC_OR_PARTITION', -1n],
    ['a leader epoch to come', { currentLeaderEpoch: 3 }, 'UNKNOWN_LEADER_EPOCH', -1n],
  ])('%s', async (_, rest, code, offset) => {
    const answer = await list(11, LATEST, rest)
    expect(errorName(answer?.errorCode ?? -1)).toBe(code)
    expect(answer?.offset).toBe(offset)
  })

  test('a partition that is asked for twice is refused', async () => {
    const partitions = [LATEST, EARLIEST].map((timestamp) => ({ partitionIndex: 0, timestamp }))
    const { topics } = await world.ask('ListOffsets', 11, {
      replicaId: -1,
      topics: [{ name: 'log', partitions }],
    })
    for (const { errorCode } of topics[0]?.partitions ?? [])
      expect(errorCode).toBe(errorCodes.INVALID_REQUEST)
  })
})

describe('OffsetForLeaderEpoch', () => {
  test.each([
    ['log', 0, -1, 'NONE', 10n],
    ['log', 9, -1, 'NONE', -1n],
    ['log', 0, 9, 'UNKNOWN_LEADER_EPOCH', -1n],
    ['nope', 0, -1, 'UNKNOWN_TOPIC_OR_PARTITION', -1n],
  ] as const)(
    '%s: epoch %i under %i: %s',
    async (topic, leaderEpoch, currentLeaderEpoch, code, endOffset) => {
      for (const version of [2, 4]) {
        const partitions = [{ partition: 0, leaderEpoch, currentLeaderEpoch }]
        const { topics } = await world.ask('OffsetForLeaderEpoch', version, {
          replicaId: -1,
          topics: [{ topic, partitions }],
        })
        const answer = topics[0]?.partitions[0]
        expect(errorName(answer?.errorCode ?? -1)).toBe(code)
        expect(answer?.endOffset).toBe(endOffset)
      }
    },
  )
})

describe('DeleteRecords', () => {
  const cut = async (name: string, offset: bigint, partitionIndex = 0) => {
    const topics = [{ name, partitions: [{ partitionIndex, offset }] }]
    return (await world.ask('DeleteRecords', 2, { topics, timeoutMs: 1000 })).topics[0]?.partitions[0]
  }

  test.each([
    ['cut', -5n, 'OFFSET_OUT_OF_RANGE'],
    ['cut', 11n, 'OFFSET_OUT_OF_RANGE'],
    ['nope', 1n, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['compact', 1n, 'POLICY_VIOLATION'],
    ['__consumer_offsets', 0n, 'INVALID_TOPIC_EXCEPTION'],
  ] as const)('%s before %i: %s', async (name, offset, code) => {
    const answer = await cut(name, offset)
    expect(errorName(answer?.errorCode ?? -1)).toBe(code)
    expect(answer?.lowWatermark).toBe(-1n)
  })

  test('moves the start, never back, and to the end on request', async () => {
    expect(await cut('cut', 4n)).toMatchObject({ errorCode: 0, lowWatermark: 4n })
    expect(await cut('cut', 2n)).toMatchObject({ errorCode: 0, lowWatermark: 4n })
    const [read] = await fetch(world, { topic: 'cut', partitions: [{ fetchOffset: 3n }] })
    expect(read?.errorCode).toBe(errorCodes.OFFSET_OUT_OF_RANGE)
    expect(await cut('cut', -1n)).toMatchObject({ errorCode: 0, lowWatermark: 10n })
  })
})

describe('offsets of a group', () => {
  const commit = (version: number, groupId: string, rest: object = {}) =>
    world.ask('OffsetCommit', version, {
      groupId,
      generationIdOrMemberEpoch: -1,
      memberId: '',
      topics: [
        { name: 'log', topicId: logId, partitions: [0, 1, 9] },
        { name: 'nope', topicId: STRANGE_ID, partitions: [0] },
      ].map(({ partitions, ...topic }) => ({
        ...topic,
        partitions: partitions.map((partitionIndex) => ({
          partitionIndex,
          committedOffset: 3n,
          committedMetadata: 'm',
        })),
      })),
      ...rest,
    })
  const codesOf = ({ topics }: Awaited<ReturnType<typeof commit>>) =>
    topics.map(({ partitions }) => partitions.map(({ errorCode }) => errorName(errorCode)))

  test.each([2, 9, 10])('version %i keeps those of partitions that there are', async (version) => {
    const unknownTopic = version < 10 ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'UNKNOWN_TOPIC_ID'
    expect(codesOf(await commit(version, `kept-${version}`))).toEqual([
      ['NONE', 'NONE', 'UNKNOWN_TOPIC_OR_PARTITION'],
      [unknownTopic],
    ])
    const { groups } = await world.ask('OffsetFetch', 8, {
      groups: [{ groupId: `kept-${version}`, topics: null }],
    })
    expect(groups[0]?.topics).toMatchObject([
      { name: 'log', partitions: [{ committedOffset: 3n, metadata: 'm' }, { committedOffset: 3n }] },
    ])
  })

  test.each([2, 10])(
    'version %i: what the group refuses, it refuses for every partition',
    async (version) => {
      const answer = await commit(version, 'nobody', { generationIdOrMemberEpoch: 4, memberId: 'someone' })
      // Versions without member ids of their own call a group that is not there a wrong generation.
      expect(codesOf(answer)[0]?.slice(0, 2)).toEqual(
        version < 9
          ? ['ILLEGAL_GENERATION', 'ILLEGAL_GENERATION']
          : ['GROUP_ID_NOT_FOUND', 'GROUP_ID_NOT_FOUND'],
      )
    },
  )

  test('a commit of nothing makes no group', async () => {
    await commit(9, 'shadow', { topics: [] })
    const { groups } = await world.ask('ListGroups', 4, {})
    expect(groups.map(({ groupId }) => groupId)).not.toContain('shadow')
  })

  test('are fetched by name and by id, -1 where there are none', async () => {
    await commit(9, 'asked')
    const named = await world.ask('OffsetFetch', 7, {
      groupId: 'asked',
      topics: [{ name: 'log', partitionIndexes: [0, 9] }],
      groups: [],
    })
    expect(named.topics[0]?.partitions.map(({ committedOffset }) => committedOffset)).toEqual([3n, -1n])
    const { groups } = await world.ask('OffsetFetch', 10, {
      groups: [
        {
          groupId: 'asked',
          topics: [
            { topicId: logId, partitionIndexes: [1] },
            { topicId: STRANGE_ID, partitionIndexes: [0] },
          ],
        },
        { groupId: 'never', topics: [{ topicId: logId, partitionIndexes: [0] }] },
      ],
    })
    expect(groups[0]?.topics).toMatchObject([
      { topicId: logId, partitions: [{ committedOffset: 3n, errorCode: 0 }] },
      { topicId: STRANGE_ID, partitions: [{ committedOffset: -1n, errorCode: errorCodes.UNKNOWN_TOPIC_ID }] },
    ])
    expect(groups[1]?.topics).toMatchObject([{ partitions: [{ committedOffset: -1n, errorCode: 0 }] }])
  })

  test('of a topic that was deleted are gone', async () => {
    await world.ask('CreateTopics', 7, {
      topics: [{ name: 'brief', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
      timeoutMs: 1000,
    })
    const partitions = [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: '' }]
    await commit(9, 'brief', { topics: [{ name: 'brief', topicId: ZERO_ID, partitions }] })
    await world.ask('DeleteTopics', 3, { topicNames: ['brief'], timeoutMs: 1000 })
    await expect
      .poll(async () => {
        const asked = { groups: [{ groupId: 'brief', topics: null }] }
        return (await world.ask('OffsetFetch', 8, asked)).groups[0]?.topics
      })
      .toEqual([])
  })

  test('are deleted but for those of partitions that are not there; of no group they are a refusal', async () => {
    await commit(9, 'forgetful')
    const topics = [{ name: 'log', partitions: [{ partitionIndex: 0 }, { partitionIndex: 9 }] }]
    const deleted = await world.ask('OffsetDelete', 0, { groupId: 'forgetful', topics })
    expect(deleted).toMatchObject({
      errorCode: 0,
      topics: [{ partitions: [{ errorCode: 0 }, { errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION }] }],
    })
    expect(await world.ask('OffsetDelete', 0, { groupId: 'nobody', topics })).toMatchObject({
      errorCode: errorCodes.GROUP_ID_NOT_FOUND,
      topics: [],
    })
  })
})

test('who asks is told what may be done with a group', async () => {
  const described = async (includeAuthorizedOperations: boolean): Promise<number | undefined> => {
    const answer = await world.ask('DescribeGroups', 6, { groups: ['g2'], includeAuthorizedOperations })
    return answer.groups[0]?.authorizedOperations
  }
  const partitions = [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: '' }]
  await world.ask('OffsetCommit', 9, {
    groupId: 'g2',
    generationIdOrMemberEpoch: -1,
    memberId: '',
    topics: [{ name: 'log', topicId: ZERO_ID, partitions }],
  })
  expect(await described(false)).toBe(-2147483648)
  // Read, delete, describe, and describe and alter its configs.
  expect(await described(true)).toBe((1 << 3) | (1 << 6) | (1 << 8) | (1 << 10) | (1 << 11))
})
