// What a program with kafkajs sees, from end to end: topics, groups, transactions, settings, and that all of it
// is still there when a broker is started again on its directory.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Admin, type Consumer, Kafka, logLevel, Partitioners, type Producer } from 'kafkajs'
import { afterEach, describe, expect, test } from 'vitest'
import type { BrokerOptions } from '../../broker/server/broker-options.ts'
import { type Broker, startBroker } from '../../broker/server/start-broker.ts'

interface Seen {
  partition: number
  offset: string
  value: string
}

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function start(options: BrokerOptions = {}): Promise<{ broker: Broker; kafka: Kafka }> {
  const broker = await startBroker(options)
  closing.push(() => broker.stop())
  const kafka = new Kafka({
    clientId: 'story',
    brokers: [broker.bootstrapServers],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 20, retries: 8 },
  })
  return { broker, kafka }
}

async function connected<T extends Producer | Admin | Consumer>(client: T): Promise<T> {
  await client.connect()
  closing.push(() => client.disconnect())
  return client
}

const producerOf = (kafka: Kafka, options = {}): Promise<Producer> =>
  connected(kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, ...options }))

/** Consumes until it is disconnected; `seen` grows. */
async function consume(kafka: Kafka, groupId: string, topic: string, options = {}): Promise<Member> {
  const consumer = await connected(
    kafka.consumer({ groupId, sessionTimeout: 6000, heartbeatInterval: 50, maxWaitTimeInMs: 20, ...options }),
  )
  const member: Member = { consumer, seen: [], partitions: [] }
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    member.partitions = payload.memberAssignment[topic] ?? []
  })
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommitInterval: 10,
    eachMessage: ({ partition, message }) => {
      member.seen.push({ partition, offset: message.offset, value: String(message.value) })
      return Promise.resolve()
    },
  })
  return member
}

interface Member {
  consumer: Consumer
  seen: Seen[]
  partitions: readonly number[]
}

const valuesOf = ({ seen }: Member): string[] => seen.map(({ value }) => value)
const messages = (...values: string[]) => values.map((value) => ({ key: value, value }))

const until = (condition: () => boolean | Promise<boolean>) =>
  expect.poll(condition, { interval: 5, timeout: 20_000 }).toBe(true)

describe('records', () => {
  test('come out as they went in, key, value, headers, time and order', async () => {
    const { kafka } = await start({ topics: { t: {} } })
    const producer = await producerOf(kafka)
    const sent = [
      { key: 'k', value: 'v', headers: { a: 'b' }, timestamp: '1700000000123' },
      { key: null, value: null },
      { key: '', value: 'ünï' },
    ]
    await producer.send({ topic: 't', messages: sent })
    const consumer = await connected(kafka.consumer({ groupId: 'g', maxWaitTimeInMs: 20 }))
    await consumer.subscribe({ topic: 't', fromBeginning: true })
    const seen: unknown[] = []
    await consumer.run({
      eachMessage: ({ message: { key, value, headers, timestamp, offset } }) => {
        seen.push({
          key: key && String(key),
          value: value && String(value),
          header: String(headers?.['a']),
          timestamp,
          offset,
        })
        return Promise.resolve()
      },
    })
    await until(() => seen.length === 3)
    expect(seen).toMatchObject([
      { key: 'k', value: 'v', header: 'b', timestamp: '1700000000123', offset: '0' },
      { key: null, value: null, offset: '1' },
      { key: '', value: 'ünï', offset: '2' },
    ])
  })

  test('can be written to a topic that nobody made: it is ready when the client hears of it', async () => {
    const { kafka, broker } = await start({ config: { 'num.partitions': 3 } })
    const producer = await producerOf(kafka, { allowAutoTopicCreation: true, retry: { retries: 0 } })
    await Promise.all(
      Array.from({ length: 5 }, (_, i) => producer.send({ topic: `made-${i}`, messages: messages('x') })),
    )
    expect(broker.logViews.partitionCount('made-4')).toBe(3)
  })

  test('are compressed and idempotent where the producer says so', async () => {
    const { kafka } = await start({ topics: { t: {} } })
    const producer = await producerOf(kafka, { idempotent: true, maxInFlightRequests: 1 })
    // kafkajs brings gzip.
    for (let i = 0; i < 3; i++)
      await producer.send({ topic: 't', compression: 1, messages: messages(`z${i}`) })
    const member = await consume(kafka, 'g', 't')
    await until(() => member.seen.length === 3)
    expect(valuesOf(member)).toEqual(['z0', 'z1', 'z2'])
  })
})

describe('a group', () => {
  test('shares the partitions with a second member, and takes them back when it leaves', async () => {
    const { kafka } = await start({ topics: { t: { partitions: 4 } } })
    const producer = await producerOf(kafka)
    const first = await consume(kafka, 'g', 't')
    await until(() => first.partitions.length === 4)
    const second = await consume(kafka, 'g', 't')
    await until(() => first.partitions.length === 2 && second.partitions.length === 2)
    expect(new Set([...first.partitions, ...second.partitions])).toEqual(new Set([0, 1, 2, 3]))
    await producer.send({ topic: 't', messages: messages(...Array.from({ length: 40 }, (_, i) => `m${i}`)) })
    await until(() => first.seen.length + second.seen.length === 40)
    await second.consumer.disconnect()
    await until(() => first.partitions.length === 4)
    await producer.send({ topic: 't', messages: messages('a', 'b', 'c', 'd', 'e', 'f') })
    await until(() => new Set([...valuesOf(first), ...valuesOf(second)]).size === 46)
  })

  test('goes on where it committed; one that never did begins at the start', async () => {
    const { kafka } = await start({ topics: { t: {} } })
    const producer = await producerOf(kafka)
    await producer.send({ topic: 't', messages: messages('1', '2', '3') })
    const before = await consume(kafka, 'g', 't')
    await until(() => before.seen.length === 3)
    await before.consumer.disconnect()
    await producer.send({ topic: 't', messages: messages('4') })
    const after = await consume(kafka, 'g', 't')
    await until(() => after.seen.length > 0)
    expect(valuesOf(after)).toEqual(['4'])
    const other = await consume(kafka, 'other', 't')
    await until(() => other.seen.length === 4)
  })
})

describe('a transaction', () => {
  test('is read when it is committed, its offsets with it, and never when it is aborted', async () => {
    const { kafka } = await start({ topics: { in: {}, out: {} } })
    const producer = await producerOf(kafka, {
      transactionalId: 'tx',
      maxInFlightRequests: 1,
      idempotent: true,
    })
    const member = await consume(kafka, 'reader', 'out', { readUncommitted: false })
    const lost = await producer.transaction()
    await lost.send({ topic: 'out', messages: messages('lost') })
    await lost.sendOffsets({
      consumerGroupId: 'g',
      topics: [{ topic: 'in', partitions: [{ partition: 0, offset: '7' }] }],
    })
    await lost.abort()
    const kept = await producer.transaction()
    await kept.send({ topic: 'out', messages: messages('kept') })
    await kept.sendOffsets({
      consumerGroupId: 'g',
      topics: [{ topic: 'in', partitions: [{ partition: 0, offset: '9' }] }],
    })
    const admin = await connected(kafka.admin())
    expect((await admin.fetchOffsets({ groupId: 'g', topics: ['in'] }))[0]?.partitions[0]?.offset).toBe('-1')
    await kept.commit()
    await until(() => member.seen.length > 0)
    expect(valuesOf(member)).toEqual(['kept'])
    expect((await admin.fetchOffsets({ groupId: 'g', topics: ['in'] }))[0]?.partitions[0]?.offset).toBe('9')
  })
})

describe('an admin', () => {
  test('makes, looks at, changes and deletes topics', async () => {
    const { kafka } = await start()
    const admin = await connected(kafka.admin())
    const made = { topic: 't', numPartitions: 2, configEntries: [{ name: 'retention.ms', value: '1000' }] }
    expect(await admin.createTopics({ topics: [made] })).toBe(true)
    expect(await admin.createTopics({ topics: [made] })).toBe(false)
    await admin.createPartitions({ topicPartitions: [{ topic: 't', count: 5 }] })
    const { topics } = await admin.fetchTopicMetadata({ topics: ['t'] })
    expect(topics[0]?.partitions.map(({ leader }) => leader)).toHaveLength(5)
    const resource = { type: 2, name: 't' }
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ ...resource, configEntries: [{ name: 'cleanup.policy', value: 'compact' }] }],
    })
    const { resources } = await admin.describeConfigs({ resources: [resource], includeSynonyms: false })
    const config = new Map(
      resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]),
    )
    expect(config.get('cleanup.policy')).toBe('compact')
    // AlterConfigs replaces what was set before.
    expect(config.get('retention.ms')).toBe('604800000')
    await admin.deleteTopics({ topics: ['t'] })
    expect(await admin.listTopics()).toEqual([])
  })

  test('deletes records and groups', async () => {
    const { kafka } = await start({ topics: { t: {} } })
    const producer = await producerOf(kafka)
    await producer.send({ topic: 't', messages: messages('0', '1', '2', '3') })
    const admin = await connected(kafka.admin())
    const member = await consume(kafka, 'g', 't')
    await until(() => member.seen.length === 4)
    await member.consumer.disconnect()
    // kafkajs has to know the topic before.
    expect(await admin.fetchTopicOffsets('t')).toMatchObject([{ low: '0', high: '4' }])
    await admin.deleteTopicRecords({ topic: 't', partitions: [{ partition: 0, offset: '3' }] })
    expect(await admin.fetchTopicOffsets('t')).toMatchObject([{ low: '3', high: '4' }])
    expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).toEqual(['g'])
    expect((await admin.describeGroups(['g'])).groups[0]).toMatchObject({ state: 'Empty' })
    await admin.deleteGroups(['g'])
    expect((await admin.listGroups()).groups).toEqual([])
  })
})

describe('the same directory again', () => {
  test('has topics, records, settings, group offsets and transactional ids', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'logmill-test-'))
    closing.push(() => Promise.resolve(rmSync(dataDir, { recursive: true, force: true })))
    // Kafka waits for a first group to fill; nobody else comes here.
    const config = {
      'group.initial.rebalance.delay.ms': 0,
      'offsets.topic.num.partitions': 4,
      'transaction.state.log.num.partitions': 4,
    }
    const before = await start({
      dataDir,
      config,
      topics: { t: { config: { 'retention.ms': 123456789 } }, out: {} },
    })
    const { clusterId } = before.broker
    const old = await producerOf(before.kafka, {
      transactionalId: 'tx',
      maxInFlightRequests: 1,
      idempotent: true,
    })
    const first = await old.transaction()
    await first.send({ topic: 'out', messages: messages('committed') })
    await first.commit()
    await old.send({ topic: 't', messages: messages('1', '2', '3') })
    const member = await consume(before.kafka, 'g', 't')
    await until(() => member.seen.length === 3)
    await member.consumer.disconnect()
    const open = await old.transaction()
    await open.send({ topic: 'out', messages: messages('left open') })
    await old.disconnect()
    await before.broker.stop()

    const { broker, kafka } = await start({ dataDir, config })
    expect(broker.clusterId).toBe(clusterId)
    expect(broker.logViews.topics().toSorted()).toEqual(['out', 't'])
    const admin = await connected(kafka.admin())
    const { resources } = await admin.describeConfigs({
      resources: [{ type: 2, name: 't', configNames: ['retention.ms'] }],
      includeSynonyms: false,
    })
    expect(resources[0]?.configEntries[0]?.configValue).toBe('123456789')
    // The open transaction survived, and still hides what comes after it; its successor aborts it.
    expect(broker.logViews.view('out', 0).stableEndOffset).toBe(2n)
    const successor = await producerOf(kafka, {
      transactionalId: 'tx',
      maxInFlightRequests: 1,
      idempotent: true,
    })
    await successor.send({ topic: 't', messages: messages('4') })
    const transaction = await successor.transaction()
    await transaction.send({ topic: 'out', messages: messages('after') })
    await transaction.commit()
    const reader = await consume(kafka, 'reader', 'out', { readUncommitted: false })
    await until(() => reader.seen.length === 2)
    expect(valuesOf(reader)).toEqual(['committed', 'after'])
    const again = await consume(kafka, 'g', 't')
    await until(() => again.seen.length > 0)
    expect(again.seen).toMatchObject([{ value: '4', offset: '3' }])
  })
})
