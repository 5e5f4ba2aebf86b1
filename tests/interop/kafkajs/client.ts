// The interop verbs of README.md, by kafkajs. It brings gzip alone; the other codecs are registered the way
// its documents ask for, with logmill's own (another client's bytes of each codec pass through the suite too).

import kafkajs, { type Consumer } from 'kafkajs'
import { compress, decompress } from '../../../broker/protocol/record-batch/compression.ts'

const { CompressionCodecs, Kafka, logLevel } = kafkajs

const [verb = '', bootstrap = '', topic = '', ...rest] = process.argv.slice(2)
const kafka = new Kafka({
  clientId: 'interop',
  brokers: [bootstrap],
  logLevel: logLevel.ERROR,
  retry: { retries: 10 },
})

const codecs = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const
const largestBatchBytes = 64 * 1024 * 1024
// 2 snappy, 3 lz4, 4 zstd: the batch attributes' own numbers.
for (const [type, codec] of [
  [2, 'snappy'],
  [3, 'lz4'],
  [4, 'zstd'],
] as const) {
  CompressionCodecs[type] = () => ({
    compress: (encoder: { buffer: Buffer }) => Promise.resolve(compress(codec, encoder.buffer)),
    decompress: (bytes: Buffer) => Promise.resolve(decompress(codec, bytes, largestBatchBytes)),
  })
}

async function produce(count: string, codec: string): Promise<void> {
  const producer = kafka.producer({ idempotent: true })
  await producer.connect()
  const messages = Array.from({ length: Number(count) }, (_, i) => ({ key: `key-${i}`, value: `value-${i}` }))
  await producer.send({ topic, messages, compression: codecs[codec as keyof typeof codecs] })
  await producer.disconnect()
  console.log(`produced ${count}`)
}

/** Calls back for each value, from the group's place on, until the callback says that it has seen enough. */
async function eachValue(
  consumer: Consumer,
  seen: (value: string, offset: bigint, partition: number) => boolean,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        autoCommit: false,
        eachMessage: async ({ message, partition }) => {
          const offset = BigInt(message.offset)
          const enough = seen(String(message.value), offset, partition)
          await consumer.commitOffsets([{ topic, partition, offset: String(offset + 1n) }])
          if (enough) resolve()
        },
      })
      .catch(reject)
  })
}

async function consume(groupId: string, count: string): Promise<void> {
  const consumer = kafka.consumer({ groupId })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  let seen = 0
  await eachValue(consumer, (value) => {
    console.log(value)
    return ++seen === Number(count)
  })
  await consumer.disconnect()
}

async function member(groupId: string): Promise<void> {
  const consumer = kafka.consumer({ groupId, heartbeatInterval: 500 })
  await consumer.connect()
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    console.log(`assigned ${[...(payload.memberAssignment[topic] ?? [])].sort((a, b) => a - b).join(',')}`)
  })
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ eachMessage: () => Promise.resolve() })
  await new Promise((resolve) => process.stdin.on('end', resolve).resume())
  await consumer.disconnect()
}

async function transact(consumerGroupId: string, transactionalId: string): Promise<void> {
  const producer = kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const ten = (prefix: string) => Array.from({ length: 10 }, (_, i) => ({ value: `${prefix}-${i}` }))
  const aborted = await producer.transaction()
  await aborted.send({ topic, messages: ten('aborted') })
  await aborted.abort()
  const committed = await producer.transaction()
  await committed.send({ topic, messages: ten('committed') })
  await committed.sendOffsets({
    consumerGroupId,
    topics: [{ topic, partitions: [{ partition: 0, offset: '5' }] }],
  })
  await committed.commit()
  await producer.disconnect()
  console.log('transacted')
}

async function read(): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  const ends = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  // kafkajs shows no control records: the end is reached when the consumer's own position says so.
  const left = new Map(
    ends.filter(({ high }) => high !== '0').map(({ partition, high }) => [partition, BigInt(high)]),
  )
  const consumer = kafka.consumer({ groupId: `read-${topic}-${process.pid}`, readUncommitted: false })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
      const end = left.get(payload.partition)
      if (end !== undefined && BigInt(payload.lastOffset) + 2n >= end) left.delete(payload.partition)
      if (left.size === 0) resolve()
    })
    consumer
      .run({ eachMessage: ({ message }) => Promise.resolve(console.log(String(message.value))) })
      .catch(reject)
  })
  await consumer.disconnect()
}

const verbs: Record<string, (...args: string[]) => Promise<void>> = {
  produce,
  consume,
  member,
  transact,
  read,
}
await (verbs[verb] as (...args: string[]) => Promise<void>)(...rest)
