// The facade: which shard, what is said while there is none, and the requests of administrators.

import { describe, expect, test } from 'vitest'
import { GroupCoordinator } from '../../../broker/coordinator/group/group-coordinator.ts'
import { replyErrorCode } from '../../../broker/coordinator/reply-error.ts'
import type { JoinGroupResponse } from '../../../broker/coordinator/group/messages.ts'
import { errorCodes } from '../../../broker/protocol/errors.ts'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { groupPorts } from '../../world/group-ports.ts'
import { MemoryShardLog } from '../../world/memory-shard-log.ts'
import { subscriptionTo, World } from './fixture.ts'

async function everyAnswer(world: World): Promise<Record<string, number>> {
  const member = { memberId: 'm', generationId: 1 }
  const deleted = await world.coordinator.deleteGroups({ groupsNames: ['group'] })
  return {
    join: (await world.join()).errorCode,
    sync: (await world.sync(member)).errorCode,
    heartbeat: await world.heartbeat(member),
    leave: (await world.leave([member])).errorCode,
    commit: await world.commit(1n),
    transaction: await world.commitInTransaction(1n, 1n),
    fetch: Number(String(await world.fetch()).replace('error ', '')),
    describe: (await world.describe()).errorCode,
    delete: deleted.results[0]?.errorCode ?? -1,
  }
}

const all = (errorCode: number): Record<string, number> => {
  const names = ['join', 'sync', 'heartbeat', 'leave', 'commit', 'transaction', 'fetch', 'describe', 'delete']
  return Object.fromEntries(names.map((name) => [name, errorCode]))
}

describe('every request', () => {
  test('hears NOT_COORDINATOR where the shard is elsewhere', async () => {
    const world = await World.start()
    world.coordinator.closeShard(0)
    expect(await everyAnswer(world)).toEqual(all(errorCodes.NOT_COORDINATOR))
    expect(await world.coordinator.listGroups({ statesFilter: [], typesFilter: [] })).toMatchObject({
      errorCode: 0,
      groups: [],
    })
  })

  test('hears COORDINATOR_LOAD_IN_PROGRESS while it loads, but a heartbeat hears success', async () => {
    const world = await World.start()
    const loading = world.restart()
    // The answers are asked for before the load can end.
    expect((await Promise.all([everyLoadingAnswer(world), loading]))[0]).toEqual([14, 0, 14])
    expect((await world.joinAll({}))[0]?.errorCode).toBe(0)
  })

  test('hears COORDINATOR_NOT_AVAILABLE after the end', async () => {
    const world = await World.start()
    world.coordinator.close()
    expect(await everyAnswer(world)).toEqual(all(errorCodes.COORDINATOR_NOT_AVAILABLE))
    expect(await world.coordinator.listGroups({ statesFilter: [], typesFilter: [] })).toMatchObject({
      errorCode: errorCodes.COORDINATOR_NOT_AVAILABLE,
    })
    expect(world.clock.timersSet).toBe(0)
  })

  async function everyLoadingAnswer(world: World): Promise<number[]> {
    const answers = [world.commit(1n), world.heartbeat({ memberId: 'm', generationId: 1 })] as const
    const list = world.coordinator.listGroups({ statesFilter: [], typesFilter: [] })
    return [...(await Promise.all(answers)), (await list).errorCode]
  }
})

test.each([
  ['UNKNOWN_TOPIC_OR_PARTITION', 'COORDINATOR_NOT_AVAILABLE'],
  ['NOT_ENOUGH_REPLICAS', 'COORDINATOR_NOT_AVAILABLE'],
  ['REQUEST_TIMED_OUT', 'COORDINATOR_NOT_AVAILABLE'],
  ['NOT_LEADER_OR_FOLLOWER', 'NOT_COORDINATOR'],
  ['KAFKA_STORAGE_ERROR', 'NOT_COORDINATOR'],
  ['MESSAGE_TOO_LARGE', 'UNKNOWN_SERVER_ERROR'],
  ['RECORD_LIST_TOO_LARGE', 'UNKNOWN_SERVER_ERROR'],
  ['INVALID_PRODUCER_EPOCH', 'INVALID_PRODUCER_EPOCH'],
] as const)('%s of the log is %s for a client', async (ofLog, ofReply) => {
  expect(replyErrorCode(errorCodes[ofLog])).toBe(errorCodes[ofReply])
  const world = await World.start()
  world.log.refusal = { errorCode: errorCodes[ofLog], message: 'refused' }
  world.log.refuseAppends = 1
  expect(await world.commit(1n)).toBe(errorCodes[ofReply])
})

test('groups are placed by the Java hash of their id, each shard with its own log', async () => {
  const logs = new Map<number, MemoryShardLog>()
  const coordinator = new GroupCoordinator({
    ...groupPorts(),
    clock: new ManualClock(),
    partitionCount: 50,
  })
  // "polygenelubricants" is the well-known string whose Java hash is Integer.MIN_VALUE.
  expect(coordinator.partitionFor('polygenelubricants')).toBe(0)
  expect(coordinator.partitionFor('a')).toBe(97 % 50)
  for (const partition of [0, 47]) {
    const log = new MemoryShardLog()
    logs.set(partition, log)
    await coordinator.openShard(partition, log)
  }
  await expect(coordinator.openShard(50, new MemoryShardLog())).rejects.toThrow('50 partitions')
  const commit = (groupId: string) =>
    coordinator.offsetCommit(
      {
        groupId,
        generationIdOrMemberEpoch: -1,
        memberId: '',
        groupInstanceId: null,
        retentionTimeMs: -1n,
        topics: [
          {
            name: 't',
            topicId: '',
            partitions: [
              { partitionIndex: 0, committedOffset: 1n, committedLeaderEpoch: -1, committedMetadata: null },
            ],
          },
        ],
      },
      { apiVersion: 8 },
    )
  const codes = await Promise.all(['a', 'polygenelubricants', 'b'].map(commit))
  expect(codes.map(({ topics }) => topics[0]?.partitions[0]?.errorCode)).toEqual([
    0,
    0,
    errorCodes.NOT_COORDINATOR,
  ])
  expect([...logs].map(([partition, log]) => [partition, log.batches.length])).toEqual([
    [0, 1],
    [47, 1],
  ])
  const listed = await coordinator.listGroups({ statesFilter: [], typesFilter: [] })
  expect(listed.groups.map(({ groupId }) => groupId).sort()).toEqual(['a', 'polygenelubricants'])
  coordinator.close()
})

test('a record of a kind that it does not know closes the shard, loudly', async () => {
  const log = new MemoryShardLog()
  log.append([{ key: Buffer.from([0, 60, 0, 1, 0x67]), value: Buffer.from([0, 0]) }])
  const failures: string[] = []
  const coordinator = new GroupCoordinator({
    ...groupPorts(),
    clock: new ManualClock(),
    partitionCount: 1,
    onShardFailed: (partition, error) => failures.push(`${partition}: ${error.message}`),
  })
  await expect(coordinator.openShard(0, log)).rejects.toThrow('kind 60')
  expect(failures).toHaveLength(1)
  const { groups } = await coordinator.describeGroups(
    { groups: ['g'], includeAuthorizedOperations: false },
    { apiVersion: 6, clientId: null, clientHost: '' },
  )
  expect(groups[0]?.errorCode).toBe(errorCodes.COORDINATOR_NOT_AVAILABLE)
})

describe('DescribeGroups', () => {
  test('tells of a stable group what its members are and own', async () => {
    const world = await World.start()
    const [leader] = (await world.stable({ instanceId: 'one' })) as [JoinGroupResponse]
    expect(await world.describe()).toEqual({
      errorCode: 0,
      errorMessage: null,
      groupId: 'group',
      groupState: 'Stable',
      protocolType: 'consumer',
      protocolData: 'range',
      members: [
        {
          memberId: leader.memberId,
          groupInstanceId: 'one',
          clientId: 'client',
          clientHost: '/127.0.0.1',
          memberMetadata: subscriptionTo('orders'),
          memberAssignment: Buffer.from('#0'),
        },
      ],
      authorizedOperations: -2147483648,
    })
  })

  test('keeps to itself during a rebalance what is about to change', async () => {
    const world = await World.start()
    await world.joinAll({})
    const group = await world.describe()
    expect(group).toMatchObject({
      groupState: 'CompletingRebalance',
      protocolType: 'consumer',
      protocolData: '',
    })
    expect(group.members[0]?.memberMetadata).toHaveLength(0)
  })

  test.each([
    [5, 0, null],
    [6, errorCodes.GROUP_ID_NOT_FOUND, 'Group new not found.'],
  ])('v%i of an unknown group', async (version, errorCode, errorMessage) => {
    const world = await World.start()
    const described = await world.describe('new', version)
    expect(described).toMatchObject({ errorCode, errorMessage, groupState: 'Dead', members: [] })
  })
})

test.each([
  [[], [], ['empty', 'group', 'simple']],
  [['Stable'], [], ['group']],
  [['stable', 'EMPTY'], [], ['empty', 'group', 'simple']],
  [['PreparingRebalance'], [], []],
  [['nonsense'], [], []],
  [[], ['classic'], ['empty', 'group', 'simple']],
  [['Empty'], ['Classic', 'consumer'], ['empty', 'simple']],
  [[], ['consumer'], []],
])('ListGroups in states %j of types %j gives %j', async (statesFilter, typesFilter, expected) => {
  const world = await World.start()
  await world.stable({})
  await world.commit(1n, { groupId: 'simple' })
  await world.join({ groupId: 'empty', version: 4 })
  const { groups, errorCode } = await world.coordinator.listGroups({ statesFilter, typesFilter })
  expect(errorCode).toBe(0)
  expect(groups.map(({ groupId }) => groupId).sort()).toEqual(expected)
  for (const group of groups) {
    expect(group).toMatchObject({
      groupType: 'classic',
      groupState: group.groupId === 'group' ? 'Stable' : 'Empty',
      protocolType: group.groupId === 'group' ? 'consumer' : '',
    })
  }
})

test('DeleteGroups takes empty groups with all their offsets, and no others', async () => {
  const world = await World.start()
  await world.stable({})
  await world.commit(1n, { groupId: 'simple' })
  await world.commitInTransaction(5n, 2n, { groupId: 'simple' })
  const groupsNames = ['group', 'simple', 'new', 'simple']
  const { results } = await world.coordinator.deleteGroups({ groupsNames })
  expect(results).toEqual([
    { groupId: 'group', errorCode: errorCodes.NON_EMPTY_GROUP },
    { groupId: 'simple', errorCode: 0 },
    { groupId: 'new', errorCode: errorCodes.GROUP_ID_NOT_FOUND },
  ])
  world.log.appendMarker({ producerId: 5n, producerEpoch: 0 }, true)
  expect([await world.state('simple'), await world.fetch({ groupId: 'simple' })]).toEqual(['Dead', -1n])
  await world.restart()
  expect([await world.state('simple'), await world.fetch({ groupId: 'simple' })]).toEqual(['Dead', -1n])
  expect(await world.state()).toBe('Stable')
})
