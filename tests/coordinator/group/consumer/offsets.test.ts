// Offsets in the name of members of the new protocol: the epoch is the fence, and a member that is behind may still
// commit what it has.

import { describe, expect, test } from 'vitest'
import { errorCodes } from '../../../../broker/protocol/errors.ts'
import { topicIdOf } from '../../../world/group-ports.ts'
import { topicToCommit } from '../fixture.ts'
import { ConsumerWorld, type Member } from './fixture.ts'

const orders = (partitionIndex: number) => {
  const topic = topicToCommit('orders', 5n)
  const [partition] = topic.partitions
  if (partition === undefined) throw new Error('a partition to commit')
  return { topics: [{ ...topic, topicId: topicIdOf(1), partitions: [{ ...partition, partitionIndex }] }] }
}

describe('OffsetCommit', () => {
  test('by a member in its epoch, and by nobody else', async () => {
    const world = await ConsumerWorld.start()
    const member = await world.member().join()
    expect(await member.commit(5n)).toBe(0)
    expect(await world.fetch()).toBe(5n)
    expect(await member.commit(6n, { generationIdOrMemberEpoch: 9 })).toBe(errorCodes.STALE_MEMBER_EPOCH)
    expect(await member.commit(6n, { memberId: 'nobody' })).toBe(errorCodes.UNKNOWN_MEMBER_ID)
    expect(await world.commit(6n)).toBe(errorCodes.UNKNOWN_MEMBER_ID)
    expect(await world.fetch()).toBe(5n)
  })

  test('before version 9 there is no epoch to say', async () => {
    const world = await ConsumerWorld.start()
    const member = await world.member().join()
    const request = { memberId: member.memberId, generationIdOrMemberEpoch: member.epoch, version: 8 }
    expect(await world.commit(6n, request)).toBe(errorCodes.UNSUPPORTED_VERSION)
  })

  test('by a member that is behind: what it had then and has still, whatever it gave up', async () => {
    const world = await ConsumerWorld.start()
    const [first] = (await world.settled({}, {})) as [Member, Member]
    const behind = { generationIdOrMemberEpoch: first.epoch - 1 }
    expect(first.partitions).toEqual(['orders-0', 'orders-1'])
    expect(await first.commit(5n, { ...behind, ...orders(0) })).toBe(0)
    expect(await first.commit(5n, { ...behind, ...orders(2) })).toBe(errorCodes.STALE_MEMBER_EPOCH)
  })

  test('of an empty group by an admin client', async () => {
    const world = await ConsumerWorld.start()
    const member = await world.member().join()
    await member.leave()
    expect(await world.commit(6n)).toBe(0)
    expect(await world.fetch()).toBe(6n)
  })
})

test('TxnOffsetCommit says ILLEGAL_GENERATION for an epoch that is behind', async () => {
  const world = await ConsumerWorld.start()
  const member = await world.member().join()
  const { memberId, epoch: generationId } = member
  expect(await world.commitInTransaction(1n, 5n, { memberId, generationId })).toBe(0)
  const behind = await world.commitInTransaction(1n, 5n, { memberId, generationId: 0 })
  expect(behind).toBe(errorCodes.ILLEGAL_GENERATION)
  // Without a word of who commits, the producer's epoch is the fence.
  expect(await world.commitInTransaction(1n, 5n)).toBe(0)
})

test('OffsetFetch by member', async () => {
  const world = await ConsumerWorld.start()
  const member = await world.member().join()
  await member.commit(5n)
  const fetched = async (memberId: string | null, memberEpoch: number): Promise<bigint | string> => {
    const topics = [{ name: 'orders', topicId: '', partitionIndexes: [0] }]
    const { groups } = await world.coordinator.offsetFetch(
      {
        groupId: '',
        topics: null,
        groups: [{ groupId: 'group', memberId, memberEpoch, topics }],
        requireStable: false,
      },
      world.context(9),
    )
    const [group] = groups
    return group?.errorCode
      ? `error ${group.errorCode}`
      : (group?.topics[0]?.partitions[0]?.committedOffset ?? -2n)
  }
  expect(await fetched(member.memberId, member.epoch)).toBe(5n)
  expect(await fetched(member.memberId, member.epoch - 1)).toBe(`error ${errorCodes.STALE_MEMBER_EPOCH}`)
  expect(await fetched('nobody', 1)).toBe(`error ${errorCodes.UNKNOWN_MEMBER_ID}`)
  expect(await fetched(null, -1)).toBe(5n)
})

describe('OffsetDelete', () => {
  const deleted = async (world: ConsumerWorld, groupId: string, name: string): Promise<number> => {
    const topics = [{ name, partitions: [{ partitionIndex: 0 }] }]
    const { errorCode, topics: answered } = await world.coordinator.offsetDelete({ groupId, topics })
    return errorCode || (answered[0]?.partitions[0]?.errorCode ?? -1)
  }

  test('spares what a member subscribes to', async () => {
    const world = await ConsumerWorld.start({}, { orders: 4, bills: 1 })
    const member = await world.member().join()
    await member.commit(5n)
    await member.commit(6n, { topics: [topicToCommit('bills', 6n)] })
    expect(await deleted(world, 'group', 'orders')).toBe(errorCodes.GROUP_SUBSCRIBED_TO_TOPIC)
    expect(await deleted(world, 'group', 'bills')).toBe(0)
    expect([await world.fetch(), await world.fetch({ topic: 'bills' })]).toEqual([5n, -1n])
    expect(await deleted(world, 'nobody', 'orders')).toBe(errorCodes.GROUP_ID_NOT_FOUND)
    expect(await deleted(world, '', 'orders')).toBe(errorCodes.INVALID_GROUP_ID)
  })

  test('of classic groups: nothing of a group of another kind that has members', async () => {
    const world = await ConsumerWorld.start()
    await world.stable({ type: 'connect' })
    expect(await deleted(world, 'group', 'orders')).toBe(errorCodes.NON_EMPTY_GROUP)
    await world.stable({ groupId: 'consumers' })
    expect(await deleted(world, 'consumers', 'orders')).toBe(errorCodes.GROUP_SUBSCRIBED_TO_TOPIC)
    expect(await deleted(world, 'consumers', 'bills')).toBe(0)
  })
})

describe('retention', () => {
  test('an offset of a topic that nobody subscribes to expires, and with the last the empty group', async () => {
    const world = await ConsumerWorld.start({}, { orders: 4, bills: 1 })
    const member = await world.member().join()
    await member.commit(5n)
    await member.commit(6n, { topics: [topicToCommit('bills', 6n)] })
    const { offsetsRetentionMs, offsetsRetentionCheckIntervalMs } = world.config
    for (
      let waitedMs = 0;
      waitedMs < offsetsRetentionMs + offsetsRetentionCheckIntervalMs;
      waitedMs += 40_000
    ) {
      await world.clock.advance(40_000)
      await member.beat()
    }
    expect([await world.fetch(), await world.fetch({ topic: 'bills' })]).toEqual([5n, -1n])
    await member.leave()
    await world.clock.advance(offsetsRetentionMs + offsetsRetentionCheckIntervalMs)
    expect((await world.described()).errorCode).toBe(errorCodes.GROUP_ID_NOT_FOUND)
  })

  test('DeleteGroups takes an empty group with its offsets, no other', async () => {
    const world = await ConsumerWorld.start()
    const member = await world.member().join()
    await member.commit(5n)
    const remove = async (): Promise<number | undefined> =>
      (await world.coordinator.deleteGroups({ groupsNames: ['group'] })).results[0]?.errorCode
    expect(await remove()).toBe(errorCodes.NON_EMPTY_GROUP)
    await member.leave()
    expect(await remove()).toBe(0)
    expect(await world.fetch()).toBe(-1n)
    await world.restart()
    expect((await world.described()).errorCode).toBe(errorCodes.GROUP_ID_NOT_FOUND)
  })
})
