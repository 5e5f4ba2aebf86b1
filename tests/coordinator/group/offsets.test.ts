// Committed offsets: who may commit, what a fetch gives, transactions, and when an offset is forgotten.

import { describe, expect, test } from 'vitest'
import type { JoinGroupResponse } from '../../../broker/coordinator/group/messages.ts'
import { errorCodes } from '../../../broker/protocol/errors.ts'
import { seen, subscriptionTo, topicToCommit, World } from './fixture.ts'

const { UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS, FENCED_INSTANCE_ID } = errorCodes
const NOBODY = { memberId: '', generationIdOrMemberEpoch: -1 }

const as = ({ memberId, generationId }: JoinGroupResponse) => ({
  memberId,
  generationIdOrMemberEpoch: generationId,
})

describe('OffsetCommit', () => {
  test('of a consumer without a group makes one, and outlives a restart', async () => {
    const world = await World.start()
    expect(await world.fetch()).toBe(-1n)
    expect(await world.commit(7n, { metadata: 'seven' })).toBe(0)
    expect(await world.fetch()).toBe(7n)
    await world.restart()
    expect(await world.fetch()).toBe(7n)
    expect(await world.describe()).toMatchObject({ groupState: 'Empty', protocolType: '', members: [] })
  })

  test('is answered only when it cannot be lost', async () => {
    const world = await World.start()
    world.log.autoSync = false
    const commit = world.commit(7n)
    const fetch = world.fetch()
    expect([await seen(commit), await seen(fetch)]).toEqual(['waiting', 'waiting'])
    world.log.sync()
    expect([await commit, await fetch]).toEqual([0, 7n])
  })

  test('that is not safe in time is refused, but counts if it was kept', async () => {
    const world = await World.start()
    world.log.autoSync = false
    const commit = world.commit(7n)
    await world.clock.advance(5_000)
    expect(await commit).toBe(errorCodes.COORDINATOR_NOT_AVAILABLE)
    world.log.sync()
    expect(await world.fetch()).toBe(7n)
  })

  test('keeps the session of its member', async () => {
    const world = await World.start()
    const [leader] = (await world.stable({})) as [JoinGroupResponse]
    for (let i = 0; i < 3; i++) {
      await world.clock.advance(9_000)
      expect(await world.commit(BigInt(i), as(leader))).toBe(0)
    }
    expect(await world.state()).toBe('Stable')
  })

  test('during the join phase is still accepted: the member gives its partitions back', async () => {
    const world = await World.start()
    const [leader] = (await world.stable({})) as [JoinGroupResponse]
    void world.join()
    expect(await world.state()).toBe('PreparingRebalance')
    expect(await world.commit(7n, as(leader))).toBe(0)
  })

  test('during the sync phase is refused: the partitions may be another’s', async () => {
    const world = await World.start()
    const [leader] = (await world.joinAll({})) as [JoinGroupResponse]
    expect(await world.commit(7n, as(leader))).toBe(REBALANCE_IN_PROGRESS)
  })

  const refusals: [string, Parameters<World['commit']>[1], number][] = [
    ['a former generation', { generationIdOrMemberEpoch: 0 }, ILLEGAL_GENERATION],
    ['a generation to come', { generationIdOrMemberEpoch: 2 }, ILLEGAL_GENERATION],
    ['an unknown member', { memberId: 'ghost' }, UNKNOWN_MEMBER_ID],
    ['nobody, while there are members', NOBODY, UNKNOWN_MEMBER_ID],
    ['a member without a generation', { generationIdOrMemberEpoch: -1 }, ILLEGAL_GENERATION],
    ['an unknown instance', { groupInstanceId: 'two' }, UNKNOWN_MEMBER_ID],
    ['the instance of another', { groupInstanceId: 'one' }, FENCED_INSTANCE_ID],
    ['a generation of an unknown group', { groupId: 'new' }, errorCodes.GROUP_ID_NOT_FOUND],
    ['metadata that is too long', { metadata: 'x'.repeat(4_097) }, errorCodes.OFFSET_METADATA_TOO_LARGE],
  ]
  test.each(refusals)('is refused for %s', async (_, more, errorCode) => {
    const world = await World.start()
    const [leader] = (await world.stable({}, { instanceId: 'one' })) as [JoinGroupResponse]
    const { endOffset } = world.log
    expect(await world.commit(7n, { ...as(leader), ...more })).toBe(errorCode)
    expect(world.log.endOffset).toBe(endOffset)
    expect(await world.fetch()).toBe(-1n)
    expect(await world.commit(7n, { ...as(leader), metadata: 'x'.repeat(4_096) })).toBe(0)
  })

  test('with an empty group id is allowed, as it always was', async () => {
    const world = await World.start()
    expect(await world.commit(7n, { groupId: '' })).toBe(0)
    expect(await world.fetch({ groupId: '' })).toBe(7n)
  })

  test('of several topics answers for each partition', async () => {
    const world = await World.start()
    const topics = [topicToCommit('a', 1n), topicToCommit('b', 2n, 'x'.repeat(5_000)), topicToCommit('c', 3n)]
    const response = await world.coordinator.offsetCommit(
      {
        groupId: 'group',
        ...NOBODY,
        groupInstanceId: null,
        retentionTimeMs: -1n,
        topics,
      },
      world.context(8),
    )
    const codes = response.topics.map(({ name, partitions }) => [name, partitions[0]?.errorCode])
    expect(codes).toEqual([
      ['a', 0],
      ['b', errorCodes.OFFSET_METADATA_TOO_LARGE],
      ['c', 0],
    ])
    expect(await world.fetch({ topic: 'b' })).toBe(-1n)
  })
})

describe('OffsetFetch', () => {
  test.each([1, 2, 5, 7])('v%i asks for one group', async (version) => {
    const world = await World.start()
    await world.commit(7n, { metadata: 'seven' })
    const topics = [{ name: 'orders', partitionIndexes: [0, 1] }]
    const request = { groupId: 'group', topics, groups: [], requireStable: false }
    const response = await world.coordinator.offsetFetch(request, world.context(version))
    expect(response).toMatchObject({ errorCode: 0, groups: [] })
    expect(response.topics[0]?.partitions).toMatchObject([
      { partitionIndex: 0, committedOffset: 7n, committedLeaderEpoch: -1, metadata: 'seven', errorCode: 0 },
      { partitionIndex: 1, committedOffset: -1n, committedLeaderEpoch: -1, metadata: '', errorCode: 0 },
    ])
  })

  test('without topics gives all of the group; a group that is not there has none', async () => {
    const world = await World.start()
    await world.commit(7n)
    await world.commit(8n, { topics: [topicToCommit('bills', 8n)] })
    const ask = (groupId: string) => ({ groupId, memberId: null, memberEpoch: -1, topics: null })
    const response = await world.coordinator.offsetFetch(
      { groupId: '', topics: null, groups: [ask('group'), ask('new')], requireStable: true },
      world.context(9),
    )
    expect(response.groups.map(({ groupId, errorCode }) => [groupId, errorCode])).toEqual([
      ['group', 0],
      ['new', 0],
    ])
    const found = response.groups[0]?.topics.map(({ name, partitions }) => [
      name,
      partitions[0]?.committedOffset,
    ])
    expect(found).toEqual([
      ['orders', 7n],
      ['bills', 8n],
    ])
    expect(response.groups[1]?.topics).toEqual([])
  })

  test('keeps the leader epoch', async () => {
    const world = await World.start()
    const topic = topicToCommit('orders', 7n)
    const partitions = topic.partitions.map((partition) => ({ ...partition, committedLeaderEpoch: 4 }))
    await world.commit(0n, { topics: [{ ...topic, partitions }] })
    await world.restart()
    const topics = [{ name: 'orders', partitionIndexes: [0] }]
    const request = { groupId: 'group', topics, groups: [], requireStable: false }
    const response = await world.coordinator.offsetFetch(request, world.context(7))
    expect(response.topics[0]?.partitions[0]?.committedLeaderEpoch).toBe(4)
  })

  test.each([
    [1, 0, errorCodes.NOT_COORDINATOR],
    [2, errorCodes.NOT_COORDINATOR, undefined],
  ])('v%i says where an error of the whole belongs', async (version, ofAll, ofPartition) => {
    const world = await World.start()
    world.coordinator.closeShard(0)
    const topics = [{ name: 'orders', partitionIndexes: [0] }]
    const request = { groupId: 'group', topics, groups: [], requireStable: false }
    const response = await world.coordinator.offsetFetch(request, world.context(version))
    if (version > 1) expect(response.errorCode).toBe(ofAll)
    expect(response.topics[0]?.partitions[0]?.errorCode).toBe(ofPartition)
  })
})

describe('an offset in a transaction', () => {
  const producer = { producerId: 5n, producerEpoch: 0 }

  test.each([
    [true, 9n],
    [false, 7n],
  ])('is pending until the marker (commit: %s), in replays too', async (committed, after) => {
    const world = await World.start()
    await world.commit(7n)
    expect(await world.commitInTransaction(5n, 9n)).toBe(0)
    await world.restart()
    expect(await world.fetch()).toBe(7n)
    expect(await world.fetch({ requireStable: true })).toBe(`error ${errorCodes.UNSTABLE_OFFSET_COMMIT}`)
    world.log.appendMarker(producer, committed)
    expect(await world.fetch({ requireStable: true })).toBe(after)
    await world.restart()
    expect(await world.fetch({ requireStable: true })).toBe(after)
  })

  test('does not undo a later plain commit', async () => {
    const world = await World.start()
    await world.commitInTransaction(5n, 9n)
    await world.commit(11n)
    world.log.appendMarker(producer, true)
    expect(await world.fetch()).toBe(11n)
    await world.restart()
    expect(await world.fetch()).toBe(11n)
  })

  test('is written as the producer’s own transactional batch', async () => {
    const world = await World.start()
    await world.commitInTransaction(5n, 9n)
    expect(world.log.batches.at(-1)).toMatchObject({ producer })
  })

  const refusals: [string, Parameters<World['commitInTransaction']>[2], number][] = [
    ['an empty group id', { groupId: '' }, errorCodes.INVALID_GROUP_ID],
    ['a former generation', { generationId: 0 }, ILLEGAL_GENERATION],
    ['an unknown member', { memberId: 'ghost' }, UNKNOWN_MEMBER_ID],
    ['the instance of another', { groupInstanceId: 'one' }, FENCED_INSTANCE_ID],
    ['a generation of an unknown group', { groupId: 'new' }, ILLEGAL_GENERATION],
    ['metadata that is too long', { metadata: 'x'.repeat(4_097) }, errorCodes.OFFSET_METADATA_TOO_LARGE],
  ]
  test.each(refusals)('is refused for %s (v3+)', async (_, more, errorCode) => {
    const world = await World.start()
    const [leader] = (await world.stable({}, { instanceId: 'one' })) as [JoinGroupResponse]
    const { memberId, generationId } = leader
    expect(await world.commitInTransaction(5n, 9n, { memberId, generationId, ...more })).toBe(errorCode)
    expect(await world.fetch({ requireStable: true })).toBe(-1n)
  })

  test('from an old producer names no member and is fenced by its epoch alone', async () => {
    const world = await World.start()
    await world.stable({})
    expect(await world.commitInTransaction(5n, 9n)).toBe(0)
  })

  test('is accepted during the sync phase: a transaction is fenced by its own means', async () => {
    const world = await World.start()
    const [leader] = (await world.joinAll({})) as [JoinGroupResponse]
    const { memberId, generationId } = leader
    expect(await world.commitInTransaction(5n, 9n, { memberId, generationId })).toBe(0)
  })
})

describe('an offset is forgotten', () => {
  const DAY = 24 * 60 * 60 * 1000
  const retained = { offsetsRetentionMs: DAY, offsetsRetentionCheckIntervalMs: 60_000 }

  test('a day after the commit, of a group that only keeps offsets; and then the group', async () => {
    const world = await World.start(retained)
    await world.commit(7n)
    await world.clock.advance(DAY - 60_000)
    expect(await world.fetch()).toBe(7n)
    await world.clock.advance(60_000)
    expect(await world.fetch()).toBe(-1n)
    expect(await world.state()).toBe('Dead')
    await world.restart()
    expect(await world.state()).toBe('Dead')
  })

  test('not by a clock that nobody can vouch for', async () => {
    const world = await World.start(retained)
    await world.commit(7n)
    world.isClockBelieved = false
    await world.clock.advance(400 * DAY)
    expect(await world.fetch()).toBe(7n)
    world.isClockBelieved = true
    await world.clock.advance(60_000)
    expect(await world.fetch()).toBe(-1n)
  })

  test('a day after the group became empty, however old the commit is', async () => {
    const world = await World.start(retained)
    const [leader] = (await world.stable({ sessionTimeoutMs: 1_800_000 })) as [JoinGroupResponse]
    await world.commit(7n, as(leader))
    for (let hour = 0; hour < 72; hour++) {
      await world.clock.advance((60 * 60_000) / 3)
      await world.heartbeat(leader)
    }
    await world.leave([leader])
    await world.restart()
    await world.clock.advance(DAY - 60_000)
    expect(await world.fetch()).toBe(7n)
    await world.clock.advance(120_000)
    expect(await world.fetch()).toBe(-1n)
    expect(await world.state()).toBe('Dead')
  })

  test('while consumers are active, only of topics that none of them reads', async () => {
    const world = await World.start(retained)
    const [leader] = (await world.stable({
      sessionTimeoutMs: 1_800_000,
      protocols: [{ name: 'range', metadata: subscriptionTo('orders', 'bills') }],
    })) as [JoinGroupResponse]
    const topics = ['orders', 'letters'].map((name) => topicToCommit(name, 7n))
    await world.commit(0n, { ...as(leader), topics })
    for (let i = 0; i < 75; i++) {
      await world.clock.advance(20 * 60_000)
      await world.heartbeat(leader)
    }
    expect(await world.fetch({ topic: 'orders' })).toBe(7n)
    expect(await world.fetch({ topic: 'letters' })).toBe(-1n)
    expect(await world.state()).toBe('Stable')
  })

  test.each([
    ['another kind of group', 'connect', Buffer.from('anything')],
    ['a subscription that cannot be read', 'consumer', Buffer.from([0, 0, 0, 0, 0, 9, 0, 1, 65])],
  ])('never while there are members of %s', async (_, type, metadata) => {
    const world = await World.start(retained)
    const member = { type, protocols: [{ name: 'p', metadata }], sessionTimeoutMs: 1_800_000 }
    const [leader] = (await world.stable(member)) as [JoinGroupResponse]
    await world.commit(7n, as(leader))
    for (let i = 0; i < 75; i++) {
      await world.clock.advance(20 * 60_000)
      await world.heartbeat(leader)
    }
    expect(await world.fetch()).toBe(7n)
  })

  test('by the retention time of its own that an old client gave it (v2-4)', async () => {
    const world = await World.start(retained)
    await world.commit(7n, { retentionTimeMs: 120_000n })
    await world.restart()
    await world.clock.advance(60_000)
    expect(await world.fetch()).toBe(7n)
    await world.clock.advance(60_000)
    expect(await world.fetch()).toBe(-1n)
  })

  test('never, if that retention time is longer than time is counted', async () => {
    const world = await World.start(retained)
    await world.commit(7n, { retentionTimeMs: 0x7fffffffffffffffn })
    await world.restart()
    await world.clock.advance(30 * DAY)
    expect(await world.fetch()).toBe(7n)
  })

  test('not while a transaction holds its successor', async () => {
    const world = await World.start(retained)
    await world.commit(7n)
    await world.commitInTransaction(5n, 9n)
    await world.clock.advance(2 * DAY)
    expect(await world.fetch()).toBe(7n)
    world.log.appendMarker({ producerId: 5n, producerEpoch: 0 }, false)
    await world.clock.advance(60_000)
    expect(await world.fetch()).toBe(-1n)
  })

  test('when its partition is deleted, pending or not', async () => {
    const world = await World.start()
    await world.commit(7n)
    await world.commit(8n, { topics: [topicToCommit('bills', 8n)] })
    await world.commitInTransaction(5n, 9n)
    await world.coordinator.partitionsDeleted([{ topic: 'orders', partitions: [0, 1] }])
    world.log.appendMarker({ producerId: 5n, producerEpoch: 0 }, true)
    expect([await world.fetch(), await world.fetch({ topic: 'bills' })]).toEqual([-1n, 8n])
    await world.restart()
    expect([await world.fetch(), await world.fetch({ topic: 'bills' })]).toEqual([-1n, 8n])
  })

  test('in batches of a sane size, however many there are', async () => {
    const world = await World.start(retained)
    const partitions = Array.from({ length: 2_500 }, (_, partitionIndex) => ({
      partitionIndex,
      committedOffset: 1n,
      committedLeaderEpoch: -1,
      committedMetadata: null,
    }))
    await world.commit(0n, { topics: [{ name: 'orders', topicId: '', partitions }] })
    await world.clock.advance(DAY)
    expect(await world.state()).toBe('Dead')
    const sizes = world.log.batches.slice(1).map((batch) => ('records' in batch ? batch.records.length : 0))
    expect(sizes).toEqual([1_000, 1_000, 501])
  })
})
