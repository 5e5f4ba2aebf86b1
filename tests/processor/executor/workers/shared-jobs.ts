// A job that shares values with its workers: a broadcast one, and accumulators that they add to.

import { type StreamingContext, textValues } from '../../../../streaming.ts'

/** In the driver: sum, and how many lines were collected, as foreachRDD saw them behind its action. */
export const seen: (readonly [number, number])[] = []

export default function build(ssc: StreamingContext): void {
  const { sparkContext } = ssc
  const weights = sparkContext.broadcast(
    new Map([
      ['a', 1],
      ['b', 10],
    ]),
  )
  const sum = sparkContext.longAccumulator('sum')
  const unknown = sparkContext.collectionAccumulator<string>('unknown')
  ssc
    .createDirectStream('lines', textValues, { startingOffsets: 'earliest' })
    .map((line) => {
      const weight = weights.value.get(line)
      if (weight === undefined) unknown.add(line)
      else sum.add(weight)
      return line
    })
    .reduce((a, b) => a + b)
    .foreachRDD(async (rdd) => {
      await rdd.collect()
      seen.push([sum.value, unknown.value.length])
    })
}
