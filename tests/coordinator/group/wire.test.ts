// What the coordinator answers must fit every version that may ask: a field that a version lacks, or may
// not be null in, would otherwise only show when a client meets it.

import { expect, test } from 'vitest'
import { deleteGroups } from '../../../broker/protocol/apis/delete-groups.ts'
import { describeGroups } from '../../../broker/protocol/apis/describe-groups.ts'
import { heartbeat } from '../../../broker/protocol/apis/heartbeat.ts'
import { joinGroup } from '../../../broker/protocol/apis/join-group.ts'
import { leaveGroup } from '../../../broker/protocol/apis/leave-group.ts'
import { listGroups } from '../../../broker/protocol/apis/list-groups.ts'
import { offsetCommit } from '../../../broker/protocol/apis/offset-commit.ts'
import { offsetFetch } from '../../../broker/protocol/apis/offset-fetch.ts'
import { syncGroup } from '../../../broker/protocol/apis/sync-group.ts'
import { txnOffsetCommit } from '../../../broker/protocol/apis/txn-offset-commit.ts'
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from '../../../broker/protocol/codec.ts'
import type {
  Api,
  RequestInput,
  RequestOf,
  ResponseInput,
  ResponseOf,
} from '../../../broker/protocol/message.ts'
import { TOPIC_ID, topicToCommit, World } from './fixture.ts'

function versionsOf(api: Api): number[] {
  const [lowest, highest] = api.servedVersions
  return Array.from({ length: highest - lowest + 1 }, (_, i) => lowest + i)
}

/** The request as the coordinator would get it in this version. */
function sent<A extends Api>(api: A, version: number, request: RequestInput<A>): RequestOf<A> {
  return decodeRequest(api, version, Buffer.concat(encodeRequest(api, version, request)), 0) as RequestOf<A>
}

/** The answer as the client would get it. */
function received<A extends Api>(api: A, version: number, body: unknown): ResponseOf<A> {
  const bytes = Buffer.concat(encodeResponse(api, version, body as ResponseInput<A>))
  return decodeResponse(api, version, bytes, 0) as ResponseOf<A>
}

const protocols = [{ name: 'range', metadata: Buffer.from('m') }]
const fields = { groupId: 'group', sessionTimeoutMs: 10_000, protocolType: 'consumer', protocols }

test.each(versionsOf(joinGroup))('JoinGroup v%i', async (version) => {
  const world = await World.start()
  const { coordinator } = world
  const join = (memberId: string, more = {}) =>
    coordinator.joinGroup(sent(joinGroup, version, { ...fields, memberId, ...more }), world.context(version))
  const refused = received(joinGroup, version, await join('', { groupId: '' }))
  expect(refused).toMatchObject({ errorCode: 24, protocolName: version < 7 ? '' : null, members: [] })
  let memberId = ''
  if (version >= 4) ({ memberId } = received(joinGroup, version, await join('')))
  const answer = join(memberId)
  await world.clock.advance(0)
  const joined = received(joinGroup, version, await answer)
  expect(joined).toMatchObject({ errorCode: 0, generationId: 1, protocolName: 'range' })
  expect(joined.protocolType).toBe(version < 7 ? null : 'consumer')
  expect(joined.members).toHaveLength(1)
  // v0 has no rebalance timeout: the session timeout stands for it.
  if (version >= 5) {
    const [, back] = await Promise.all([
      world.sync(joined),
      join('', { groupInstanceId: 'static', rebalanceTimeoutMs: 60_000 }),
      world.leave([joined]),
    ])
    expect(received(joinGroup, version, back)).toMatchObject({ errorCode: 0, generationId: 2 })
  }
})

test.each(versionsOf(syncGroup))('SyncGroup v%i', async (version) => {
  const world = await World.start()
  const [joined] = await world.joinAll({})
  const { memberId = '', generationId = -1 } = joined ?? {}
  const named = version >= 5 ? { protocolType: 'consumer', protocolName: 'range' } : {}
  const assignments = [{ memberId, assignment: Buffer.from('a') }]
  const ask = async (of: object) => {
    const request = { groupId: 'group', generationId, memberId, assignments, ...named, ...of }
    const body = await world.coordinator.syncGroup(sent(syncGroup, version, request), world.context(version))
    return received(syncGroup, version, body)
  }
  expect(await ask({ generationId: 9 })).toMatchObject({ errorCode: 22 })
  const synced = await ask({})
  expect([synced.errorCode, synced.assignment.toString()]).toEqual([0, 'a'])
  expect(synced.protocolName).toBe(version >= 5 ? 'range' : null)
})

test.each(versionsOf(heartbeat))('Heartbeat v%i', async (version) => {
  const world = await World.start()
  const [joined] = await world.stable({})
  const { memberId = '', generationId = -1 } = joined ?? {}
  const request = sent(heartbeat, version, { groupId: 'group', memberId, generationId })
  expect(received(heartbeat, version, await world.coordinator.heartbeat(request)).errorCode).toBe(0)
})

test.each(versionsOf(leaveGroup))('LeaveGroup v%i', async (version) => {
  const world = await World.start()
  const [joined] = await world.stable({})
  const memberId = joined?.memberId ?? ''
  const ask = async (id: string) => {
    const whom = version < 3 ? { memberId: id } : { memberId: '', members: [{ memberId: id }] }
    const request = sent(leaveGroup, version, { groupId: 'group', ...whom })
    const body = await world.coordinator.leaveGroup(request, world.context(version))
    return received(leaveGroup, version, body)
  }
  const ghost = await ask('ghost')
  expect(version < 3 ? ghost.errorCode : ghost.members[0]?.errorCode).toBe(25)
  expect((await ask(memberId)).errorCode).toBe(0)
  expect(await world.state()).toBe('Empty')
})

/** From v10 on topics go by id: the handler fills in the names that the coordinator goes by. */
function named<T extends { name: string }>(topics: readonly T[], version: number): T[] {
  return topics.map((topic) => (version < 10 ? topic : { ...topic, name: 'orders' }))
}

test.each(versionsOf(offsetCommit))('OffsetCommit v%i', async (version) => {
  const world = await World.start()
  const request = sent(offsetCommit, version, {
    groupId: 'group',
    memberId: '',
    topics: [topicToCommit('orders', 7n)],
  })
  const body = await world.coordinator.offsetCommit(
    { ...request, topics: named(request.topics, version) },
    world.context(version),
  )
  const [topic] = received(offsetCommit, version, body).topics
  expect(topic?.partitions).toEqual([{ partitionIndex: 0, errorCode: 0 }])
  expect(version < 10 ? topic?.name : topic?.topicId).toBe(version < 10 ? 'orders' : TOPIC_ID)
  expect(await world.fetch()).toBe(7n)
})

test.each(versionsOf(txnOffsetCommit))('TxnOffsetCommit v%i', async (version) => {
  const world = await World.start()
  const request = sent(txnOffsetCommit, version, {
    transactionalId: 't',
    groupId: 'group',
    producerId: 1n,
    producerEpoch: 0,
    topics: [topicToCommit('orders', 7n)],
  })
  const body = await world.coordinator.txnOffsetCommit(request, world.context(version))
  expect(received(txnOffsetCommit, version, body).topics[0]?.partitions[0]?.errorCode).toBe(0)
})

test.each(versionsOf(offsetFetch))('OffsetFetch v%i', async (version) => {
  const world = await World.start()
  await world.commit(7n, { metadata: 'seven' })
  const topics = [{ name: 'orders', topicId: TOPIC_ID, partitionIndexes: [0, 1] }]
  const asked =
    version < 8
      ? { groupId: 'group', topics: [{ name: 'orders', partitionIndexes: [0, 1] }] }
      : { groups: [{ groupId: 'group', topics }] }
  const request = sent(offsetFetch, version, asked)
  const groups = request.groups.map((group) => ({ ...group, topics: named(group.topics ?? [], version) }))
  const body = await world.coordinator.offsetFetch({ ...request, groups }, world.context(version))
  const response = received(offsetFetch, version, body)
  const topic = (version < 8 ? response : response.groups[0])?.topics[0]
  expect(topic?.partitions.map(({ committedOffset, metadata }) => [committedOffset, metadata])).toEqual([
    [7n, 'seven'],
    [-1n, ''],
  ])
  expect(topic).toMatchObject(version < 10 ? { name: 'orders' } : { topicId: TOPIC_ID })
})

test.each(versionsOf(describeGroups))('DescribeGroups v%i', async (version) => {
  const world = await World.start()
  await world.stable({})
  const request = sent(describeGroups, version, { groups: ['group', 'new'] })
  const body = await world.coordinator.describeGroups(request, world.context(version))
  const [known, unknown] = received(describeGroups, version, body).groups
  expect(known).toMatchObject({ errorCode: 0, groupState: 'Stable', protocolData: 'range' })
  expect(unknown).toMatchObject({ errorCode: version < 6 ? 0 : 69, groupState: 'Dead' })
})

test.each(versionsOf(listGroups))('ListGroups v%i', async (version) => {
  const world = await World.start()
  await world.stable({})
  const body = await world.coordinator.listGroups(sent(listGroups, version, {}))
  expect(received(listGroups, version, body).groups).toMatchObject([
    { groupId: 'group', protocolType: 'consumer' },
  ])
})

test.each(versionsOf(deleteGroups))('DeleteGroups v%i', async (version) => {
  const world = await World.start()
  const body = await world.coordinator.deleteGroups(sent(deleteGroups, version, { groupsNames: ['new'] }))
  expect(received(deleteGroups, version, body).results).toEqual([{ groupId: 'new', errorCode: 69 }])
})
