// States of a share group's partitions, made and deleted in three steps: what is interrupted, refused or overtaken is
// done again, and never stands for something that is not so.

import { describe, expect, test } from 'vitest'
import { errorCodes } from '../../../../broker/protocol/errors.ts'
import { ShareWorld } from './fixture.ts'

const REFUSED = errorCodes.COORDINATOR_NOT_AVAILABLE

describe('states that are made', () => {
  test('partitions whose states were refused are asked for again; the others are given out', async () => {
    const world = await ShareWorld.start({}, { orders: 2 })
    world.keeper.refusals.set(1, REFUSED)
    const member = await world.member().join()
    await world.turn()
    expect(world.warnings).toEqual([`states of group are not kept yet: error ${REFUSED}`])
    world.keeper.refusals.clear()
    world.keeper.asked.length = 0
    await member.beat()
    expect(member.partitions).toEqual(['orders-0'])
    expect(world.keeper.asked).toEqual(['make orders-1@3'])
    await world.settle([member])
    expect(member.partitions).toEqual(['orders-0', 'orders-1'])
  })

  test('states that are being made are not asked for again until their time is over, nor after a restart at once', async () => {
    const world = await ShareWorld.start(
      { initializeRetryIntervalMs: 30_000, sessionTimeoutMs: 45_000 },
      { orders: 1 },
    )
    world.keeper.pause = new Promise(() => {})
    const member = await world.member().join()
    await member.beat()
    expect(world.keeper.asked).toEqual(['make orders-0@2'])
    await world.clock.advance(30_000)
    await member.beat()
    expect(world.keeper.asked).toEqual(['make orders-0@2', 'make orders-0@2'])
    await world.restart()
    world.keeper.pause = Promise.resolve()
    await world.settle([member])
    expect(member.partitions).toEqual(['orders-0'])
  })

  test('a topic that was deleted while its states were made is not kept', async () => {
    const world = await ShareWorld.start({}, { orders: 1 })
    let goOn = (): void => {}
    world.keeper.pause = new Promise((resolve) => (goOn = resolve))
    const member = await world.member().join()
    const topicId = world.topics.topic('orders')?.topicId ?? ''
    world.topics.delete('orders')
    await world.coordinator.shareTopicsDeleted(new Set([topicId]))
    goOn()
    await world.turn()
    expect(await world.coordinator.share('group', { kind: 'shareKept', groupId: 'group' })).toEqual({
      kept: new Map(),
    })
    await member.leave()
    expect(await world.groups.deleteStatesOf('group')).toBe(errorCodes.NONE)
  })
})

describe('offsets that an admin client sets', () => {
  const alter = (world: ShareWorld, ...offsets: [number, bigint][]) =>
    world.groups.alterOffsets({
      groupId: 'group',
      topics: [
        {
          topicName: 'orders',
          partitions: offsets.map(([partitionIndex, startOffset]) => ({ partitionIndex, startOffset })),
        },
      ],
    })

  test('a group is made by them; members begin there', async () => {
    const world = await ShareWorld.start({}, { orders: 2 })
    const { responses } = await alter(world, [0, 7n], [5, 1n])
    expect(
      responses[0]?.partitions.map(({ partitionIndex, errorCode }) => [partitionIndex, errorCode]),
    ).toEqual([
      [0, errorCodes.NONE],
      [5, errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
    ])
    expect((await world.described()).groupState).toBe('Empty')
    const described = await world.groups.describeOffsets({ groupId: 'group', topics: null })
    expect(described.topics[0]?.partitions).toMatchObject([{ partitionIndex: 0, startOffset: 7n, lag: 3n }])
    const [member] = await world.settled(1)
    expect(member?.partitions).toEqual(['orders-0', 'orders-1'])
    expect(world.keeper.asked).toEqual(['make orders-0@1', 'make orders-1@2'])
  })

  test('a partition that is refused says so; the others are kept, and not begun again', async () => {
    const world = await ShareWorld.start({}, { orders: 2 })
    world.keeper.refusals.set(1, REFUSED)
    const { responses } = await alter(world, [0, 7n], [1, 7n])
    expect(responses[0]?.partitions.map(({ errorCode }) => errorCode)).toEqual([errorCodes.NONE, REFUSED])
    world.keeper.refusals.clear()
    await world.settled(1)
    expect(world.keeper.asked.slice(2)).toEqual(['make orders-1@2'])
    expect([...world.keeper.kept.values()]).toEqual([7n, -1n])
  })

  test('a group with members keeps its offsets', async () => {
    const world = await ShareWorld.start()
    await world.settled(1)
    expect((await alter(world, [0, 7n])).errorCode).toBe(errorCodes.NON_EMPTY_GROUP)
    const request = { groupId: 'group', topics: [{ topicName: 'orders' }] }
    expect((await world.groups.deleteOffsets(request)).errorCode).toBe(errorCodes.NON_EMPTY_GROUP)
    expect(await world.groups.deleteStatesOf('group')).toBe(errorCodes.NON_EMPTY_GROUP)
  })
})

describe('states that are deleted', () => {
  const remove = (world: ShareWorld, topicName: string) =>
    world.groups.deleteOffsets({ groupId: 'group', topics: [{ topicName }] })

  test('what was begun and refused can be asked for again', async () => {
    const world = await ShareWorld.start({}, { orders: 2 })
    const [member] = await world.settled(1)
    await member?.leave()
    world.keeper.refusals.set(1, REFUSED)
    expect((await remove(world, 'orders')).responses).toMatchObject([
      { topicName: 'orders', errorCode: REFUSED },
    ])
    await world.restart()
    world.keeper.refusals.clear()
    expect((await remove(world, 'orders')).responses).toMatchObject([{ errorCode: errorCodes.NONE }])
    expect(world.keeper.kept.size).toBe(0)
    expect((await remove(world, 'orders')).responses).toMatchObject([
      {
        errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
        errorMessage: 'There is no offset information to delete.',
      },
    ])
  })

  test('a group of which nothing was ever kept has nothing to delete', async () => {
    const world = await ShareWorld.start()
    const member = await world.member(['nope']).join()
    await member.leave()
    expect(await remove(world, 'orders')).toMatchObject({ errorCode: errorCodes.NONE, responses: [] })
  })

  test('a group goes with its states, also where a topic of it is gone', async () => {
    const world = await ShareWorld.start({}, { orders: 1, bills: 1 })
    const [member] = await world.settled(1, ['orders', 'bills'])
    await member?.leave()
    world.topics.delete('bills')
    world.keeper.asked.length = 0
    expect(await world.groups.deleteStatesOf('group')).toBe(errorCodes.NONE)
    expect(world.keeper.asked).toEqual(['delete orders-0'])
    const { results } = await world.coordinator.deleteGroups({ groupsNames: ['group'] })
    expect(results).toMatchObject([{ groupId: 'group', errorCode: errorCodes.NONE }])
    expect((await world.described()).errorCode).toBe(errorCodes.GROUP_ID_NOT_FOUND)
    await world.restart()
    expect((await world.described()).errorCode).toBe(errorCodes.GROUP_ID_NOT_FOUND)
  })
})
