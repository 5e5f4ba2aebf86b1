// Share groups through their one request: members have partitions as soon as states are kept of them, several may have
// the same, and nobody waits for anybody.

import { describe, expect, test } from 'vitest'
import { errorCodes } from '../../../../broker/protocol/errors.ts'
import { ShareWorld } from './fixture.ts'

describe('joining', () => {
  test('a member has its partitions when states are kept of them', async () => {
    const world = await ShareWorld.start()
    const member = await world.member().join()
    expect(`${member}`).toBe('member-1@2: ')
    expect(world.keeper.asked).toEqual([
      'make orders-0@2',
      'make orders-1@2',
      'make orders-2@2',
      'make orders-3@2',
    ])
    await world.turn()
    await member.beat()
    expect(`${member}`).toBe('member-1@3: orders-0 orders-1 orders-2 orders-3')
    expect(await world.described()).toMatchObject({
      groupState: 'Stable',
      groupEpoch: 3,
      assignmentEpoch: 3,
      assignorName: 'simple',
      members: [
        {
          memberId: 'member-1',
          memberEpoch: 3,
          subscribedTopicNames: ['orders'],
          assignment: { topicPartitions: [{ topicName: 'orders', partitions: [0, 1, 2, 3] }] },
        },
      ],
    })
  })

  test('a second member shares them out; the first hears of it with its next heartbeat', async () => {
    const world = await ShareWorld.start()
    const [first] = await world.settled(1)
    const second = await world.member().join()
    expect(second.partitions).toHaveLength(2)
    expect(first?.partitions).toHaveLength(4)
    await first?.beat()
    expect([...(first?.partitions ?? []), ...second.partitions].sort()).toEqual([
      'orders-0',
      'orders-1',
      'orders-2',
      'orders-3',
    ])
    expect(first?.epoch).toBe(second.epoch)
  })

  test('more members than partitions have them together', async () => {
    const world = await ShareWorld.start({}, { orders: 2 })
    const members = await world.settled(5)
    // Each partition is with three: the next number that is fair to five.
    expect(members.map(({ partitions }) => partitions.length)).toEqual([2, 1, 1, 1, 1])
    expect(new Set(members.flatMap(({ partitions }) => partitions))).toEqual(
      new Set(['orders-0', 'orders-1']),
    )
  })

  test('members of different subscriptions have only their own topics', async () => {
    const world = await ShareWorld.start({}, { orders: 2, bills: 2 })
    const both = await world.member(['orders', 'bills']).join()
    const one = await world.member(['bills']).join()
    await world.settle([both, one])
    expect(both.partitions.filter((name) => name.startsWith('orders'))).toHaveLength(2)
    expect(one.partitions.every((name) => name.startsWith('bills'))).toBe(true)
    expect(one.partitions).toHaveLength(1)
  })

  test('no more than group.share.max.size; who is in may go on', async () => {
    const world = await ShareWorld.start({ maxSize: 1 })
    const [first] = await world.settled(1)
    await expect(world.member().join()).rejects.toThrow('maximum capacity of 1 members')
    expect(await first?.beat()).toBe(0)
  })

  test('an unknown group is not made by an epoch, nor a member', async () => {
    const world = await ShareWorld.start()
    const stranger = world.member()
    expect(await stranger.send({ memberEpoch: 5 })).toMatchObject({
      errorCode: errorCodes.GROUP_ID_NOT_FOUND,
      errorMessage: 'Share group group not found.',
    })
    await world.settled(1)
    expect(await stranger.beat({ memberEpoch: 5 })).toBe(errorCodes.UNKNOWN_MEMBER_ID)
    expect(await stranger.leave()).toBe(errorCodes.UNKNOWN_MEMBER_ID)
  })

  test('a group of another kind is none', async () => {
    const world = await ShareWorld.start()
    await world.stable({})
    expect(await world.member().send({ memberEpoch: 0, subscribedTopicNames: ['orders'] })).toMatchObject({
      errorCode: errorCodes.GROUP_ID_NOT_FOUND,
      errorMessage: 'Group group is not a share group.',
    })
  })
})

test.each([
  [{ memberId: ' ' }, "MemberId can't be empty."],
  [{ groupId: '' }, "GroupId can't be empty."],
  [{ rackId: ' ' }, "RackId can't be empty."],
  [{ subscribedTopicNames: null }, 'SubscribedTopicNames must be set in first request.'],
  [{ subscribedTopicNames: [] }, 'SubscribedTopicNames must be set in first request.'],
  [{ memberEpoch: -2 }, 'MemberEpoch is invalid.'],
])('a request with %j is refused', async (fields, errorMessage) => {
  const world = await ShareWorld.start()
  const joining = { memberEpoch: 0, subscribedTopicNames: ['orders'] }
  expect(await world.member().send({ ...joining, ...fields })).toMatchObject({
    errorCode: errorCodes.INVALID_REQUEST,
    errorMessage,
  })
})

describe('epochs', () => {
  test('the epoch before the newest is let pass, for the answer may be lost; others are fenced', async () => {
    const world = await ShareWorld.start()
    const [first] = await world.settled(1)
    const before = first?.epoch ?? 0
    await world.member().join()
    await first?.beat()
    expect(first?.epoch).toBe(before + 1)
    expect(await first?.beat({ memberEpoch: before })).toBe(0)
    expect(await first?.beat({ memberEpoch: before - 1 })).toBe(errorCodes.FENCED_MEMBER_EPOCH)
    expect(await first?.beat({ memberEpoch: before + 2 })).toBe(errorCodes.FENCED_MEMBER_EPOCH)
    expect(await first?.beat()).toBe(0)
  })

  test('an assignment is told when it has changed, and to who asks with all that it has to say', async () => {
    const world = await ShareWorld.start()
    const [member] = await world.settled(1)
    expect(await member?.send({})).toMatchObject({ assignment: null })
    expect(await member?.send({ subscribedTopicNames: ['orders'] })).toMatchObject({
      assignment: { topicPartitions: [{ partitions: [0, 1, 2, 3] }] },
    })
  })

  test('targets are made no more often than the interval allows', async () => {
    const world = await ShareWorld.start({ assignmentIntervalMs: 1_000 })
    await world.clock.advance(5_000)
    const member = await world.member().join()
    await world.turn()
    await member.beat()
    expect(`${member}`).toBe('member-1@2: ')
    expect(await world.described()).toMatchObject({ groupEpoch: 3, assignmentEpoch: 2 })
    await world.clock.advance(1_000)
    await member.beat()
    expect(member.partitions).toHaveLength(4)
  })
})

describe('subscriptions', () => {
  test('what is subscribed anew counts at once, what is no longer is given up', async () => {
    const world = await ShareWorld.start({}, { orders: 2, bills: 1 })
    const [member] = await world.settled(1)
    await member?.beat({ subscribedTopicNames: ['bills'] })
    expect(member?.partitions).toEqual([])
    await world.settle(member === undefined ? [] : [member])
    expect(member?.partitions).toEqual(['bills-0'])
  })

  test('names are compared one by one: no two lists of names are taken for the same', async () => {
    const world = await ShareWorld.start({}, { a: 1, b: 1 })
    const [member] = await world.settled(1, ['a,b'])
    expect(member?.partitions).toEqual([])
    await member?.beat({ subscribedTopicNames: ['a', 'b'] })
    await world.settle(member === undefined ? [] : [member])
    expect(member?.partitions).toEqual(['a-0', 'b-0'])
  })

  test('a topic that is made, and one that grows, are shared out', async () => {
    const world = await ShareWorld.start({}, { orders: 1 })
    const members = await world.settled(1, ['orders', 'bills'])
    expect(members[0]?.partitions).toEqual(['orders-0'])
    world.topics.set('bills', 1)
    world.topics.set('orders', 2)
    await world.changed('bills', 'orders')
    await world.settle(members)
    expect(members[0]?.partitions).toEqual(['bills-0', 'orders-0', 'orders-1'])
  })

  test('a topic that is deleted and made again is another one, and the group comes to rest', async () => {
    const world = await ShareWorld.start({}, { orders: 2 })
    const members = await world.settled(1)
    const before = world.topics.topic('orders')?.topicId ?? ''
    world.topics.delete('orders')
    world.topics.set('orders', 2)
    expect(world.topics.topic('orders')?.topicId).not.toBe(before)
    // The group is not told that the first is gone, as after a crash in between.
    await world.changed('orders')
    await world.settle(members)
    expect(members[0]?.partitions).toEqual(['orders-0', 'orders-1'])
    const { groupEpoch } = await world.described()
    for (let i = 0; i < 3; i++) await members[0]?.beat()
    expect((await world.described()).groupEpoch).toBe(groupEpoch)
  })
})

describe('leaving', () => {
  test('who leaves, or is not heard from, leaves its partitions to the others', async () => {
    const world = await ShareWorld.start({ sessionTimeoutMs: 10_000 })
    const [first, second, third] = await world.settled(3)
    expect(await third?.leave()).toBe(0)
    await world.clock.advance(6_000)
    await first?.beat()
    await world.clock.advance(6_000)
    await first?.beat()
    expect(first?.partitions).toHaveLength(4)
    expect(await second?.beat()).toBe(errorCodes.UNKNOWN_MEMBER_ID)
    expect((await world.described()).members.map(({ memberId }) => memberId)).toEqual(['member-1'])
  })

  test('a group without members is empty, keeps its epoch and takes members again', async () => {
    const world = await ShareWorld.start()
    const [first] = await world.settled(1)
    await first?.leave()
    const { groupState, groupEpoch } = await world.described()
    expect([groupState, groupEpoch]).toEqual(['Empty', 4])
    await world.restart()
    const again = await world.member().join()
    expect(`${again}`).toBe('member-2@5: orders-0 orders-1 orders-2 orders-3')
  })

  test('a restart keeps members and assignments, and gives everybody a whole session', async () => {
    const world = await ShareWorld.start({ sessionTimeoutMs: 10_000 })
    const [first, second] = await world.settled(2)
    const before = `${first} ${second}`
    await world.clock.advance(9_000)
    await world.restart()
    await world.clock.advance(9_000)
    expect([await first?.beat(), await second?.beat()]).toEqual([0, 0])
    expect(`${first} ${second}`).toBe(before)
    await world.clock.advance(10_000)
    expect((await world.described()).groupState).toBe('Empty')
  })

  test('the settings of the group count before those of the broker', async () => {
    const world = await ShareWorld.start()
    world.groupSettings.set('share.heartbeat.interval.ms', '7000')
    world.groupSettings.set('share.session.timeout.ms', '50000')
    const member = world.member()
    const joined = await member.send({ memberEpoch: 0, subscribedTopicNames: ['orders'] })
    expect(joined.heartbeatIntervalMs).toBe(7_000)
    await world.clock.advance(49_000)
    expect(await member.beat()).toBe(0)
  })
})
