// What is talked about now: hashtags counted over the last two seconds, twice a second. The window is moved on
// by what comes and what leaves (a function and its inverse), so its cost does not grow with its length.

import kafkajs from 'kafkajs'
import { startBroker } from '../index.ts'
import { StreamingContext, textValues } from '../streaming.ts'

const POSTS = [
  'morning run done #running #sunrise',
  'new record on the hill #running',
  'rain again #weather',
  'who else is up this early? #sunrise #weather',
]

await using broker = await startBroker({ topics: { posts: { partitions: 2 } } })
const context = new StreamingContext({ appName: 'hashtags', broker, batchDuration: '500ms' })

const hashtags = context
  .createDirectStream('posts', textValues, { startingOffsets: 'earliest' })
  .flatMap((post) => post.match(/#\w+/g) ?? [])

hashtags
  .mapToPair((hashtag): [string, number] => [hashtag, 1])
  .reduceByKeyAndWindow(
    (a, b) => a + b,
    '2s',
    '500ms',
    (a, b) => a - b,
    { name: 'recent', filter: (_hashtag, count) => count > 0 },
  )
  .foreachRDD(async (rdd, time) => {
    const counts = (await rdd.collect()).sort(([, a], [, b]) => b - a)
    console.log(time.toISOString(), counts.map(([hashtag, count]) => `${hashtag} ${count}`).join(', '))
  })

let total = 0
hashtags.foreachRDD(async (rdd) => void (total += await rdd.count()))
await context.start()

const producer = new kafkajs.Kafka({ brokers: [broker.bootstrapServers] }).producer({
  createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
})
await producer.connect()
for (const value of POSTS) await producer.send({ topic: 'posts', messages: [{ value }] })
await producer.disconnect()

// Long enough to see the posts leave the window again.
await context.awaitTerminationOrTimeout('3500ms')
await context.stop({ graceful: true })
console.log(`${total} hashtags in ${POSTS.length} posts`)
