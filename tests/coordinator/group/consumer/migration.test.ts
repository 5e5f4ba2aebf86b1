// From the classic protocol to the new one and back, online: members of either in one group, offsets and epochs
// going on.

import { describe, expect, test } from 'vitest'
import { errorCodes } from '../../../../broker/protocol/errors.ts'
import {
  consumerProtocolAssignment,
  consumerProtocolSubscription,
} from '../../../../broker/protocol/records/consumer-protocol.ts'
import { decodeVersioned, encodeVersioned } from '../../../../broker/protocol/records/versioned.ts'
import type { JoinOptions } from '../fixture.ts'
import { ConsumerWorld, type Member } from './fixture.ts'

const subscription = (...owned: number[]): Buffer =>
  encodeVersioned(consumerProtocolSubscription, 1, {
    topics: ['orders'],
    userData: null,
    ownedPartitions: owned.length === 0 ? [] : [{ topic: 'orders', partitions: owned }],
  })
const assignment = (...partitions: number[]): Buffer =>
  encodeVersioned(consumerProtocolAssignment, 1, {
    assignedPartitions: [{ topic: 'orders', partitions }],
    userData: null,
  })
const classic = (memberId: string, ...owned: number[]): JoinOptions => ({
  memberId,
  version: 9,
  protocols: [{ name: 'range', metadata: subscription(...owned) }],
})

/** A classic member that does what it is told: joins again when it hears of a rebalance. */
class ClassicMember {
  partitions: number[] = []
  generationId = -1
  memberId: string
  private readonly world: ConsumerWorld

  constructor(world: ConsumerWorld, memberId: string) {
    this.world = world
    this.memberId = memberId
  }

  async join(): Promise<number> {
    const joined = await this.world.join(classic(this.memberId, ...this.partitions))
    if (joined.errorCode !== 0) return joined.errorCode
    this.generationId = joined.generationId
    const request = { protocolType: 'consumer', protocolName: 'range', version: 5 }
    const synced = await this.world.sync(this, {}, request)
    if (synced.errorCode !== 0) return synced.errorCode
    const { assignedPartitions } = decodeVersioned(consumerProtocolAssignment, synced.assignment).value
    this.partitions = assignedPartitions.flatMap(({ partitions }) => partitions)
    return 0
  }

  /** A heartbeat, and whatever comes of it. */
  async beat(): Promise<number> {
    const errorCode = await this.world.heartbeat(this)
    return errorCode === errorCodes.REBALANCE_IN_PROGRESS ? this.join() : errorCode
  }
}

/** A classic group of one member that has all four partitions. */
async function classicGroup(world: ConsumerWorld): Promise<ClassicMember> {
  const asked = await world.join(classic(''))
  const member = new ClassicMember(world, asked.memberId)
  const joined = world.join(classic(member.memberId))
  await world.clock.advance(0)
  member.generationId = (await joined).generationId
  await world.coordinator.syncGroup(
    {
      groupId: 'group',
      generationId: member.generationId,
      memberId: member.memberId,
      groupInstanceId: null,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: [{ memberId: member.memberId, assignment: assignment(0, 1, 2, 3) }],
    },
    world.context(5),
  )
  member.partitions = [0, 1, 2, 3]
  return member
}

async function settle(
  world: ConsumerWorld,
  old: readonly ClassicMember[],
  modern: readonly Member[],
): Promise<void> {
  for (let round = 0; round < 10; round++) {
    for (const member of old) expect(await member.beat()).toBe(0)
    for (const member of modern) expect(await member.beat()).toBe(0)
  }
  expect((await world.described()).groupState).toBe('Stable')
}

describe('a classic group', () => {
  test('takes a member of the new protocol in and shares with it', async () => {
    const world = await ConsumerWorld.start()
    const old = await classicGroup(world)
    expect(
      await world.commit(7n, { memberId: old.memberId, generationIdOrMemberEpoch: old.generationId }),
    ).toBe(0)
    const modern = await world.member().join()
    expect(modern.partitions).toEqual([])
    await settle(world, [old], [modern])
    expect([old.partitions, modern.partitions]).toEqual([
      [0, 1],
      ['orders-2', 'orders-3'],
    ])
    expect(await world.fetch()).toBe(7n)
    expect((await world.described()).members.map(({ memberType }) => memberType)).toEqual([0, 1])
    // The same after a restart: all of it is in the log.
    const before = await world.described()
    await world.restart()
    expect(await world.described()).toEqual(before)
    await settle(world, [old], [modern])
  })

  test('without members becomes one of the new protocol, and keeps its offsets', async () => {
    const world = await ConsumerWorld.start({ migrationPolicy: 'disabled' })
    const old = await classicGroup(world)
    expect(
      await world.commit(7n, { memberId: old.memberId, generationIdOrMemberEpoch: old.generationId }),
    ).toBe(0)
    await world.leave([old])
    await world.clock.advance(0)
    const modern = await world.member().join()
    expect(modern.partitions).toHaveLength(4)
    expect(await world.fetch()).toBe(7n)
  })

  test.each(['disabled', 'downgrade'] as const)('stays one under policy %s', async (migrationPolicy) => {
    const world = await ConsumerWorld.start({ migrationPolicy })
    const old = await classicGroup(world)
    await expect(world.member().join()).rejects.toThrow(
      `refused: ${errorCodes.GROUP_ID_NOT_FOUND} Cannot upgrade classic group group to consumer group because online upgrade is disabled.`,
    )
    expect(await old.beat()).toBe(0)
  })

  test('of another protocol type cannot be one', async () => {
    const world = await ConsumerWorld.start()
    await world.stable({ type: 'connect' })
    await expect(world.member().join()).rejects.toThrow('does not use the consumer embedded protocol')
  })

  test('whose leader handed out bytes of its own cannot be one', async () => {
    const world = await ConsumerWorld.start()
    await world.stable({})
    await expect(world.member().join()).rejects.toThrow('the embedded consumer protocol is malformed')
    expect(await world.state()).toBe('Stable')
  })

  test('in the midst of a rebalance: who waits is told to come again', async () => {
    const world = await ConsumerWorld.start()
    const old = await classicGroup(world)
    const waiting = world.join(classic(old.memberId, 0, 1, 2, 3))
    const asked = await world.join(classic(''))
    const other = world.join(classic(asked.memberId))
    await world.clock.advance(0)
    await Promise.race([waiting, other, Promise.resolve()])
    const modern = await world.member().join()
    const codes = [(await waiting).errorCode, (await other).errorCode]
    expect(codes.every((code) => code === 0 || code === errorCodes.REBALANCE_IN_PROGRESS)).toBe(true)
    const members = [old, new ClassicMember(world, asked.memberId)]
    for (const member of members) await member.join()
    await settle(world, members, [modern])
    expect([...members.map(({ partitions }) => partitions.length), modern.partitions.length]).toEqual([
      2, 1, 1,
    ])
  })
})

describe('a consumer group', () => {
  test('is a classic one again when the last member of the new protocol leaves', async () => {
    const world = await ConsumerWorld.start()
    const old = await classicGroup(world)
    const modern = await world.member().join()
    await settle(world, [old], [modern])
    const epoch = (await world.described()).groupEpoch
    await modern.leave()
    expect(await world.described()).toMatchObject({
      errorCode: errorCodes.GROUP_ID_NOT_FOUND,
      errorMessage: 'Group group is not a consumer group.',
    })
    expect(await world.state()).toBe('PreparingRebalance')
    const joined = world.join(classic(old.memberId, 0, 1))
    await world.clock.advance(0)
    expect(await joined).toMatchObject({ errorCode: 0, generationId: epoch + 1, leader: old.memberId })
    // And the way there once more, over a restart.
    await world.restart()
    const again = await world.member().join()
    expect((await world.described()).members).toHaveLength(2)
    expect(again.epoch).toBeGreaterThan(epoch)
  })

  test('that went back and forth at once takes nothing from who has not heard of it', async () => {
    const world = await ConsumerWorld.start()
    const old = await classicGroup(world)
    const first = await world.member().join()
    await settle(world, [old], [first])
    expect(old.partitions).toEqual([0, 1])
    // The target takes one of them from it, but it was not told yet when everyone else left.
    const [second, third] = [await world.member().join(), await world.member().join()]
    const [described] = (await world.described()).members
    expect(described?.targetAssignment.topicPartitions[0]?.partitions).toEqual([0])
    for (const member of [first, second, third]) await member.leave()
    const fourth = await world.member().join()
    expect(fourth.partitions).toEqual(['orders-2', 'orders-3'])
    const [again] = (await world.described()).members
    expect(again?.assignment.topicPartitions[0]?.partitions).toEqual([0, 1])
  })

  test('goes back also where a member never said a word in the protocol that all share', async () => {
    const world = await ConsumerWorld.start()
    const modern = await world.member().join()
    const silent = await world.join({
      ...classic('silent'),
      protocols: [
        { name: 'range', metadata: subscription() },
        { name: 'sticky', metadata: Buffer.alloc(0) },
      ],
    })
    const other = await world.join({
      ...classic('other'),
      protocols: [{ name: 'sticky', metadata: subscription() }],
    })
    expect([silent.errorCode, other.errorCode]).toEqual([0, 0])
    for (let waitedMs = 0; waitedMs < 45_000; waitedMs += 5_000) {
      await world.heartbeat(silent)
      await world.heartbeat(other)
      await world.clock.advance(5_000)
    }
    expect(await modern.beat()).toBe(errorCodes.GROUP_ID_NOT_FOUND)
    expect(await world.state()).toBe('PreparingRebalance')
  })

  test('stays one where it may not go back', async () => {
    const world = await ConsumerWorld.start({ migrationPolicy: 'upgrade' })
    const old = await classicGroup(world)
    const modern = await world.member().join()
    await settle(world, [old], [modern])
    await modern.leave()
    // As in Kafka, classic heartbeats compute no assignment: the next that joins sees to it.
    expect(await old.join()).toBe(0)
    await settle(world, [old], [])
    expect(old.partitions).toHaveLength(4)
  })

  test.each(['bidirectional', 'disabled'] as const)(
    'without members becomes a classic one under policy %s, and keeps its offsets',
    async (migrationPolicy) => {
      const world = await ConsumerWorld.start({ migrationPolicy })
      const modern = await world.member().join()
      expect(await modern.commit(7n)).toBe(0)
      await modern.leave()
      expect((await world.described()).groupState).toBe('Empty')
      // What is refused leaves the group as it was: a member that it does not know.
      expect((await world.join(classic('nobody'))).errorCode).toBe(errorCodes.UNKNOWN_MEMBER_ID)
      expect((await world.described()).groupState).toBe('Empty')
      // A classic group deals its partitions out itself, by whatever protocol its members share.
      const asked = await world.join({ ...classic(''), type: 'anything' })
      const joined = world.join({ ...classic(asked.memberId), type: 'anything' })
      await world.clock.advance(0)
      expect(await joined).toMatchObject({ errorCode: 0, generationId: 1, leader: asked.memberId })
      expect(await world.fetch()).toBe(7n)
      await world.restart()
      expect(await world.described()).toMatchObject({ errorCode: errorCodes.GROUP_ID_NOT_FOUND })
      expect([await world.state(), await world.fetch()]).toEqual(['Empty', 7n])
    },
  )

  test('takes no classic member where there is no migration', async () => {
    const world = await ConsumerWorld.start({ migrationPolicy: 'disabled' })
    await world.member().join()
    const { errorCode } = await world.join(classic('old'))
    expect(errorCode).toBe(errorCodes.INCONSISTENT_GROUP_PROTOCOL)
  })

  test('a classic member that does not join again in time is out', async () => {
    const world = await ConsumerWorld.start()
    const old = await classicGroup(world)
    const modern = await world.member().join()
    expect(await world.heartbeat(old)).toBe(errorCodes.REBALANCE_IN_PROGRESS)
    for (let waitedMs = 0; waitedMs < 60_000; waitedMs += 5_000) {
      await modern.beat()
      expect(await world.heartbeat(old)).toBe(errorCodes.REBALANCE_IN_PROGRESS)
      await world.clock.advance(5_000)
    }
    expect(await world.heartbeat(old)).toBe(errorCodes.UNKNOWN_MEMBER_ID)
    await world.settle([modern])
    expect(modern.partitions).toHaveLength(4)
  })

  test('LeaveGroup takes out members of either protocol', async () => {
    const world = await ConsumerWorld.start()
    const [first] = (await world.settled({ instanceId: 'one' }, {})) as [Member, Member]
    const { members } = await world.leave([{ memberId: '', groupInstanceId: 'one' }, { memberId: 'nobody' }])
    expect(members.map(({ errorCode }) => errorCode)).toEqual([0, errorCodes.UNKNOWN_MEMBER_ID])
    expect(await first.beat()).toBe(errorCodes.UNKNOWN_MEMBER_ID)
  })
})
