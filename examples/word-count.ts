// A broker in memory, a producer that any Kafka application could have, and a job that counts what it sends.
// Prints the totals and ends by itself.

import kafkajs from 'kafkajs'
import { startBroker } from '../index.ts'
import { StreamingContext, textValues } from '../streaming.ts'

await using broker = await startBroker({ topics: { lines: { partitions: 2 }, totals: { partitions: 1 } } })

const totals = new Map<string, number>()
const context = new StreamingContext({ appName: 'word-count', broker, trigger: 'asap' })
const counts = context
  .createDirectStream('lines', textValues, { startingOffsets: 'earliest' })
  .flatMap((line) => line.split(/\W+/))
  .mapToPair((word): [string, number] => [word, 1])
  .updateStateByKey<number>((ones, total = 0) => total + ones.length, { name: 'totals' })
  .changes()
counts.toTopic('totals', ([word, total]) => ({ key: word, value: String(total) }))
counts.foreachRDD(async (rdd) => {
  for (const [word, total] of await rdd.collect()) totals.set(word, total)
})
await context.start()

const producer = new kafkajs.Kafka({ brokers: [broker.bootstrapServers] }).producer({
  createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
})
await producer.connect()
await producer.send({
  topic: 'lines',
  messages: [{ value: 'to be or not to be' }, { value: 'that is the question' }],
})
await producer.disconnect()

await context.stop({ graceful: true })
console.log(Object.fromEntries(totals))
