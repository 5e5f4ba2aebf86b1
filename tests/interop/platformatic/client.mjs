// The interop verbs of README.md, by @platformatic/kafka. It has a package of its own here: nothing else of logmill
// needs it. Its zstd is Node's own, which Node 20 does not have.

import {
  Consumer,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'

const [verb, bootstrap, topic, ...rest] = process.argv.slice(2)
const base = { clientId: 'interop', bootstrapBrokers: [bootstrap] }
const READ_UNCOMMITTED = 0
const READ_COMMITTED = 1

const producerOf = (more) =>
  new Producer({ ...base, idempotent: true, serializers: stringSerializers, ...more })
const consumerOf = (groupId, more) =>
  new Consumer({
    ...base,
    groupId,
    deserializers: stringDeserializers,
    autocommit: false,
    maxWaitTime: 500,
    heartbeatInterval: 500,
    ...more,
  })
/** From where the group has committed, else from the first record. */
const committedOrFirst = { mode: MessagesStreamModes.COMMITTED, fallbackMode: 'earliest' }

async function produce(count, codec) {
  const producer = producerOf({ compression: codec })
  const messages = Array.from({ length: Number(count) }, (_, i) => ({
    topic,
    key: `key-${i}`,
    value: `value-${i}`,
  }))
  await producer.send({ messages })
  await producer.close()
  console.log(`produced ${count}`)
}

async function consume(groupId, count) {
  const consumer = consumerOf(groupId)
  const stream = await consumer.consume({ topics: [topic], ...committedOrFirst })
  const last = new Map()
  let seen = 0
  for await (const message of stream) {
    console.log(message.value)
    last.set(message.partition, message)
    if (++seen === Number(count)) break
  }
  for (const message of last.values()) await message.commit()
  await consumer.close(true)
}

async function member(groupId) {
  const consumer = consumerOf(groupId)
  consumer.on('consumer:group:join', ({ assignments }) => {
    const held = (assignments ?? [])
      .filter((one) => one.topic === topic)
      .flatMap(({ partitions }) => partitions)
    console.log(`assigned ${held.sort((a, b) => a - b).join(',')}`)
  })
  const stream = await consumer.consume({ topics: [topic], ...committedOrFirst })
  stream.resume()
  await new Promise((resolve) => process.stdin.on('end', resolve).resume())
  await consumer.close(true)
}

async function transact(groupId, transactionalId) {
  const producer = producerOf({ transactionalId })
  const ten = (prefix) => Array.from({ length: 10 }, (_, i) => ({ topic, value: `${prefix}-${i}` }))
  const aborted = await producer.beginTransaction()
  await aborted.send({ messages: ten('aborted') })
  await aborted.abort()
  // Offsets go with a transaction by the messages of a consumer: the fifth one's is offset 5.
  const consumer = consumerOf(groupId, { isolationLevel: READ_UNCOMMITTED })
  const stream = await consumer.consume({ topics: [topic], ...committedOrFirst })
  const committed = await producer.beginTransaction()
  await committed.addConsumer(consumer)
  await committed.send({ messages: ten('committed') })
  for await (const message of stream) {
    if (message.offset !== 4n) continue
    await committed.addOffset(message)
    break
  }
  await committed.commit()
  await consumer.close(true)
  await producer.close()
  console.log('transacted')
}

async function read() {
  const consumer = consumerOf(`read-${topic}-${process.pid}`, { isolationLevel: READ_COMMITTED })
  const ends = (await consumer.listOffsets({ topics: [topic], isolationLevel: READ_COMMITTED })).get(topic)
  const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST })
  stream.on('data', ({ value }) => console.log(value))
  await new Promise((resolve, reject) => {
    const look = () => {
      const next = (partition) => stream.offsetsToFetch.get(`${topic}:${partition}`) ?? 0n
      if (ends.every((end, partition) => next(partition) >= end)) resolve()
    }
    stream.on('fetch', look).on('error', reject)
    look()
  })
  await new Promise(setImmediate)
  await consumer.close(true)
}

await { produce, consume, member, transact, read }[verb](...rest)
