// CreateTopics and CreatePartitions as tables: what is asked, and Kafka's code and text for it. Codes and
// texts were read off a Kafka 4.3.1 node where they can be had from one.

import { beforeEach, describe, expect, test } from 'vitest'
import type { NewTopic } from '../../broker/controller/commands.ts'
import type { ControllerSettings } from '../../broker/controller/plan-context.ts'
import { MemoryQuorum } from './memory-quorum.ts'
import { join, NO_ID, startController, topic, type World } from './world.ts'

let world: World

beforeEach(async () => {
  world = await startController()
  await join(world.controller, 1)
})

async function create(topics: NewTopic[], validateOnly = false) {
  return world.controller.submit({ type: 'createTopics', topics, validateOnly })
}

describe('a topic is refused', () => {
  test.each<[string, NewTopic, number, string]>([
    ['an empty name', topic(''), 17, 'Topic name is invalid: the empty string is not allowed'],
    ['a dot', topic('.'), 17, "Topic name is invalid: '.' is not allowed"],
    ['two dots', topic('..'), 17, "Topic name is invalid: '..' is not allowed"],
    [
      'a space',
      topic('a b'),
      17,
      "Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
    ],
    ['an umlaut', topic('ä'), 17, "Topic name is invalid: 'ä' contains"],
    ['250 letters', topic('x'.repeat(250)), 17, 'is longer than the max allowed length 249'],
    [
      'the metadata log',
      topic('__cluster_metadata'),
      42,
      'Creation of internal topic __cluster_metadata is prohibited.',
    ],
    [
      'no partitions',
      topic('t', { numPartitions: 0 }),
      37,
      'Number of partitions was set to an invalid non-positive value.',
    ],
    [
      '-2 partitions',
      topic('t', { numPartitions: -2 }),
      37,
      'Number of partitions was set to an invalid non-positive value.',
    ],
    [
      'no replicas',
      topic('t', { replicationFactor: 0 }),
      38,
      'Replication factor must be larger than 0, or -1 to use the default value.',
    ],
    [
      'more replicas than brokers',
      topic('t', { replicationFactor: 3 }),
      38,
      'Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 1 broker(s) are registered.',
    ],
    [
      'both, replicas first',
      topic('t', { numPartitions: 0, replicationFactor: 0 }),
      38,
      'Replication factor',
    ],
    [
      'too many partitions',
      topic('t', { numPartitions: 51 }),
      44,
      'Excessively large number of partitions per request.',
    ],
    ['two thousand million partitions', topic('t', { numPartitions: 2147483647 }), 44, 'Excessively large'],
    [
      'a hand-made replica nowhere',
      topic('t', { assignments: [{ partitionIndex: 0, brokerIds: [7] }] }),
      39,
      'The manual partition assignment includes broker 7, but no such broker is registered.',
    ],
    [
      'a hand-made gap',
      topic('t', { assignments: [{ partitionIndex: 1, brokerIds: [1] }] }),
      39,
      'partitions should be a consecutive 0-based integer sequence',
    ],
    [
      'a broker twice',
      topic('t', { assignments: [{ partitionIndex: 0, brokerIds: [1, 1] }] }),
      39,
      'The manual partition assignment includes the broker 1 more than once.',
    ],
    [
      'an empty replica list',
      topic('t', { assignments: [{ partitionIndex: 0, brokerIds: [] }] }),
      39,
      'The manual partition assignment includes an empty replica list.',
    ],
    [
      'a partition twice',
      topic('t', {
        assignments: [
          { partitionIndex: 0, brokerIds: [1] },
          { partitionIndex: 0, brokerIds: [1] },
        ],
      }),
      39,
      'Found multiple manual partition assignments for partition 0',
    ],
    [
      'by hand with a count',
      topic('t', { numPartitions: 1, assignments: [{ partitionIndex: 0, brokerIds: [1] }] }),
      42,
      'A manual partition assignment was specified, but numPartitions was not set to -1.',
    ],
    [
      'by hand with a factor',
      topic('t', { replicationFactor: 1, assignments: [{ partitionIndex: 0, brokerIds: [1] }] }),
      42,
      'A manual partition assignment was specified, but replication factor was not set to -1.',
    ],
    [
      'an unknown setting',
      topic('t', { configs: [{ name: 'nope', value: '1' }] }),
      40,
      'Unknown topic config name: nope',
    ],
    [
      'no number',
      topic('t', { configs: [{ name: 'retention.ms', value: 'abc' }] }),
      40,
      'Invalid value abc for configuration retention.ms: Not a number of type LONG',
    ],
    [
      'too small a number',
      topic('t', { configs: [{ name: 'retention.ms', value: '-5' }] }),
      40,
      'Invalid value -5 for configuration retention.ms: Value must be at least -1',
    ],
    [
      'too large a number',
      topic('t', { configs: [{ name: 'max.message.bytes', value: '99999999999' }] }),
      40,
      'Invalid value 99999999999 for configuration max.message.bytes: Not a number of type INT',
    ],
    [
      'a ratio above one',
      topic('t', { configs: [{ name: 'min.cleanable.dirty.ratio', value: '2' }] }),
      40,
      'Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1',
    ],
    [
      'an unknown policy',
      topic('t', { configs: [{ name: 'cleanup.policy', value: 'foo' }] }),
      40,
      'Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete',
    ],
    [
      'lags that contradict',
      topic('t', {
        configs: [
          { name: 'min.compaction.lag.ms', value: '10' },
          { name: 'max.compaction.lag.ms', value: '5' },
        ],
      }),
      40,
      'conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)',
    ],
    [
      'tiered storage',
      topic('t', { configs: [{ name: 'remote.storage.enable', value: 'true' }] }),
      40,
      'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.',
    ],
    [
      'throttled replicas that are none',
      topic('t', { configs: [{ name: 'leader.replication.throttled.replicas', value: 'zz' }] }),
      40,
      "must be the literal '*' or a list of replicas",
    ],
    [
      'a setting without a value',
      topic('t', { configs: [{ name: 'retention.ms', value: null }] }),
      40,
      'Null value not supported for topic configs: retention.ms',
    ],
  ])('%s', async (_, asked, errorCode, message) => {
    const before = world.quorum.endOffset
    const [outcome] = await create([asked])
    expect(outcome).toMatchObject({
      name: asked.name,
      errorCode,
      topicId: NO_ID,
      numPartitions: -1,
      replicationFactor: -1,
    })
    expect(outcome?.errorMessage).toContain(message)
    expect(world.quorum.endOffset).toBe(before)
  })

  test('that exists, or collides with one that does, also within the request', async () => {
    await create([topic('orders'), topic('a.b')])
    const outcomes = await create([topic('orders'), topic('a_b'), topic('c.d'), topic('c_d')])
    expect(outcomes.map(({ errorCode, errorMessage }) => [errorCode, errorMessage])).toEqual([
      [36, "Topic 'orders' already exists."],
      [17, "Topic 'a_b' collides with existing topic: a.b"],
      [0, null],
      [17, "Topic 'c_d' collides with existing topic: c.d"],
    ])
  })

  test('that the request names twice, once and for all', async () => {
    const outcomes = await create([topic('a'), topic('b'), topic('a')])
    expect(outcomes.map(({ name, errorCode, errorMessage }) => [name, errorCode, errorMessage])).toEqual([
      ['a', 42, 'Duplicate topic name.'],
      ['b', 0, null],
    ])
  })

  test('with all others, when together they ask for too many partitions', async () => {
    const outcomes = await create([topic('a', { numPartitions: 30 }), topic('b', { numPartitions: 21 })])
    expect(outcomes.map(({ errorCode }) => errorCode)).toEqual([44, 44])
    expect(world.controller.image.topicCount).toBe(0)
  })

  test('while no broker is there to lead it', async () => {
    const { controller } = await startController(new MemoryQuorum())
    const [outcome] = await controller.submit({
      type: 'createTopics',
      topics: [topic('t')],
      validateOnly: false,
    })
    expect(outcome).toMatchObject({
      errorCode: 38,
      errorMessage: 'Unable to replicate the partition 1 time(s): All brokers are currently fenced.',
    })
  })
})

describe('a topic is created', () => {
  test('with defaults, a random id and a leader of epoch 0; a bad neighbour does no harm', async () => {
    const [good, bad] = await create([topic('orders'), topic('?')])
    expect(bad).toMatchObject({ errorCode: 17 })
    expect(good).toMatchObject({ errorCode: 0, errorMessage: null, numPartitions: 2, replicationFactor: 1 })
    const image = world.controller.image.topic('orders')
    expect(image?.topicId).toBe(good?.topicId)
    expect(image?.partitions).toHaveLength(2)
    expect(image?.partitions[1]).toMatchObject({
      partition: 1,
      leader: 1,
      leaderEpoch: 0,
      replicas: [1],
      isr: [1],
    })
    expect(world.controller.image.topicById(good?.topicId as string)).toBe(image)
  })

  test('as one atomic batch: topic, settings, partitions', async () => {
    await create([topic('orders', { configs: [{ name: 'retention.ms', value: '5' }] })])
    expect(world.quorum.batches.at(-1)?.map((record) => record[1])).toEqual([2, 4, 3, 3])
    expect([...world.controller.image.settings(2, 'orders')]).toEqual([['retention.ms', '5']])
  })

  test('by hand, partitions in any order', async () => {
    await join(world.controller, 2)
    const assignments = [
      { partitionIndex: 1, brokerIds: [1, 2] },
      { partitionIndex: 0, brokerIds: [2, 1] },
    ]
    const [outcome] = await create([topic('orders', { assignments })])
    expect(outcome).toMatchObject({ errorCode: 0, numPartitions: 2, replicationFactor: 2 })
    expect(world.controller.image.topic('orders')?.partitions.map(({ leader }) => leader)).toEqual([2, 1])
  })

  test('only in words when it is to be validated', async () => {
    const before = world.quorum.endOffset
    const [outcome] = await create(
      [topic('orders', { configs: [{ name: 'retention.ms', value: '5' }] })],
      true,
    )
    expect(outcome).toMatchObject({ errorCode: 0, numPartitions: 2, replicationFactor: 1, topicId: NO_ID })
    expect([...(outcome?.settings ?? [])]).toEqual([['retention.ms', '5']])
    expect(world.quorum.endOffset).toBe(before)
    expect(world.controller.image.topicCount).toBe(0)
  })

  test('over several brokers: leaders go round, no broker twice in a partition', async () => {
    for (const id of [2, 3]) await join(world.controller, id)
    await create([topic('orders', { numPartitions: 12, replicationFactor: 2 })])
    const partitions = world.controller.image.topic('orders')?.partitions ?? []
    const led = new Map<number, number>()
    for (const { leader, replicas } of partitions) {
      led.set(leader, (led.get(leader) ?? 0) + 1)
      expect(new Set(replicas).size).toBe(2)
      expect(replicas[0]).toBe(leader)
    }
    expect([...led.values()]).toEqual([4, 4, 4])
  })
})

describe('partitions are added', () => {
  const one = (count: number, assignments: { brokerIds: number[] }[] | null = null) => [
    { name: 'orders', count, assignments },
  ]
  const ask = (topics: ReturnType<typeof one>, validateOnly = false) =>
    world.controller.submit({ type: 'createPartitions', topics, validateOnly })

  beforeEach(async () => {
    await create([topic('orders', { numPartitions: 3 })])
  })

  test.each<[string, ReturnType<typeof one>, number, string | null]>([
    [
      'fewer than there are',
      one(2),
      37,
      'The topic orders currently has 3 partition(s); 2 would not be an increase.',
    ],
    ['none at all', one(0), 37, 'The topic orders currently has 3 partition(s); 0 would not be an increase.'],
    ['as many as there are', one(3), 37, 'Topic already has 3 partition(s).'],
    ['to a topic nobody knows', [{ name: 'zzz', count: 9, assignments: null }], 3, null],
    [
      'with too few assignments',
      one(5, [{ brokerIds: [1] }]),
      39,
      'Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified.',
    ],
    [
      'on a broker nobody knows',
      one(4, [{ brokerIds: [5] }]),
      39,
      'The manual partition assignment includes broker 5, but no such broker is registered.',
    ],
    [
      'on no broker',
      one(4, [{ brokerIds: [] }]),
      39,
      'The manual partition assignment includes an empty replica list.',
    ],
    ['beyond the bound', one(1000), 44, 'Excessively large number of partitions per request.'],
    ['twice in one request', [...one(4), ...one(5)], 42, 'Duplicate topic name.'],
  ])('refused: %s', async (_, topics, errorCode, errorMessage) => {
    expect(await ask(topics)).toEqual([{ name: topics[0]?.name, errorCode, errorMessage }])
    expect(world.controller.image.topic('orders')?.partitions).toHaveLength(3)
  })

  test('with as many replicas as the first has', async () => {
    await join(world.controller, 2)
    expect(await ask(one(4, [{ brokerIds: [1, 2] }]))).toMatchObject([
      {
        errorCode: 39,
        errorMessage: expect.stringContaining(
          'not consistent with previous partitions, which have 1 replica(s)',
        ),
      },
    ])
    expect(await ask(one(5, [{ brokerIds: [2] }, { brokerIds: [1] }]))).toMatchObject([{ errorCode: 0 }])
    expect(
      world.controller.image
        .topic('orders')
        ?.partitions.map(({ leader }) => leader)
        .slice(3),
    ).toEqual([2, 1])
  })

  test('or only looked at', async () => {
    expect(await ask(one(5), true)).toEqual([{ name: 'orders', errorCode: 0, errorMessage: null }])
    expect(world.controller.image.topic('orders')?.partitions).toHaveLength(3)
    expect(await ask(one(5))).toEqual([{ name: 'orders', errorCode: 0, errorMessage: null }])
    expect(world.controller.image.topic('orders')?.partitions).toHaveLength(5)
  })
})

describe('topics are deleted', () => {
  let id: string
  beforeEach(async () => {
    const outcomes = await create([
      topic('orders', { configs: [{ name: 'retention.ms', value: '5' }] }),
      topic('__consumer_offsets'),
    ])
    id = outcomes[0]?.topicId as string
  })
  const other = 'f'.repeat(32)
  const ask = (...topics: { name: string | null; topicId: string }[]) =>
    world.controller.submit({ type: 'deleteTopics', topics })

  test('by name or by id, with their settings', async () => {
    expect(await ask({ name: null, topicId: id })).toEqual([
      { name: 'orders', topicId: id, errorCode: 0, errorMessage: null },
    ])
    expect(world.controller.image.topic('orders')).toBeUndefined()
    expect(world.controller.image.settings(2, 'orders').size).toBe(0)
    const [again] = await create([topic('orders')])
    expect(again).toMatchObject({ errorCode: 0 })
    expect(again?.topicId).not.toBe(id)
    expect(await ask({ name: 'orders', topicId: NO_ID })).toMatchObject([{ errorCode: 0, name: 'orders' }])
    expect(world.published.at(-1)?.removed).toEqual([
      { name: 'orders', topicId: again?.topicId, partitions: 2 },
    ])
  })

  test('not when the request does not say clearly which', async () => {
    const outcomes = await ask(
      { name: 'zzz', topicId: NO_ID },
      { name: null, topicId: other },
      { name: 'orders', topicId: id },
      { name: null, topicId: NO_ID },
      { name: '__consumer_offsets', topicId: NO_ID },
    )
    expect(outcomes.map(({ errorCode }) => errorCode)).toEqual([3, 100, 42, 42, 17])
    const twice = await ask({ name: 'orders', topicId: NO_ID }, { name: null, topicId: id })
    expect(twice).toMatchObject([{ name: 'orders', topicId: id, errorCode: 42 }])
    const sameWords = await ask({ name: 'orders', topicId: NO_ID }, { name: 'orders', topicId: NO_ID })
    expect(sameWords.map(({ errorCode }) => errorCode)).toEqual([42])
    expect(world.controller.image.topic('orders')).toBeDefined()
  })

  test('not where deletion is disabled', async () => {
    const overrides: Partial<ControllerSettings> = { deleteTopicEnable: false }
    const { controller } = await startController(world.quorum.crash(), overrides)
    const outcomes = await controller.submit({
      type: 'deleteTopics',
      topics: [{ name: 'orders', topicId: NO_ID }],
    })
    expect(outcomes).toMatchObject([{ errorCode: 73 }])
  })
})
