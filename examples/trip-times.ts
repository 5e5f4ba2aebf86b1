// A model that learns while it is used: how long trips take is learned from those that have ended, and said of those that
// begin. The model is state of the job, so each trip counts in it exactly once.

import kafkajs from 'kafkajs'
import { startBroker } from '../index.ts'
import { StreamingLinearRegressionWithSGD } from '../mllib.ts'
import { StreamingContext, textPairs } from '../streaming.ts'

interface Trip {
  readonly km: number
  /** undefined: it begins. */
  readonly minutes?: number
}

/** The first feature is for what every trip takes, however short. */
const featuresOf = ({ km }: Trip) => [1, km / 10]

await using broker = await startBroker({ topics: { trips: {}, arrivals: {} } })
const context = new StreamingContext({ appName: 'trip-times', broker, trigger: 'asap' })

const trips = context
  .createDirectStream('trips', textPairs, { startingOffsets: 'earliest' })
  .mapToPair(([name, trip]): [string, Trip] => [name ?? 'unnamed', JSON.parse(trip ?? '{}') as Trip])

const times = new StreamingLinearRegressionWithSGD({
  initialWeights: [0, 0],
  stepSize: 0.5,
  numIterations: 2000,
  convergenceTol: 0.00001,
  name: 'times',
})
times.trainOn(
  trips.flatMap(([, trip]) =>
    trip.minutes === undefined ? [] : [{ label: trip.minutes, features: featuresOf(trip) }],
  ),
)
const arrivals = times.predictOnValues(
  trips.filter(([, { minutes }]) => minutes === undefined).mapValues(featuresOf),
)
arrivals.toTopic('arrivals', ([name, minutes]) => ({ key: name, value: minutes.toFixed(0) }))
arrivals.foreachRDD(async (rdd) => {
  for await (const [name, minutes] of rdd) console.log(`${name} arrives in ${minutes.toFixed(0)} minutes`)
})
await context.start()

const producer = new kafkajs.Kafka({ brokers: [broker.bootstrapServers] }).producer({
  createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
})
await producer.connect()
const ended = Array.from({ length: 40 }, (_, i) => {
  const km = 1 + ((i * 7) % 20)
  return { key: `trip-${i}`, value: JSON.stringify({ km, minutes: 6 + 2 * km + ((i % 3) - 1) / 2 }) }
})
await producer.send({ topic: 'trips', messages: [...ended, { key: 'ada', value: '{"km":12}' }] })
await producer.disconnect()
await context.stop({ graceful: true })
