// Quotas as a client meets them, over a socket with the clock in hand: it is answered at once, told for how long to be
// silent, and not read for as long.

import { expect, test } from 'vitest'
import { alterClientQuotas } from '../../broker/protocol/apis/alter-client-quotas.ts'
import { createTopics } from '../../broker/protocol/apis/create-topics.ts'
import { describeClientQuotas } from '../../broker/protocol/apis/describe-client-quotas.ts'
import { fetch } from '../../broker/protocol/apis/fetch.ts'
import { metadata } from '../../broker/protocol/apis/metadata.ts'
import { produce } from '../../broker/protocol/apis/produce.ts'
import { errorCodes, errorName } from '../../broker/protocol/errors.ts'
import { buildBatch } from '../../broker/protocol/record-batch/builder.ts'
import { type Broker, startBroker } from '../../broker/server/start-broker.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { WireClient } from '../world/wire-client.ts'

class World implements AsyncDisposable {
  readonly clock = new ManualClock()
  broker!: Broker
  admin!: WireClient
  private readonly clients: WireClient[] = []

  static async start(options: { dataDir?: string } = {}): Promise<World> {
    const world = new World()
    world.broker = await startBroker({ clock: world.clock, topics: { orders: {} }, ...options })
    world.admin = await world.connect()
    return world
  }

  async connect(): Promise<WireClient> {
    const client = await WireClient.connect(this.broker.bootstrapServers)
    this.clients.push(client)
    return client
  }

  async set(entity: Record<string, string | null>, values: Record<string, number | null>): Promise<string> {
    const { entries } = await this.admin.request(alterClientQuotas, 1, {
      entries: [
        {
          entity: Object.entries(entity).map(([entityType, entityName]) => ({ entityType, entityName })),
          ops: Object.entries(values).map(([key, value]) => ({
            key,
            value: value ?? 0,
            remove: value === null,
          })),
        },
      ],
      validateOnly: false,
    })
    return errorName(entries[0]?.errorCode ?? -1)
  }

  async produce(client: WireClient, sizeInBytes: number): Promise<number> {
    const records = buildBatch([
      { timestampMs: this.clock.now(), key: null, value: Buffer.alloc(sizeInBytes) },
    ])
    const { responses, throttleTimeMs } = await client.request(produce, 9, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name: 'orders', partitionData: [{ index: 0, records }] }],
    })
    expect(responses[0]?.partitionResponses[0]?.errorCode).toBe(errorCodes.NONE)
    return throttleTimeMs
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) await client.close()
    await this.broker.stop()
  }
}

const isAnswered = async (answer: Promise<unknown>, others: WireClient): Promise<boolean> => {
  let answered = false
  void answer.then(() => (answered = true))
  // Another connection has been asked and answered after it: it has had its turn.
  await others.request(metadata, 1, { topics: [] })
  return answered
}

test('a producer over its byte rate is answered, told, and not read until it is under it again', async () => {
  await using world = await World.start()
  expect(await world.set({ 'client-id': 'logmill-test' }, { producer_byte_rate: 1000 })).toBe('NONE')
  const producer = await world.connect()
  expect(await world.produce(producer, 5_000)).toBe(0)
  const throttleTimeMs = await world.produce(producer, 15_000)
  expect(throttleTimeMs).toBeGreaterThan(9_000)
  expect(throttleTimeMs).toBeLessThan(12_000)
  const next = world.produce(producer, 10)
  expect(await isAnswered(next, world.admin)).toBe(false)
  await world.clock.advance(throttleTimeMs - 1)
  expect(await isAnswered(next, world.admin)).toBe(false)
  await world.clock.advance(1)
  await next
})

test.each([-3_600_000, 3_600_000])(
  'a silence is as long as it was told, the clock being set by %i ms',
  async (byMs) => {
    await using world = await World.start()
    await world.set({ 'client-id': 'logmill-test' }, { producer_byte_rate: 1000 })
    const producer = await world.connect()
    const throttleTimeMs = await world.produce(producer, 20_000)
    expect(throttleTimeMs).toBeGreaterThan(9_000)
    world.clock.set(byMs)
    const next = world.produce(producer, 10)
    await world.clock.advance(throttleTimeMs - 1)
    expect(await isAnswered(next, world.admin)).toBe(false)
    await world.clock.advance(1)
    await next
  },
)

test('a consumer over its byte rate gets nothing, is silent, and then reads on where it was', async () => {
  await using world = await World.start()
  for (let i = 0; i < 4; i++) await world.produce(world.admin, 4_000)
  await world.set({ 'client-id': 'logmill-test' }, { consumer_byte_rate: 1000 })
  const consumer = await world.connect()
  const read = async (fetchOffset: bigint, sessionId = 0, sessionEpoch = 0) => {
    const partitions = [
      { partition: 0, fetchOffset, partitionMaxBytes: 5_000, currentLeaderEpoch: -1, logStartOffset: -1n },
    ]
    const answer = await consumer.request(fetch, 11, {
      maxWaitMs: 0,
      minBytes: 1,
      sessionId,
      sessionEpoch,
      topics: [{ topic: 'orders', partitions }],
      forgottenTopicsData: [],
    })
    const records = answer.responses[0]?.partitions[0]?.records ?? null
    return { ...answer, bytes: records?.length ?? 0 }
  }
  const first = await read(0n)
  expect(first).toMatchObject({ errorCode: 0, throttleTimeMs: 0 })
  expect(first.bytes).toBeGreaterThan(4_000)
  expect((await read(1n, first.sessionId, 1)).bytes).toBeGreaterThan(4_000)
  const refused = await read(2n, first.sessionId, 2)
  expect(refused).toMatchObject({ errorCode: 0, bytes: 0, sessionId: first.sessionId })
  expect(refused.throttleTimeMs).toBeGreaterThan(1_000)
  const early = read(2n, first.sessionId, 3)
  expect(await isAnswered(early, world.admin)).toBe(false)
  // The windows in which the first two were read have gone by then.
  await world.clock.advance(11_000)
  await early
  expect((await read(2n, first.sessionId, 4)).bytes).toBeGreaterThan(4_000)
})

test('a rate that nobody can keep to still answers what was written', async () => {
  await using world = await World.start()
  await world.set({ user: null }, { producer_byte_rate: 1 })
  const producer = await world.connect()
  for (let i = 0; i < 2; i++) await world.produce(await world.connect(), 900_000)
  expect(await world.produce(producer, 900_000)).toBe(0x7fffffff)
})

test('a quota that is removed ends at once, but for the silence that was asked for', async () => {
  await using world = await World.start()
  await world.set({ user: null }, { producer_byte_rate: 10 })
  const producer = await world.connect()
  const throttleTimeMs = await world.produce(producer, 10_000)
  expect(throttleTimeMs).toBeGreaterThan(0)
  await world.set({ user: null }, { producer_byte_rate: null })
  const other = await world.connect()
  expect(await world.produce(other, 10_000)).toBe(0)
})

test('topics beyond the mutation rate are refused from version 6 on, waited for before', async () => {
  await using world = await World.start()
  await world.set({ user: null }, { controller_mutation_rate: 1 })
  const create = async (version: number, name: string, client: WireClient) => {
    const topic = { name, numPartitions: 10, replicationFactor: 1, assignments: [], configs: [] }
    const { topics, throttleTimeMs } = await client.request(createTopics, version, {
      topics: [topic],
      timeoutMs: 1000,
    })
    return [errorName(topics[0]?.errorCode ?? -1), throttleTimeMs]
  }
  const client = await world.connect()
  expect(await create(7, 'a', client)).toEqual(['NONE', 0])
  expect(await create(7, 'b', client)).toEqual(['NONE', 9_000])
  const second = await world.connect()
  expect(await create(7, 'c', second)).toEqual(['THROTTLING_QUOTA_EXCEEDED', 9_000])
  const third = await world.connect()
  expect(await create(5, 'c', third)).toEqual(['NONE', 19_000])
})

test('quotas are described by exact name, by default, by type, and strictly', async () => {
  await using world = await World.start()
  await world.set({ user: 'u', 'client-id': 'c' }, { producer_byte_rate: 1 })
  await world.set({ user: 'u' }, { consumer_byte_rate: 2 })
  await world.set({ 'client-id': null }, { request_percentage: 3.5 })
  await world.set({ ip: '10.0.0.1' }, { connection_creation_rate: 4 })
  const describe = async (
    components: { entityType: string; matchType: number; match: string | null }[],
    strict = false,
  ) => {
    const { entries, errorCode } = await world.admin.request(describeClientQuotas, 1, { components, strict })
    if (entries === null) return errorName(errorCode)
    return entries.map(({ values }) => values[0]?.value)
  }
  expect(await describe([])).toEqual([1, 2, 3.5, 4])
  expect(await describe([{ entityType: 'user', matchType: 0, match: 'u' }])).toEqual([1, 2])
  expect(await describe([{ entityType: 'user', matchType: 0, match: 'u' }], true)).toEqual([2])
  expect(await describe([{ entityType: 'client-id', matchType: 1, match: null }])).toEqual([3.5])
  expect(await describe([{ entityType: 'client-id', matchType: 2, match: null }])).toEqual([1, 3.5])
  expect(await describe([{ entityType: 'group', matchType: 2, match: null }])).toBe('UNSUPPORTED_VERSION')
  expect(await describe([{ entityType: 'user', matchType: 0, match: null }])).toBe('INVALID_REQUEST')
  expect(await describe([{ entityType: 'user', matchType: 9, match: null }])).toBe('INVALID_REQUEST')
})

test.each<[string, Record<string, string | null>, Record<string, number>]>([
  ['an empty entity', {}, { producer_byte_rate: 1 }],
  ['an unknown type', { group: 'g' }, { producer_byte_rate: 1 }],
  ['an empty name', { user: '' }, { producer_byte_rate: 1 }],
  ['an address with a user', { ip: '10.0.0.1', user: 'u' }, { connection_creation_rate: 1 }],
  ['what is no address', { ip: 'not an address' }, { connection_creation_rate: 1 }],
  ['a key of another entity', { ip: '10.0.0.1' }, { producer_byte_rate: 1 }],
  ['nothing a second', { user: 'u' }, { producer_byte_rate: 0 }],
])('%s is refused, and nothing is set', async (_, entity, values) => {
  await using world = await World.start()
  expect(await world.set(entity, values)).toBe('INVALID_REQUEST')
  const { entries } = await world.admin.request(describeClientQuotas, 1, { components: [], strict: false })
  expect(entries).toEqual([])
})
