// Share fetches that wait, over sockets: who finds too little looks again only when something has changed, and the broker
// serves everybody else meanwhile.

import { expect, test, vi } from 'vitest'
import type { Request, Response } from '../../broker/handlers/context.ts'
import { Partition } from '../../broker/partition/partition.ts'
import { alterClientQuotas } from '../../broker/protocol/apis/alter-client-quotas.ts'
import { alterShareGroupOffsets } from '../../broker/protocol/apis/alter-share-group-offsets.ts'
import { findCoordinator } from '../../broker/protocol/apis/find-coordinator.ts'
import { incrementalAlterConfigs } from '../../broker/protocol/apis/incremental-alter-configs.ts'
import { metadata } from '../../broker/protocol/apis/metadata.ts'
import { produce } from '../../broker/protocol/apis/produce.ts'
import { shareAcknowledge } from '../../broker/protocol/apis/share-acknowledge.ts'
import { shareFetch } from '../../broker/protocol/apis/share-fetch.ts'
import { shareGroupHeartbeat } from '../../broker/protocol/apis/share-group-heartbeat.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { buildBatch } from '../../broker/protocol/record-batch/builder.ts'
import { type Broker, startBroker } from '../../broker/server/start-broker.ts'
import { WireClient } from '../world/wire-client.ts'

const GROUP = 32
const PATIENTLY = { timeout: 20_000, interval: 10 }

/** A member of group 'g' with a connection of its own; resolves when it is assigned partition 0 of 'orders'. */
async function member(bootstrap: string, memberId: string): Promise<WireClient> {
  const client = await WireClient.connect(bootstrap)
  let memberEpoch = 0
  await expect
    .poll(async () => {
      const answer = await client.request(shareGroupHeartbeat, 1, {
        groupId: 'g',
        memberId,
        memberEpoch,
        rackId: null,
        subscribedTopicNames: memberEpoch === 0 ? ['orders'] : null,
      })
      memberEpoch = answer.memberEpoch
      return answer.assignment?.topicPartitions.length ?? 0
    }, PATIENTLY)
    .toBe(1)
  return client
}

interface Orders {
  broker: Broker
  admin: WireClient
  topicId: string
}

/** A broker with the topic 'orders', of which group 'g' reads all from the start. */
async function orders(): Promise<Orders> {
  const broker = await startBroker({ topics: { orders: {} } })
  const admin = await WireClient.connect(broker.bootstrapServers)
  await admin.request(findCoordinator, 6, { keyType: 0, coordinatorKeys: ['g'] })
  await admin.request(incrementalAlterConfigs, 1, {
    resources: [
      {
        resourceType: GROUP,
        resourceName: 'g',
        configs: [
          { name: 'share.auto.offset.reset', configOperation: 0, value: 'earliest' },
          // Members have their partitions as soon as there are any.
          { name: 'share.assignment.interval.ms', configOperation: 0, value: '0' },
        ],
      },
    ],
    validateOnly: false,
  })
  const { topics } = await admin.request(metadata, 12, { topics: [{ name: 'orders' }] })
  return { broker, admin, topicId: topics[0]?.topicId ?? '' }
}

async function send({ admin }: Orders, sizeInBytes = 3): Promise<void> {
  const records = buildBatch([{ timestampMs: 1000, key: null, value: Buffer.alloc(sizeInBytes, 'x') }])
  await admin.request(produce, 9, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 1000,
    topicData: [{ name: 'orders', partitionData: [{ index: 0, records }] }],
  })
}

function ask(
  { topicId }: Orders,
  client: WireClient,
  memberId: string,
  more: Partial<Request<'ShareFetch'>>,
) {
  return client.request(shareFetch, 2, {
    groupId: 'g',
    memberId,
    shareSessionEpoch: 0,
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 1_000_000,
    maxRecords: 10,
    batchSize: 10,
    topics: [{ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches: [] }] }],
    forgottenTopicsData: [],
    ...more,
  })
}

const acquiredOf = ({ responses }: Response<'ShareFetch'>) =>
  responses[0]?.partitions[0]?.acquiredRecords ?? []

test('fetches that find too little wait until their time is over, then take what there is; others are served', async () => {
  const world = await orders()
  await using broker = world.broker
  await send(world)
  const ids = ['a', 'b', 'c']
  const members = await Promise.all(ids.map((id) => member(broker.bootstrapServers, id)))
  const fetches = members.map((client, i) =>
    ask(world, client, ids[i] as string, { maxWaitMs: 300, minBytes: 100_000 }),
  )
  // They wait; the broker does not.
  await world.admin.request(metadata, 12, { topics: [{ name: 'orders' }] })
  const acquired = (await Promise.all(fetches)).flatMap(acquiredOf)
  expect(acquired).toEqual([{ firstOffset: 0n, lastOffset: 0n, deliveryCount: 1 }])
  for (const client of [world.admin, ...members]) await client.close()
})

test('a fetch that waits for a client that has gone takes nothing: the records are for the others', async () => {
  const world = await orders()
  await using broker = world.broker
  const [gone, here] = [
    await member(broker.bootstrapServers, 'a'),
    await member(broker.bootstrapServers, 'b'),
  ]
  await ask(world, here, 'b', {})
  ask(world, gone, 'a', { maxWaitMs: 60_000 }).catch(() => {})
  const sessionOfA = async (): Promise<number> =>
    (
      await here.request(shareAcknowledge, 2, {
        groupId: 'g',
        memberId: 'a',
        shareSessionEpoch: 99,
        topics: [],
      })
    ).errorCode
  await expect.poll(sessionOfA, PATIENTLY).toBe(errorCodes.INVALID_SHARE_SESSION_EPOCH)
  await gone.close()
  await expect.poll(sessionOfA, PATIENTLY).toBe(errorCodes.SHARE_SESSION_NOT_FOUND)
  await send(world)
  const fetched = await ask(world, here, 'b', { shareSessionEpoch: 1, topics: [] })
  expect(acquiredOf(fetched)).toEqual([{ firstOffset: 0n, lastOffset: 0n, deliveryCount: 1 }])
  for (const client of [world.admin, here]) await client.close()
})

test('a member over its byte rate has what it acquired, and is silent until it is under it again', async () => {
  const world = await orders()
  await using broker = world.broker
  for (let i = 0; i < 3; i++) await send(world, 4_000)
  await world.admin.request(alterClientQuotas, 1, {
    entries: [
      {
        entity: [{ entityType: 'client-id', entityName: 'logmill-test' }],
        ops: [{ key: 'consumer_byte_rate', value: 1_000, remove: false }],
      },
    ],
    validateOnly: false,
  })
  const client = await member(broker.bootstrapServers, 'a')
  const one = { maxRecords: 1, maxWaitMs: 1_000 }
  const first = await ask(world, client, 'a', one)
  expect([first.throttleTimeMs, acquiredOf(first).length]).toEqual([0, 1])
  const second = await ask(world, client, 'a', { ...one, shareSessionEpoch: 1, topics: [] })
  expect([second.throttleTimeMs, acquiredOf(second).length]).toEqual([0, 1])
  const third = await ask(world, client, 'a', { ...one, shareSessionEpoch: 2, topics: [] })
  expect(third.throttleTimeMs).toBeGreaterThan(1_000)
  expect(acquiredOf(third)).toEqual([{ firstOffset: 2n, lastOffset: 2n, deliveryCount: 1 }])
  for (const each of [world.admin, client]) await each.close()
})

test('a fetch for few records does not read all that there is', async () => {
  const world = await orders()
  await using broker = world.broker
  for (let i = 0; i < 40; i++) await send(world, 50_000)
  const client = await member(broker.bootstrapServers, 'a')
  const reads: number[] = []
  const read = Partition.prototype.read
  const spy = vi.spyOn(Partition.prototype, 'read').mockImplementation(function (this: Partition, options) {
    const found = read.call(this, options)
    reads.push(found.records.length)
    return found
  })
  for (let epoch = 0; epoch < 3; epoch++) {
    const fetched = await ask(world, client, 'a', {
      shareSessionEpoch: epoch,
      maxWaitMs: 1_000,
      maxRecords: 2,
      maxBytes: 50_000_000,
      ...(epoch > 0 && { topics: [] }),
    })
    expect(acquiredOf(fetched).length).toBeGreaterThan(0)
  }
  spy.mockRestore()
  expect(reads).toHaveLength(3)
  expect(Math.max(...reads)).toBeLessThan(300_000)
  for (const each of [world.admin, client]) await each.close()
})

test('where an admin client lets a group begin again, it begins again, though somebody still has a session', async () => {
  const world = await orders()
  await using broker = world.broker
  for (let i = 0; i < 2; i++) await send(world)
  const client = await member(broker.bootstrapServers, 'a')
  const first = await ask(world, client, 'a', { maxWaitMs: 1_000 })
  expect(acquiredOf(first).at(-1)?.lastOffset).toBe(1n)
  await client.request(shareGroupHeartbeat, 1, {
    groupId: 'g',
    memberId: 'a',
    memberEpoch: -1,
    rackId: null,
    subscribedTopicNames: null,
  })
  const altered = await world.admin.request(alterShareGroupOffsets, 0, {
    groupId: 'g',
    topics: [{ topicName: 'orders', partitions: [{ partitionIndex: 0, startOffset: 1n }] }],
  })
  expect(altered.responses[0]?.partitions[0]?.errorCode).toBe(errorCodes.NONE)
  const again = await ask(world, client, 'a', { shareSessionEpoch: 1, topics: [], maxWaitMs: 1_000 })
  expect(acquiredOf(again)).toEqual([{ firstOffset: 1n, lastOffset: 1n, deliveryCount: 1 }])
  for (const each of [world.admin, client]) await each.close()
})
