// Consumer groups of the new protocol through their one request. Members hold what they were told and say so, and
// a partition has one owner at a time whatever happens.

import { describe, expect, test } from 'vitest'
import { errorCodes } from '../../../../broker/protocol/errors.ts'
import { ConsumerWorld, type Member } from './fixture.ts'

const all = (members: readonly Member[]): string[] => members.flatMap(({ partitions }) => partitions).sort()

describe('joining', () => {
  test('the first member gets everything at once', async () => {
    const world = await ConsumerWorld.start()
    const member = await world.member().join()
    expect(`${member}`).toBe('member-1@2: orders-0 orders-1 orders-2 orders-3')
    expect(await world.described()).toMatchObject({
      groupState: 'Stable',
      groupEpoch: 2,
      assignmentEpoch: 2,
      assignorName: 'uniform',
      members: [{ memberId: 'member-1', memberEpoch: 2, subscribedTopicNames: ['orders'], memberType: 1 }],
    })
  })

  test('the second gets its part only when the first has given it up', async () => {
    const world = await ConsumerWorld.start()
    const first = await world.member().join()
    const second = await world.member().join()
    expect(`${second}`).toBe('member-2@3: ')
    expect((await world.described()).groupState).toBe('Reconciling')
    // Told what to keep; the others stay its own until it says that it has given them up.
    const before = first.owned
    await first.beat()
    expect(`${first}`).toBe('member-1@2: orders-0 orders-1')
    expect(await second.beat()).toBe(0)
    expect(second.partitions).toEqual([])
    await first.send({ topicPartitions: before })
    await second.beat()
    expect(second.partitions).toEqual([])
    await first.beat()
    expect(first.epoch).toBe(3)
    await second.beat()
    expect(`${second}`).toBe('member-2@3: orders-2 orders-3')
    expect((await world.described()).groupState).toBe('Stable')
  })

  test('many settle, balanced, and each partition is owned once', async () => {
    const world = await ConsumerWorld.start({}, { orders: 7, bills: 4 })
    const members = await world.settled(...Array.from({ length: 4 }, () => ({ topics: ['orders', 'bills'] })))
    expect(members.map(({ partitions }) => partitions.length).sort((a, b) => a - b)).toEqual([2, 3, 3, 3])
    expect(new Set(all(members)).size).toBe(11)
  })

  test('version 0: the coordinator names the member', async () => {
    const world = await ConsumerWorld.start()
    const member = world.member({ version: 0 })
    member.memberId = ''
    await member.join()
    expect(member.memberId).toBe('uuid1')
    expect(await member.beat()).toBe(0)
  })

  test('an unknown group is not made by an epoch', async () => {
    const world = await ConsumerWorld.start()
    const member = world.member()
    member.epoch = 5
    expect(await member.send({ topicPartitions: [] })).toMatchObject({
      errorCode: errorCodes.GROUP_ID_NOT_FOUND,
      errorMessage: 'Consumer group group not found.',
    })
  })

  test('no more than group.consumer.max.size; who is in may go on', async () => {
    const world = await ConsumerWorld.start({ maxSize: 1 })
    const first = await world.member().join()
    await expect(world.member().join()).rejects.toThrow('maximum capacity of 1 members')
    expect(await first.beat()).toBe(0)
  })
})

test.each([
  [{ memberId: '' }, "MemberId can't be empty."],
  [{ groupId: '' }, "GroupId can't be empty."],
  [{ instanceId: '' }, "InstanceId can't be empty."],
  [{ rackId: ' ' }, "RackId can't be empty."],
  [{ rebalanceTimeoutMs: -1 }, 'RebalanceTimeoutMs must be provided in first request.'],
  [{ topicPartitions: null }, 'TopicPartitions must be empty when (re-)joining.'],
  [
    { subscribedTopicNames: null, subscribedTopicRegex: null },
    'Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.',
  ],
  [{ memberEpoch: -2 }, "InstanceId can't be null."],
  [{ memberEpoch: -3 }, 'MemberEpoch is invalid.'],
])('a request with %j is refused', async (fields, errorMessage) => {
  const world = await ConsumerWorld.start()
  const joining = { rebalanceTimeoutMs: 1_000, subscribedTopicNames: ['orders'], topicPartitions: [] }
  expect(await world.member().send({ ...joining, ...fields })).toMatchObject({
    errorCode: errorCodes.INVALID_REQUEST,
    errorMessage,
  })
})

describe('assignors', () => {
  test('what most members want is what the group uses', async () => {
    const world = await ConsumerWorld.start({}, { a: 3, b: 3 })
    const topics = ['a', 'b']
    const members = await world.settled(
      { assignor: 'range', topics },
      { assignor: 'range', topics },
      { assignor: 'uniform', topics },
    )
    expect((await world.described()).assignorName).toBe('range')
    expect(members.map(({ partitions }) => partitions)).toEqual([
      ['a-0', 'b-0'],
      ['a-1', 'b-1'],
      ['a-2', 'b-2'],
    ])
  })

  test('one that there is not is refused by name', async () => {
    const world = await ConsumerWorld.start()
    await expect(world.member({ assignor: 'best' }).join()).rejects.toThrow(
      `refused: ${errorCodes.UNSUPPORTED_ASSIGNOR} ServerAssignor best is not supported. ` +
        'Supported assignors: uniform, range.',
    )
  })

  test('assignments are not computed more often than the interval; members wait in their epoch', async () => {
    const world = await ConsumerWorld.start({ assignmentIntervalMs: 1_000 })
    const first = await world.member().join()
    const second = await world.member().join()
    expect(second.epoch).toBe(2)
    expect(await world.described()).toMatchObject({
      groupState: 'Assigning',
      groupEpoch: 3,
      assignmentEpoch: 2,
    })
    await world.clock.advance(1_000)
    await world.settle([first, second])
    expect(`${second}`).toBe('member-2@3: orders-2 orders-3')
  })
})

describe('fencing', () => {
  test('an epoch from the future, or from too far back', async () => {
    const world = await ConsumerWorld.start()
    const [first] = (await world.settled({}, {})) as [Member, Member]
    const now = first.epoch
    for (const epoch of [now + 1, now - 2]) {
      first.epoch = epoch
      expect(await first.send({ topicPartitions: first.owned })).toMatchObject({
        errorCode: errorCodes.FENCED_MEMBER_EPOCH,
        memberEpoch: 0,
      })
    }
  })

  test('the epoch before is taken from who missed the answer and holds no more than it was given', async () => {
    const world = await ConsumerWorld.start()
    const member = await world.member().join()
    const told = member.epoch
    await member.send({ subscribedTopicNames: ['orders', 'bills'] })
    const { owned } = member
    member.epoch = told
    expect(
      await member.send({ topicPartitions: [{ topicId: 'f'.repeat(32), partitions: [0] }] }),
    ).toMatchObject({
      errorCode: errorCodes.FENCED_MEMBER_EPOCH,
    })
    expect(await member.send({ topicPartitions: owned })).toMatchObject({
      errorCode: 0,
      memberEpoch: told + 1,
    })
  })

  test('a member that is not there', async () => {
    const world = await ConsumerWorld.start()
    await world.member().join()
    const stranger = world.member()
    stranger.epoch = 2
    expect(await stranger.send({ topicPartitions: [] })).toMatchObject({
      errorCode: errorCodes.UNKNOWN_MEMBER_ID,
      errorMessage: 'Member member-2 is not a member of group group.',
    })
  })
})

describe('leaving', () => {
  test('gives everything to the others', async () => {
    const world = await ConsumerWorld.start()
    const [first, second] = (await world.settled({}, {})) as [Member, Member]
    expect(await first.leave()).toBe(0)
    await world.settle([second])
    expect(all([second])).toEqual(['orders-0', 'orders-1', 'orders-2', 'orders-3'])
    expect(await second.leave()).toBe(0)
    expect(await world.described()).toMatchObject({ groupState: 'Empty', members: [] })
  })

  test('without a word: the session ends', async () => {
    const world = await ConsumerWorld.start()
    const [, second] = (await world.settled({}, {})) as [Member, Member]
    await world.clock.advance(30_000)
    await second.beat()
    await world.clock.advance(15_000)
    await world.settle([second])
    expect(second.partitions).toHaveLength(4)
  })

  test('a member that does not give up in its rebalance timeout is out, heartbeats or not', async () => {
    const world = await ConsumerWorld.start()
    const first = await world.member({ rebalanceTimeoutMs: 10_000 }).join()
    const second = await world.member().join()
    const { owned } = first
    await first.beat()
    await world.clock.advance(9_999)
    expect((await first.send({ topicPartitions: owned })).errorCode).toBe(0)
    await world.clock.advance(1)
    expect((await first.send({ topicPartitions: owned })).errorCode).toBe(errorCodes.UNKNOWN_MEMBER_ID)
    await world.settle([second])
    expect(second.partitions).toHaveLength(4)
  })
})

describe('static members', () => {
  test('come back to what they had under a new id', async () => {
    const world = await ConsumerWorld.start()
    const [first, other] = (await world.settled({ instanceId: 'one' }, {})) as [Member, Member]
    const had = first.partitions
    expect(await first.leave(-2)).toBe(0)
    await world.settle([other])
    expect(other.partitions).toHaveLength(2)
    const again = await world.member({ instanceId: 'one' }).join()
    expect(again.partitions).toEqual(had)
    expect((await world.described()).members.map(({ memberId }) => memberId)).toEqual([
      other.memberId,
      again.memberId,
    ])
    expect((await first.send({ topicPartitions: [] })).errorCode).toBe(errorCodes.FENCED_INSTANCE_ID)
  })

  test('an instance id is released before another may have it', async () => {
    const world = await ConsumerWorld.start()
    await world.settled({ instanceId: 'one' })
    await expect(world.member({ instanceId: 'one' }).join()).rejects.toThrow(
      `refused: ${errorCodes.UNRELEASED_INSTANCE_ID}`,
    )
  })

  test('who goes for a while owes nothing: its session counts, not its rebalance timeout', async () => {
    const world = await ConsumerWorld.start()
    const first = await world.member({ instanceId: 'one', rebalanceTimeoutMs: 10_000 }).join()
    const other = await world.member().join()
    await first.beat()
    expect(first.partitions).toHaveLength(2)
    await first.leave(-2)
    await world.clock.advance(20_000)
    await world.settle([other])
    expect(other.partitions).toHaveLength(2)
    const again = await world.member({ instanceId: 'one' }).join()
    expect(again.partitions).toEqual(first.partitions)
  })

  test('who does not come back in time loses its partitions', async () => {
    const world = await ConsumerWorld.start()
    const [first, other] = (await world.settled({ instanceId: 'one' }, {})) as [Member, Member]
    await first.leave(-2)
    await world.clock.advance(44_000)
    await other.beat()
    await world.clock.advance(1_000)
    await world.settle([other])
    expect(other.partitions).toHaveLength(4)
  })
})

describe('topics', () => {
  test('more partitions are given out with the next heartbeats', async () => {
    const world = await ConsumerWorld.start()
    const members = await world.settled({}, {})
    await world.changeTopics({ orders: 6 })
    await world.settle(members)
    expect(members.map(({ partitions }) => partitions.length)).toEqual([3, 3])
  })

  test('a topic that nobody subscribes to changes nothing', async () => {
    const world = await ConsumerWorld.start()
    const [member] = (await world.settled({})) as [Member]
    await world.changeTopics({ orders: 4, bills: 2 })
    await member.beat()
    expect(member.epoch).toBe(2)
  })

  test('a deleted topic is given up', async () => {
    const world = await ConsumerWorld.start({}, { orders: 4, bills: 2 })
    const members = await world.settled({ topics: ['orders', 'bills'] })
    world.topics({ orders: 4 })
    await world.coordinator.metadataChanged(['bills'], false)
    await world.settle(members)
    expect(all(members)).toEqual(['orders-0', 'orders-1', 'orders-2', 'orders-3'])
  })

  test('a member that changes its subscription gives up what is no longer in it at once', async () => {
    const world = await ConsumerWorld.start({ assignmentIntervalMs: 10_000 }, { orders: 2, bills: 2 })
    const [member] = (await world.settled({ topics: ['orders'] })) as [Member]
    await member.send({ subscribedTopicNames: ['bills'], topicPartitions: member.owned })
    expect(member.partitions).toEqual([])
    await world.clock.advance(10_000)
    await world.settle([member])
    expect(member.partitions).toEqual(['bills-0', 'bills-1'])
  })
})

describe('expressions', () => {
  test('are resolved apart from the heartbeat that brings them', async () => {
    const world = await ConsumerWorld.start({}, { orders: 2, 'orders-eu': 1, bills: 1 })
    const member = await world.member({ topics: null, regex: 'orders.*' }).join()
    expect(member.partitions).toEqual([])
    await world.clock.advance(0)
    await world.settle([member])
    expect(member.partitions).toEqual(['orders-0', 'orders-1', 'orders-eu-0'])
    expect((await world.described()).members[0]?.subscribedTopicRegex).toBe('orders.*')
  })

  test('match whole names', async () => {
    const world = await ConsumerWorld.start({}, { orders: 1, 'my-orders': 1 })
    const member = await world.member({ topics: null, regex: 'order.' }).join()
    await world.clock.advance(0)
    await world.settle([member])
    expect(member.partitions).toEqual(['orders-0'])
  })

  test('follow topics that are made, but not more often than every ten seconds', async () => {
    const world = await ConsumerWorld.start({}, { orders: 1 })
    const member = await world.member({ topics: null, regex: 'orders.*' }).join()
    await world.clock.advance(0)
    await world.settle([member])
    world.version = 7n
    await world.changeTopics({ orders: 1, 'orders-us': 1 })
    await member.beat()
    await world.clock.advance(0)
    await world.settle([member])
    expect(member.partitions).toEqual(['orders-0'])
    await world.clock.advance(10_001)
    await member.beat()
    await world.clock.advance(0)
    await world.settle([member])
    expect(member.partitions).toEqual(['orders-0', 'orders-us-0'])
  })

  test('of a member that leaves are forgotten with the last that used them', async () => {
    const world = await ConsumerWorld.start({}, { orders: 1, bills: 1 })
    const [first, second] = [
      await world.member({ topics: null, regex: 'orders' }).join(),
      await world.member({ topics: null, regex: 'bills' }).join(),
    ]
    await world.clock.advance(10_001)
    await world.settle([first, second])
    await world.clock.advance(0)
    await world.settle([first, second])
    expect([first.partitions, second.partitions]).toEqual([['orders-0'], ['bills-0']])
    await second.leave()
    await world.restart()
    await world.settle([first])
    expect(first.partitions).toEqual(['orders-0'])
  })

  test('that are none are refused', async () => {
    const world = await ConsumerWorld.start()
    await expect(world.member({ topics: null, regex: '[' }).join()).rejects.toThrow(
      `refused: ${errorCodes.INVALID_REGULAR_EXPRESSION} SubscribedTopicRegex \`[\` is not a valid regular expression: missing closing ].`,
    )
    expect((await world.described()).errorCode).toBe(errorCodes.GROUP_ID_NOT_FOUND)
  })

  test('that would take seconds to compile are refused', async () => {
    const world = await ConsumerWorld.start()
    await expect(world.member({ topics: null, regex: 'a{1000}'.repeat(1000) }).join()).rejects.toThrow(
      'is not a valid regular expression: expression is too large.',
    )
    expect((await world.member({ topics: null, regex: '[a-z]{1,249}' }).join()).epoch).toBeGreaterThan(0)
  })
})

test('a restart goes on where it was: epochs, partitions, who has to give up', async () => {
  const world = await ConsumerWorld.start()
  const first = await world.member({ rebalanceTimeoutMs: 5_000 }).join()
  const second = await world.member().join()
  await first.beat()
  const before = await world.described()
  await world.restart()
  expect(await world.described()).toEqual(before)
  await world.settle([first, second])
  expect([first.partitions.length, second.partitions.length]).toEqual([2, 2])
})

test('settings of the group itself count', async () => {
  const world = await ConsumerWorld.start()
  world.groupSettings.set('consumer.session.timeout.ms', '50000')
  world.groupSettings.set('consumer.heartbeat.interval.ms', '7000')
  const member = world.member()
  expect(await member.join().then(() => member.send({ topicPartitions: member.owned }))).toMatchObject({
    heartbeatIntervalMs: 7_000,
  })
  await world.clock.advance(49_999)
  expect(await member.beat()).toBe(0)
  await world.clock.advance(50_000)
  expect(await member.beat()).toBe(errorCodes.UNKNOWN_MEMBER_ID)
})
