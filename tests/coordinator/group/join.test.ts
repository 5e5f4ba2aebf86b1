// JoinGroup: how a group comes together, who is let in, and how a static member takes its place back.

import { describe, expect, test } from 'vitest'
import type { JoinGroupResponse } from '../../../broker/coordinator/group/messages.ts'
import { errorCodes } from '../../../broker/protocol/errors.ts'
import { type JoinOptions, seen, subscriptionTo, World } from './fixture.ts'

const protocol = (...names: string[]) => names.map((name) => ({ name, metadata: Buffer.from(name) }))

describe('the first members', () => {
  test('get an id before they may join (v4+), and are led by the first', async () => {
    const world = await World.start()
    const refused = await world.join({ version: 4 })
    expect(refused).toMatchObject({ errorCode: errorCodes.MEMBER_ID_REQUIRED, memberId: 'client-uuid1' })
    expect(await world.state()).toBe('Empty')
    const [one, two] = await world.joinAll({ memberId: 'client-uuid1', version: 9 }, {})
    expect(one).toMatchObject({
      errorCode: 0,
      generationId: 1,
      leader: 'client-uuid1',
      memberId: 'client-uuid1',
    })
    expect(one).toMatchObject({ protocolType: 'consumer', protocolName: 'range', skipAssignment: false })
    expect(one?.members.map(({ memberId }) => memberId)).toEqual(['client-uuid1', 'client-uuid2'])
    expect(one?.members[0]?.metadata).toEqual(subscriptionTo('orders'))
    expect(two).toMatchObject({ generationId: 1, leader: 'client-uuid1', members: [] })
    expect(await world.state()).toBe('CompletingRebalance')
  })

  test('wait for others: each that comes extends the delay, up to the rebalance timeout', async () => {
    const world = await World.start({ initialRebalanceDelayMs: 3_000 })
    const first = world.join({ rebalanceTimeoutMs: 7_000 })
    await world.clock.advance(2_999)
    const second = world.join({ rebalanceTimeoutMs: 7_000 })
    await world.clock.advance(3_000)
    const third = world.join({ rebalanceTimeoutMs: 7_000 })
    await world.clock.advance(1)
    expect(await seen(first)).toBe('waiting')
    // 3 + 3 + 1 seconds are the 7 of the rebalance timeout.
    await world.clock.advance(1_000)
    const answers = await Promise.all([first, second, third])
    expect(answers.map(({ generationId }) => generationId)).toEqual([1, 1, 1])
    expect(answers[0]?.members).toHaveLength(3)
  })

  test('wait no longer than the delay when nobody else comes', async () => {
    const world = await World.start({ initialRebalanceDelayMs: 3_000 })
    const only = world.join()
    await world.clock.advance(2_999)
    expect(await seen(only)).toBe('waiting')
    await world.clock.advance(1)
    expect(await only).toMatchObject({ errorCode: 0, generationId: 1 })
  })

  test('choose the protocol that all know and most prefer', async () => {
    const world = await World.start()
    const joined = await world.joinAll(
      { protocols: protocol('sticky', 'range', 'roundrobin') },
      { protocols: protocol('roundrobin', 'range') },
      { protocols: protocol('sticky', 'roundrobin', 'range') },
      { protocols: protocol('range', 'roundrobin') },
      { protocols: protocol('roundrobin', 'range') },
    )
    expect(joined.map(({ protocolName }) => protocolName)).toEqual(Array(5).fill('roundrobin'))
    expect(joined[0]?.members.map(({ metadata }) => metadata.toString())).toEqual(Array(5).fill('roundrobin'))
  })

  test('that name a protocol twice count once for it', async () => {
    const world = await World.start()
    const joined = await world.joinAll(
      { protocols: protocol('range', 'range', 'sticky') },
      { protocols: protocol('sticky', 'range') },
    )
    expect(joined.map(({ errorCode, protocolName }) => [errorCode, protocolName])).toEqual(
      Array(2).fill([errorCodes.NONE, 'range']),
    )
  })

  test('that lose their group to a restart before it synced find it again', async () => {
    const world = await World.start()
    const { memberId } = await world.join({ version: 4 })
    await world.restart()
    expect(await world.state()).toBe('Empty')
    expect(await world.join({ version: 4, memberId })).toMatchObject({
      errorCode: errorCodes.UNKNOWN_MEMBER_ID,
    })
  })
})

describe('JoinGroup is refused', () => {
  const stable: JoinOptions[] = [{}, { instanceId: 'one' }]
  const table: [string, JoinOptions, number, Partial<JoinGroupResponse>?][] = [
    ['an empty group id', { groupId: '' }, errorCodes.INVALID_GROUP_ID],
    ['a session timeout below the minimum', { sessionTimeoutMs: 5_999 }, errorCodes.INVALID_SESSION_TIMEOUT],
    ['one above the maximum', { sessionTimeoutMs: 1_800_001 }, errorCodes.INVALID_SESSION_TIMEOUT],
    [
      'no protocols in an empty group',
      { groupId: 'new', protocols: [] },
      errorCodes.INCONSISTENT_GROUP_PROTOCOL,
    ],
    ['no protocol type', { groupId: 'new', type: '' }, errorCodes.INCONSISTENT_GROUP_PROTOCOL],
    ['another protocol type than the group', { type: 'connect' }, errorCodes.INCONSISTENT_GROUP_PROTOCOL],
    ['no protocol in common', { protocols: protocol('sticky') }, errorCodes.INCONSISTENT_GROUP_PROTOCOL],
    ['an unknown member', { memberId: 'ghost' }, errorCodes.UNKNOWN_MEMBER_ID, { memberId: 'ghost' }],
    ['a member of an unknown group', { groupId: 'new', memberId: 'ghost' }, errorCodes.UNKNOWN_MEMBER_ID],
    [
      'an unknown instance with a member id',
      { memberId: 'x', instanceId: 'two' },
      errorCodes.UNKNOWN_MEMBER_ID,
    ],
    ['a former self of an instance', { memberId: 'x', instanceId: 'one' }, errorCodes.FENCED_INSTANCE_ID],
  ]
  test.each(table)('for %s', async (_, options, errorCode, more = {}) => {
    const world = await World.start()
    await world.stable(...stable)
    const { endOffset } = world.log
    expect(await world.join(options)).toMatchObject({
      errorCode,
      generationId: -1,
      leader: '',
      members: [],
      protocolName: '',
      ...more,
    })
    expect(world.log.endOffset).toBe(endOffset)
    expect(await world.state()).toBe('Stable')
    expect(await world.state('new')).toBe('Dead')
  })

  test('when the group is full, but never for its members', async () => {
    const world = await World.start({ maxSize: 2 })
    const [leader, follower] = await world.stable({}, {})
    expect(await world.join()).toMatchObject({ errorCode: errorCodes.GROUP_MAX_SIZE_REACHED, memberId: '' })
    const rejoins = [leader, follower].map((member) => world.join({ memberId: member?.memberId ?? '' }))
    expect((await Promise.all(rejoins)).map(({ errorCode }) => errorCode)).toEqual([0, 0])
  })

  test('for the slowest when a rebalance finds too many', async () => {
    const world = await World.start()
    const [leader, second, third] = await world.stable({}, {}, {})
    world.config.maxSize = 2
    const joins = [leader, second, third].map((member) => world.join({ memberId: member?.memberId ?? '' }))
    expect(await joins[2]).toMatchObject({ errorCode: errorCodes.GROUP_MAX_SIZE_REACHED })
    await world.clock.advance(60_000)
    expect((await Promise.all(joins.slice(0, 2))).map(({ errorCode }) => errorCode)).toEqual([0, 0])
  })

  test('after a restart with a lower limit: those that fit are let in', async () => {
    const world = await World.start()
    const [leader, second, third] = await world.stable({}, {}, {})
    world.config.maxSize = 2
    await world.restart()
    await world.clock.advance(0)
    expect(await world.state()).toBe('PreparingRebalance')
    const joins = [leader, second, third].map((member) => world.join({ memberId: member?.memberId ?? '' }))
    expect(await joins[2]).toMatchObject({ errorCode: errorCodes.GROUP_MAX_SIZE_REACHED })
  })
})

describe('a member that joins again', () => {
  test('unchanged, as a follower of a stable group, hears the present generation', async () => {
    const world = await World.start()
    const [, follower] = await world.stable({}, {})
    const again = await world.join({ memberId: follower?.memberId ?? '' })
    expect(again).toMatchObject({ errorCode: 0, generationId: 1, members: [] })
    expect(await world.state()).toBe('Stable')
  })

  test('as the leader of a stable group starts a rebalance', async () => {
    const world = await World.start()
    const [leader, follower] = await world.stable({}, {})
    const again = world.join({ memberId: leader?.memberId ?? '' })
    expect(await seen(again)).toBe('waiting')
    expect(await world.heartbeat(follower as JoinGroupResponse)).toBe(errorCodes.REBALANCE_IN_PROGRESS)
    void world.join({ memberId: follower?.memberId ?? '' })
    expect(await again).toMatchObject({ generationId: 2 })
  })

  test('with another subscription starts a rebalance', async () => {
    const world = await World.start()
    const [, follower] = await world.stable({}, {})
    void world.join({
      memberId: follower?.memberId ?? '',
      protocols: [{ name: 'range', metadata: subscriptionTo('orders', 'bills') }],
    })
    expect(await world.state()).toBe('PreparingRebalance')
  })

  test('because the answer was lost gets the same answer, while the group waits for SyncGroup', async () => {
    const world = await World.start()
    const [leader] = await world.joinAll({}, {})
    const again = await world.join({ memberId: leader?.memberId ?? '' })
    expect(again).toEqual(leader)
  })

  test('while its first JoinGroup still waits: the first hears that it was superseded', async () => {
    const world = await World.start()
    const [leader] = await world.stable({}, {})
    const first = world.join({ memberId: leader?.memberId ?? '' })
    expect(await seen(first)).toBe('waiting')
    const second = world.join({ memberId: leader?.memberId ?? '' })
    expect(await first).toMatchObject({ errorCode: errorCodes.REBALANCE_IN_PROGRESS })
    await world.clock.advance(60_000)
    expect(await second).toMatchObject({ errorCode: 0, generationId: 2 })
  })

  test('too late is no member any more, and another leads', async () => {
    const world = await World.start()
    const [leader, follower] = await world.stable({}, { sessionTimeoutMs: 100_000 })
    const join = world.join({ memberId: follower?.memberId ?? '', protocols: protocol('range') })
    await world.clock.advance(9_000)
    await world.heartbeat(leader as JoinGroupResponse)
    await world.clock.advance(51_000)
    expect(await join).toMatchObject({ generationId: 2, leader: follower?.memberId })
    expect(await world.heartbeat(leader as JoinGroupResponse)).toBe(errorCodes.UNKNOWN_MEMBER_ID)
  })
})

describe('a static member that comes back without an id', () => {
  const members: JoinOptions[] = [{ instanceId: 'one' }, { instanceId: 'two' }]

  test('takes its place without a rebalance, and that is in the log', async () => {
    const world = await World.start()
    const [leader, follower] = await world.stable(...members)
    const back = await world.join({ instanceId: 'two', version: 5 })
    expect(back).toMatchObject({ errorCode: 0, generationId: 1, leader: leader?.memberId, members: [] })
    expect(back.memberId).not.toBe(follower?.memberId)
    expect(await world.state()).toBe('Stable')
    await world.restart()
    const { assignment } = await world.sync(back, {}, { groupInstanceId: 'two' })
    expect(assignment.toString()).toBe('#1')
    const former = { memberId: follower?.memberId ?? '', generationId: 1 }
    expect(await world.heartbeat(former, { groupInstanceId: 'two' })).toBe(errorCodes.FENCED_INSTANCE_ID)
    expect(await world.heartbeat(back, { groupInstanceId: 'two' })).toBe(0)
  })

  test('as the leader is told to skip the assignment (v9)', async () => {
    const world = await World.start()
    await world.stable(...members)
    const back = await world.join({ instanceId: 'one', version: 9 })
    expect(back).toMatchObject({ leader: back.memberId, skipAssignment: true, generationId: 1 })
    expect(back.members).toHaveLength(2)
  })

  test('as the leader takes itself for a follower (before v9)', async () => {
    const world = await World.start()
    const [leader] = await world.stable(...members)
    const back = await world.join({ instanceId: 'one', version: 8 })
    expect(back).toMatchObject({ leader: leader?.memberId, skipAssignment: false, members: [] })
  })

  test('is waited for with pauses, though it has given itself no time to rejoin', async () => {
    const world = await World.start()
    await world.stable({ instanceId: 'one', rebalanceTimeoutMs: 0 })
    const [other] = await world.joinAll({ rebalanceTimeoutMs: 0 })
    await world.leave([{ memberId: other?.memberId ?? '' }])
    await world.clock.advance(0)
    const nowMs = world.clock.now()
    expect(world.clock.nextDueMs).toBeGreaterThan(nowMs)
  })

  test('with a protocol that changes the choice starts a rebalance', async () => {
    const world = await World.start()
    await world.stable(
      { instanceId: 'one', protocols: protocol('range', 'sticky') },
      { instanceId: 'two', protocols: protocol('range', 'sticky') },
    )
    void world.join({ instanceId: 'two', protocols: protocol('sticky') })
    expect(await world.state()).toBe('PreparingRebalance')
  })

  test('during the sync phase starts the rebalance anew: the leader knows the former id', async () => {
    const world = await World.start()
    const [leader] = await world.joinAll(...members)
    const waiting = world.sync(leader as JoinGroupResponse, {}, { groupInstanceId: 'one', memberId: 'x' })
    expect(await waiting).toMatchObject({ errorCode: errorCodes.FENCED_INSTANCE_ID })
    void world.join({ instanceId: 'two' })
    expect(await world.state()).toBe('PreparingRebalance')
  })

  test('fences its former self, which still waits', async () => {
    const world = await World.start({ initialRebalanceDelayMs: 3_000 })
    const former = world.join({ instanceId: 'one' })
    expect(await seen(former)).toBe('waiting')
    const back = world.join({ instanceId: 'one' })
    expect(await former).toMatchObject({ errorCode: errorCodes.FENCED_INSTANCE_ID })
    await world.clock.advance(3_000)
    expect(await back).toMatchObject({ errorCode: 0, generationId: 1 })
  })

  test('is waited for until its session ends, not only until the join phase does', async () => {
    const world = await World.start()
    const [leader] = await world.stable({}, { instanceId: 'two', sessionTimeoutMs: 90_000 })
    const join = world.join({ memberId: leader?.memberId ?? '' })
    await world.clock.advance(60_000)
    const joined = await join
    expect(joined.members.map(({ groupInstanceId }) => groupInstanceId)).toEqual([null, 'two'])
  })
})

test('a refused append leaves no trace of a new group', async () => {
  const world = await World.start()
  world.log.refuseAppends = 1
  expect(await world.join()).toMatchObject({ errorCode: errorCodes.COORDINATOR_NOT_AVAILABLE })
  expect(await world.state()).toBe('Dead')
  expect((await world.joinAll({}))[0]).toMatchObject({ errorCode: 0, generationId: 1 })
})
