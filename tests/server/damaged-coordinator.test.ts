// One damaged partition of a coordinator's topic: its groups and transactional ids are answered that the
// coordinator cannot be had, all others go on. A damaged log must never pass for an empty one.

import { expect, test } from 'vitest'
import { OFFSETS_TOPIC, TRANSACTIONS_TOPIC } from '../../broker/controller/topic-name.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { RecordBatchBuilder } from '../../broker/protocol/record-batch/builder.ts'
import { BrokerNode } from '../../broker/server/broker-node.ts'
import { BrokerSettings } from '../../broker/server/broker-settings.ts'
import { parseBrokerConfig } from '../../broker/server/config/broker-config.ts'
import { FaultyStorage } from '../../broker/storage/faulty-storage.ts'
import { MemoryStorage } from '../../broker/storage/memory-storage.ts'
import type { Storage } from '../../broker/storage/storage.ts'
import type { Clock } from '../../broker/time/clock.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { systemClock } from '../../broker/time/system-clock.ts'
import { Random } from '../world/random.ts'

const settings = [
  { key: 'listeners', value: 'PLAINTEXT://127.0.0.1:0', origin: 'test' },
  { key: 'offsets.topic.num.partitions', value: '3', origin: 'test' },
  { key: 'transaction.state.log.num.partitions', value: '3', origin: 'test' },
]

const silent = (): void => {}

const start = (storage: Storage, clock: Clock = systemClock) =>
  BrokerNode.start({
    storage,
    isVolatile: false,
    settings: new BrokerSettings(parseBrokerConfig(settings)),
    clock,
    logger: { debug: silent, info: silent, warn: silent, error: silent },
  })

const context = { apiVersion: 7, clientId: 'test', clientHost: '' }

async function commit(node: BrokerNode, groupId: string, offset: bigint): Promise<number | undefined> {
  const { topics } = await node.groups.offsetCommit(
    {
      groupId,
      generationIdOrMemberEpoch: -1,
      memberId: '',
      groupInstanceId: null,
      retentionTimeMs: -1n,
      topics: [
        {
          name: 'orders',
          topicId: '0'.repeat(32),
          partitions: [
            { partitionIndex: 0, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: '' },
          ],
        },
      ],
    },
    context,
  )
  return topics[0]?.partitions[0]?.errorCode
}

async function fetch(node: BrokerNode, groupId: string) {
  const { errorCode, topics } = await node.groups.offsetFetch(
    { groupId, topics: [{ name: 'orders', partitionIndexes: [0] }], groups: [], requireStable: false },
    context,
  )
  return { errorCode, offset: topics[0]?.partitions[0]?.committedOffset }
}

function producer(node: BrokerNode, transactionalId: string) {
  return node.transactions.initProducerId(
    {
      transactionalId,
      transactionTimeoutMs: 60_000,
      producerId: -1n,
      producerEpoch: -1,
      enable2Pc: false,
      keepPreparedTxn: false,
    },
    4,
  )
}

/** Names whose shards are all different. */
function oneOfEach(count: number, partitionFor: (name: string) => number): string[] {
  const names: string[] = []
  for (let i = 0; names.length < count; i++) {
    if (names.every((name) => partitionFor(name) !== partitionFor(`n${i}`))) names.push(`n${i}`)
  }
  return names
}

function damage(storage: MemoryStorage, topic: string, partition: number): void {
  const path = `${topic}-${partition}/00000000000000000000.log`
  const bytes = storage.readFile(path) as Buffer
  bytes[70] = (bytes[70] as number) ^ 0x55
  storage.replaceFileUnsynced(path, bytes)
  // Without the mark every checksum is looked at.
  storage.removeFile('.kafka_cleanshutdown')
}

test('the groups of a damaged partition are not told that they never committed', async () => {
  const storage = new MemoryStorage()
  const first = await start(storage)
  await first.coordinatorsReady()
  const [lost, kept] = oneOfEach(2, (name) => first.groups.partitionFor(name)) as [string, string]
  expect([await commit(first, lost, 41n), await commit(first, kept, 42n)]).toEqual([0, 0])
  const shard = first.groups.partitionFor(lost)
  await first.stop()
  damage(storage, OFFSETS_TOPIC, shard)
  const second = await start(storage)
  expect(second.partition(OFFSETS_TOPIC, shard)?.isOffline).toBe(true)
  expect(await fetch(second, lost)).toEqual({ errorCode: errorCodes.NOT_COORDINATOR, offset: undefined })
  expect(await commit(second, lost, 50n)).toBe(errorCodes.NOT_COORDINATOR)
  expect(await fetch(second, kept)).toEqual({ errorCode: errorCodes.NONE, offset: 42n })
  // Asking for the coordinator again leaves those that are well as they are.
  await second.coordinatorsReady()
  expect(await commit(second, kept, 43n)).toBe(errorCodes.NONE)
  await second.stop()
})

test('the transactional ids of a damaged partition wait, the others go on', async () => {
  const storage = new MemoryStorage()
  const first = await start(storage)
  await first.coordinatorsReady()
  const [lost, kept] = oneOfEach(2, (name) => first.transactions.partitionFor(name)) as [string, string]
  const { producerId } = await producer(first, kept)
  await producer(first, lost)
  const shard = first.transactions.partitionFor(lost)
  await first.stop()
  damage(storage, TRANSACTIONS_TOPIC, shard)
  const second = await start(storage)
  expect((await producer(second, lost)).errorCode).toBe(errorCodes.NOT_COORDINATOR)
  expect(await producer(second, kept)).toMatchObject({ errorCode: 0, producerId, producerEpoch: 1 })
  await second.coordinatorsReady()
  expect(await producer(second, kept)).toMatchObject({ errorCode: 0, producerId, producerEpoch: 2 })
  const { transactionStates } = await second.transactions.describeTransactions({ transactionalIds: [lost] })
  expect(transactionStates[0]?.errorCode).toBe(errorCodes.NOT_COORDINATOR)
  await second.stop()
})

test('a record that nobody understands closes its shard alone', async () => {
  const storage = new MemoryStorage()
  const first = await start(storage)
  await first.coordinatorsReady()
  const [lost, kept] = oneOfEach(2, (name) => first.groups.partitionFor(name)) as [string, string]
  expect(await commit(first, kept, 42n)).toBe(0)
  const shard = first.groups.partitionFor(lost)
  const partition = first.partition(OFFSETS_TOPIC, shard)
  const builder = new RecordBatchBuilder()
  builder.append(0, Buffer.from([0x7f, 0x7f]), Buffer.from('?'))
  partition?.append(builder.build(), { nowMs: 0, fromClient: false, forceDurable: true })
  await first.stop()
  const second = await start(storage)
  expect((await fetch(second, lost)).errorCode).toBe(errorCodes.COORDINATOR_NOT_AVAILABLE)
  expect(await fetch(second, kept)).toEqual({ errorCode: errorCodes.NONE, offset: 42n })
  await second.coordinatorsReady()
  expect(await commit(second, kept, 43n)).toBe(errorCodes.NONE)
  await second.stop()
})

test('a coordinator whose topic was made without room works when there is some', async () => {
  const storage = new FaultyStorage(new Random(1))
  const clock = new ManualClock()
  const node = await start(storage, clock)
  // The first append is the topic's in the metadata log, the second says whose the first folder is.
  storage.failNext('append', 'ENOSPC', { nth: 2 })
  await node.internalTopics.ensure(OFFSETS_TOPIC)
  const offline = [0, 1, 2].filter((index) => node.partition(OFFSETS_TOPIC, index)?.isOffline)
  expect(offline.length).toBeGreaterThan(0)
  storage.clearFaults()
  const groupId = Array.from({ length: 99 }, (_, i) => `g${i}`).find(
    (name) => node.groups.partitionFor(name) === offline[0],
  ) as string
  expect(await commit(node, groupId, 7n)).toBe(errorCodes.NOT_COORDINATOR)
  await clock.advance(5000)
  while (node.partition(OFFSETS_TOPIC, offline[0] as number)?.isOffline) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  await node.coordinatorsReady()
  expect(await commit(node, groupId, 7n)).toBe(errorCodes.NONE)
  await node.stop()
})
