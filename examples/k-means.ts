// A model made offline and used on a stream: centres of three kinds of visits are learned from past visits in a
// batch program over the same operators (Lloyd's algorithm), then every new visit is named as it comes.

import kafkajs from 'kafkajs'
import { startBroker } from '../index.ts'
import { type RDD, StreamingContext, textPairs } from '../streaming.ts'

/** Pages seen, minutes stayed. */
type Visit = readonly [pages: number, minutes: number]

const PAST: readonly Visit[] = [
  [1, 0.2],
  [2, 0.5],
  [1, 0.4],
  [12, 9],
  [15, 11],
  [11, 10],
  [40, 3],
  [38, 2],
  [45, 4],
]
const KINDS = ['bounced', 'read', 'crawled']
const ROUNDS = 10

await using broker = await startBroker({ topics: { visits: { partitions: 2 }, 'named-visits': {} } })
const context = new StreamingContext({ appName: 'k-means', broker, trigger: 'asap' })

const centres = await train(context.parallelize(PAST, 2), [PAST[0], PAST[3], PAST[6]] as Visit[])
console.log(
  centres.map((centre, kind) => `${KINDS[kind]}: ${centre.map((x) => x.toFixed(1)).join(' pages, ')} min`),
)

const named = context
  .createDirectStream('visits', textPairs, { startingOffsets: 'earliest' })
  .mapToPair(([visitor, visit]): [string, string] => [
    visitor ?? 'unknown',
    KINDS[nearest(centres, JSON.parse(visit ?? '[]') as Visit)] as string,
  ])
named.toTopic('named-visits', ([visitor, kind]) => ({ key: visitor, value: kind }))
named.foreachRDD(async (rdd) => {
  for await (const [visitor, kind] of rdd) console.log(`${visitor} ${kind}`)
})
await context.start()

const producer = new kafkajs.Kafka({ brokers: [broker.bootstrapServers] }).producer({
  createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
})
await producer.connect()
await producer.send({
  topic: 'visits',
  messages: [
    { key: 'ada', value: '[14, 12]' },
    { key: 'bot-7', value: '[42, 2.5]' },
    { key: 'grace', value: '[1, 0.1]' },
  ],
})
await producer.disconnect()
await context.stop({ graceful: true })

async function train(visits: RDD<Visit>, first: readonly Visit[]): Promise<readonly Visit[]> {
  let centres = first
  for (let round = 0; round < ROUNDS; round++) {
    const sums = await visits
      .mapToPair((visit): [number, [number, number, number]] => [nearest(centres, visit), [...visit, 1]])
      .reduceByKey((a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]])
      .collect()
    const moved = new Map(
      sums.map(([kind, [pages, minutes, n]]): [number, Visit] => [kind, [pages / n, minutes / n]]),
    )
    centres = centres.map((centre, kind) => moved.get(kind) ?? centre)
  }
  return centres
}

function nearest(centres: readonly Visit[], [pages, minutes]: Visit): number {
  const distances = centres.map((centre) => (centre[0] - pages) ** 2 + (centre[1] - minutes) ** 2)
  return distances.indexOf(Math.min(...distances))
}
