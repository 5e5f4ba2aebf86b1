// SyncGroup, Heartbeat, LeaveGroup and the end of sessions.

import { describe, expect, test } from 'vitest'
import type { JoinGroupResponse, SyncGroupRequest } from '../../../broker/coordinator/group/messages.ts'
import { errorCodes } from '../../../broker/protocol/errors.ts'
import { seen, World } from './fixture.ts'

const { UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS, FENCED_INSTANCE_ID } = errorCodes

describe('SyncGroup', () => {
  test("waits for the leader's assignment, and gives each member its own", async () => {
    const world = await World.start()
    const [leader, one, two] = (await world.joinAll({}, {}, {})) as [
      JoinGroupResponse,
      JoinGroupResponse,
      JoinGroupResponse,
    ]
    const first = world.sync(one)
    expect(await seen(first)).toBe('waiting')
    const assignments = { [leader.memberId]: 'a', [one.memberId]: 'b', stranger: 'c' }
    expect((await world.sync(leader, assignments)).assignment.toString()).toBe('a')
    expect(await first).toMatchObject({ errorCode: 0, protocolType: 'consumer', protocolName: 'range' })
    expect((await first).assignment.toString()).toBe('b')
    // The leader left this one out: it owns nothing.
    expect((await world.sync(two)).assignment).toHaveLength(0)
    expect(await world.state()).toBe('Stable')
  })

  test('is answered only when the assignment cannot be lost', async () => {
    const world = await World.start()
    const [leader] = (await world.joinAll({})) as [JoinGroupResponse]
    world.log.autoSync = false
    const sync = world.sync(leader, { [leader.memberId]: 'a' })
    expect(await seen(sync)).toBe('waiting')
    world.log.sync()
    expect((await sync).assignment.toString()).toBe('a')
  })

  test('of a leader whose assignment the log refuses can be tried again', async () => {
    const world = await World.start()
    const [leader, follower] = (await world.joinAll({}, {})) as [JoinGroupResponse, JoinGroupResponse]
    const waits = world.sync(follower)
    world.log.refuseAppends = 1
    const refused = await world.sync(leader, { [follower.memberId]: 'b' })
    expect(refused.errorCode).toBe(errorCodes.COORDINATOR_NOT_AVAILABLE)
    expect(await seen(waits)).toBe('waiting')
    expect((await world.sync(leader, { [follower.memberId]: 'b' })).errorCode).toBe(0)
    expect((await waits).assignment.toString()).toBe('b')
  })

  const table: [string, Partial<SyncGroupRequest> & { version?: number }, number][] = [
    ['an empty group id', { groupId: '' }, errorCodes.INVALID_GROUP_ID],
    ['an unknown group', { groupId: 'new' }, UNKNOWN_MEMBER_ID],
    ['an unknown member', { memberId: 'ghost' }, UNKNOWN_MEMBER_ID],
    ['a former generation', { generationId: 0 }, ILLEGAL_GENERATION],
    ['a generation to come', { generationId: 2 }, ILLEGAL_GENERATION],
    ['an unknown instance', { groupInstanceId: 'two' }, UNKNOWN_MEMBER_ID],
    ['the instance of another', { groupInstanceId: 'one' }, FENCED_INSTANCE_ID],
    [
      'another protocol type',
      { protocolType: 'connect', protocolName: 'range', version: 5 },
      errorCodes.INCONSISTENT_GROUP_PROTOCOL,
    ],
    [
      'another protocol',
      { protocolType: 'consumer', protocolName: 'sticky', version: 5 },
      errorCodes.INCONSISTENT_GROUP_PROTOCOL,
    ],
    ['no protocol (v5)', { protocolType: 'consumer', version: 5 }, errorCodes.INCONSISTENT_GROUP_PROTOCOL],
  ]
  test.each(table)('is refused for %s', async (_, more, errorCode) => {
    const world = await World.start()
    const [leader] = (await world.joinAll({}, { instanceId: 'one' })) as [JoinGroupResponse]
    expect(await world.sync(leader, {}, more)).toMatchObject({ errorCode })
    expect(await world.state()).toBe('CompletingRebalance')
  })

  test('is refused, and the waiting are sent back, when the next rebalance begins', async () => {
    const world = await World.start()
    const [leader, follower] = (await world.joinAll({}, {})) as [JoinGroupResponse, JoinGroupResponse]
    const waits = world.sync(follower)
    void world.join()
    expect(await waits).toMatchObject({ errorCode: REBALANCE_IN_PROGRESS })
    expect(await world.sync(leader)).toMatchObject({ errorCode: REBALANCE_IN_PROGRESS })
  })

  test('that never comes costs a member its place', async () => {
    const world = await World.start()
    const [leader, follower] = (await world.joinAll(
      { sessionTimeoutMs: 120_000 },
      { sessionTimeoutMs: 120_000 },
    )) as [JoinGroupResponse, JoinGroupResponse]
    const waits = world.sync(follower)
    await world.clock.advance(60_000)
    expect(await waits).toMatchObject({ errorCode: REBALANCE_IN_PROGRESS })
    expect(await world.sync(leader)).toMatchObject({ errorCode: UNKNOWN_MEMBER_ID })
    const again = await world.join({ memberId: follower.memberId })
    expect(again).toMatchObject({ errorCode: 0, generationId: 2, leader: follower.memberId })
  })
})

describe('Heartbeat', () => {
  test('keeps the session; without it the session ends and the group rebalances', async () => {
    const world = await World.start()
    const [leader, follower] = (await world.stable({}, {})) as [JoinGroupResponse, JoinGroupResponse]
    for (let i = 0; i < 3; i++) {
      await world.clock.advance(9_000)
      expect(await world.heartbeat(leader)).toBe(i === 0 ? 0 : REBALANCE_IN_PROGRESS)
    }
    expect(await world.heartbeat(follower)).toBe(UNKNOWN_MEMBER_ID)
    expect(await world.join({ memberId: leader.memberId })).toMatchObject({ generationId: 2 })
  })

  test('is answered with success during the sync phase', async () => {
    const world = await World.start()
    const [leader] = (await world.joinAll({}, {})) as [JoinGroupResponse]
    expect(await world.heartbeat(leader)).toBe(0)
  })

  const table: [string, Parameters<World['heartbeat']>[1], number][] = [
    ['an empty group id', { groupId: '' }, errorCodes.INVALID_GROUP_ID],
    ['an unknown group', { groupId: 'new' }, UNKNOWN_MEMBER_ID],
    ['an unknown member', { memberId: 'ghost' }, UNKNOWN_MEMBER_ID],
    ['a former generation', { generationId: 0 }, ILLEGAL_GENERATION],
    ['an unknown instance', { groupInstanceId: 'two' }, UNKNOWN_MEMBER_ID],
    ['the instance of another', { groupInstanceId: 'one' }, FENCED_INSTANCE_ID],
  ]
  test.each(table)('is refused for %s', async (_, more, errorCode) => {
    const world = await World.start()
    const [leader] = (await world.stable({}, { instanceId: 'one' })) as [JoinGroupResponse]
    expect(await world.heartbeat(leader, more)).toBe(errorCode)
  })

  test('after a restart: sessions begin anew', async () => {
    const world = await World.start()
    const [leader] = (await world.stable({})) as [JoinGroupResponse]
    await world.clock.advance(9_000)
    await world.restart()
    await world.clock.advance(9_000)
    expect(await world.heartbeat(leader)).toBe(0)
    await world.clock.advance(10_000)
    expect(await world.state()).toBe('Empty')
  })
})

describe('a new member that cannot heartbeat yet', () => {
  test('is given up after five minutes', async () => {
    const world = await World.start()
    const [leader] = (await world.stable({ sessionTimeoutMs: 1_000_000, rebalanceTimeoutMs: 1_000_000 })) as [
      JoinGroupResponse,
    ]
    const join = world.join({ rebalanceTimeoutMs: 1_000_000 })
    await world.clock.advance(5 * 60_000)
    expect(await join).toMatchObject({ errorCode: UNKNOWN_MEMBER_ID, memberId: '' })
    expect((await world.describe()).members.map(({ memberId }) => memberId)).toEqual([leader.memberId])
  })

  test('and does not come back with its id is forgotten after the session timeout', async () => {
    const world = await World.start()
    const [leader] = (await world.stable({ sessionTimeoutMs: 60_000 })) as [JoinGroupResponse]
    await world.join({ version: 4 })
    const rejoin = world.join({ memberId: leader.memberId, sessionTimeoutMs: 60_000 })
    expect(await seen(rejoin)).toBe('waiting')
    await world.clock.advance(10_000)
    expect(await rejoin).toMatchObject({ errorCode: 0, generationId: 2 })
  })
})

describe('LeaveGroup', () => {
  test('of one makes the others rebalance, of the last makes the group empty', async () => {
    const world = await World.start()
    const [leader, follower] = (await world.stable({}, {})) as [JoinGroupResponse, JoinGroupResponse]
    expect(await world.leave([follower], 2)).toEqual({ throttleTimeMs: 0, errorCode: 0, members: [] })
    expect(await world.heartbeat(leader)).toBe(REBALANCE_IN_PROGRESS)
    await world.leave([leader])
    expect(await world.state()).toBe('Empty')
    await world.restart()
    expect(await world.state()).toBe('Empty')
  })

  test('of several answers for each', async () => {
    const world = await World.start()
    const [one, two, three] = (await world.stable({}, { instanceId: 'two' }, { instanceId: 'three' })) as [
      JoinGroupResponse,
      JoinGroupResponse,
      JoinGroupResponse,
    ]
    const pending = await world.join({ version: 4 })
    const response = await world.leave([
      { memberId: one.memberId },
      { memberId: '', groupInstanceId: 'two' },
      { memberId: two.memberId, groupInstanceId: 'three' },
      { memberId: '', groupInstanceId: 'four' },
      { memberId: '' },
      { memberId: 'ghost' },
      { memberId: pending.memberId },
    ])
    expect(response.errorCode).toBe(0)
    expect(response.members.map(({ errorCode }) => errorCode)).toEqual([
      0,
      0,
      FENCED_INSTANCE_ID,
      UNKNOWN_MEMBER_ID,
      UNKNOWN_MEMBER_ID,
      UNKNOWN_MEMBER_ID,
      0,
    ])
    const left = (await world.describe()).members.map(({ memberId }) => memberId)
    expect(left).toEqual([three.memberId])
  })

  test('answers the JoinGroup and SyncGroup that still wait in its name', async () => {
    const world = await World.start()
    const [leader, follower] = (await world.joinAll({}, {})) as [JoinGroupResponse, JoinGroupResponse]
    const sync = world.sync(follower)
    await world.leave([follower])
    expect(await sync).toMatchObject({ errorCode: UNKNOWN_MEMBER_ID })
    void world.join()
    const join = world.join({ memberId: leader.memberId })
    expect(await join).toMatchObject({ errorCode: 0 })
  })

  test.each([
    ['an empty group id', '', errorCodes.INVALID_GROUP_ID, []],
    ['an unknown group', 'new', 0, [UNKNOWN_MEMBER_ID]],
  ])('is refused for %s', async (_, groupId, errorCode, ofMembers) => {
    const world = await World.start()
    const members = [{ memberId: 'ghost', groupInstanceId: null, reason: null }]
    const request = { groupId, memberId: 'ghost', members }
    const response = await world.coordinator.leaveGroup(request, world.context(3))
    expect([response.errorCode, response.members.map((member) => member.errorCode)]).toEqual([
      errorCode,
      ofMembers,
    ])
    const old = await world.coordinator.leaveGroup(request, world.context(2))
    expect(old).toMatchObject({ errorCode: errorCode || UNKNOWN_MEMBER_ID, members: [] })
  })
})
