// Alerts for sensors that leave their own normal: mean and spread of every sensor are state that each batch
// moves on (Welford's method), and a reading far outside of them becomes a record in another topic, exactly once.

import kafkajs from 'kafkajs'
import { startBroker } from '../index.ts'
import { StreamingContext, textPairs } from '../streaming.ts'

/** A reading is an alert when it is as many standard deviations from the mean. */
const TOLERANCE = 4
/** Before as many readings nothing is known about a sensor. */
const WARM_UP = 10

interface Sensor {
  readings: number
  mean: number
  /** Sum of squared distances from the mean. */
  spread: number
  /** Readings of the last batch that were far out. */
  alerts: number[]
}

await using broker = await startBroker({ topics: { readings: { partitions: 2 }, alerts: {} } })
const context = new StreamingContext({ appName: 'anomaly-alerts', broker, trigger: 'asap' })

const alerts = context
  .createDirectStream('readings', textPairs, { startingOffsets: 'earliest' })
  .mapToPair(([sensor, reading]): [string, number] => [sensor ?? 'unnamed', Number(reading)])
  .filter(([, celsius]) => Number.isFinite(celsius))
  .updateStateByKey<Sensor>(watch, { name: 'sensors' })
  .changes()
  .flatMapValues((sensor) => sensor.alerts)

alerts.toTopic('alerts', ([sensor, celsius]) => ({ key: sensor, value: String(celsius) }))
alerts.foreachRDD(async (rdd) => {
  for await (const [sensor, celsius] of rdd) console.log(`${sensor} reads ${celsius}`)
})
await context.start()

const producer = new kafkajs.Kafka({ brokers: [broker.bootstrapServers] }).producer({
  createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
})
await producer.connect()
const readings = Array.from({ length: 40 }, (_, i) => [
  { key: 'boiler', value: String(i === 30 ? 95 : 60 + (i % 3)) },
  { key: 'cellar', value: String(12 + (i % 2)) },
])
await producer.send({ topic: 'readings', messages: readings.flat() })
await producer.disconnect()
await context.stop({ graceful: true })

/** The state after a batch: a new object, since a state is a value. */
function watch(celsius: readonly number[], before?: Sensor): Sensor | undefined {
  if (celsius.length === 0) return before
  let { readings, mean, spread } = before ?? { readings: 0, mean: 0, spread: 0 }
  const alerts: number[] = []
  for (const value of celsius) {
    const deviation = Math.sqrt(spread / Math.max(1, readings - 1))
    if (readings >= WARM_UP && Math.abs(value - mean) > TOLERANCE * Math.max(deviation, 0.1)) {
      // What is not normal does not become the new normal.
      alerts.push(value)
      continue
    }
    readings++
    const distance = value - mean
    mean += distance / readings
    spread += distance * (value - mean)
  }
  return { readings, mean, spread, alerts }
}
