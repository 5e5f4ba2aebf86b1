// A job that trains models on a topic and says what they predict, as a module: the driver and every worker build it.

import { isMainThread } from 'node:worker_threads'
import {
  StreamingKMeans,
  StreamingLinearRegressionWithSGD,
  StreamingTest,
  type Vector,
} from '../../../mllib.ts'
import { type StreamingContext, textValues } from '../../../streaming.ts'

/** What was predicted before and after each batch's training, by batch time, in the driver's copy of the module. */
export const predicted = new Map<number, unknown[]>()

/** Of the driver's copy, as of its last build. */
export const models: { kMeans?: StreamingKMeans; line?: StreamingLinearRegressionWithSGD } = {}

export interface Parameters {
  readonly k: number
  /** Shared by all threads: how many workers are still to die at the record that says so. */
  readonly deathsLeft: Int32Array
}

export default function build(ssc: StreamingContext, { k, deathsLeft }: Parameters): void {
  const points = ssc
    .createDirectStream('points', textValues, { startingOffsets: 'earliest' })
    .filter((text) => {
      if (text !== 'death') return true
      // In a worker it ends the thread, not the process.
      // oxlint-disable-next-line no-restricted-properties
      if (!isMainThread && Atomics.sub(deathsLeft, 0, 1) > 0) process.exit(3)
      return false
    })
    .map((text) => JSON.parse(text) as Vector)
  const kMeans = new StreamingKMeans({
    k,
    decayFactor: 0.7,
    randomCenters: { dimension: 2, weight: 1, seed: 3 },
    name: 'k',
  })
  const before = kMeans.predictOn(points)
  kMeans.trainOn(points)
  const after = kMeans.predictOnValues(points.mapToPair((point) => [point.join(), point]))
  const line = new StreamingLinearRegressionWithSGD({ initialWeights: [0, 0], stepSize: 0.01, name: 'line' })
  const labeled = points.map(([x = 0, label = 0]) => ({ label, features: [x, 1] }))
  line.trainOn(labeled)
  const onLine = line.predictOn(labeled.map(({ features }) => features))
  const test = new StreamingTest({ windowSize: 3, peacePeriod: 1, name: 'test' })
  // Its sums are combined as they come, so the last digits may differ.
  const chances = test
    .registerStream(points.map(([x = 0, value = 0]) => ({ isExperiment: x > 6, value })))
    .map(({ pValue }) => Number(pValue.toPrecision(9)))
  models.kMeans = kMeans
  models.line = line
  for (const stream of [before, after, onLine, chances]) {
    stream.foreachRDD(async (rdd, time) => {
      const rows = predicted.get(time.getTime()) ?? []
      rows.push(await rdd.collect())
      predicted.set(time.getTime(), rows)
    })
  }
}
