// Lines beside sums that are of no batch. While one worker meets a bad line, the other is still adding: it waits until
// that has happened, and has then much left to add.

import { workerData } from 'node:worker_threads'
import { type StreamingContext, textValues } from '../../../../streaming.ts'

export interface GivenUpParameters {
  /** Shared by all threads: 1 once a bad line was met. */
  readonly found: Int32Array
}

const LONGEST_WAIT_MS = 5_000
const A_WHILE_MS = 2

const index = (workerData as { start?: { index: number } } | null)?.start?.index

export default function build(ssc: StreamingContext, { found }: GivenUpParameters): void {
  let isFirst = true
  const add = (a: number, b: number) => {
    if (index === 1 && isFirst) {
      Atomics.wait(found, 0, 0, LONGEST_WAIT_MS)
      isFirst = false
    }
    // Slow enough that there is a rest to be stopped in.
    if (index === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, A_WHILE_MS)
    return a + b
  }
  const numbers = Array.from({ length: 200 }, (_, i): [string, number] => [`n${i % 100}`, 1])
  const sums = ssc.sparkContext.parallelize(numbers, 2).reduceByKey(add)
  ssc
    .createDirectStream('lines', textValues, { startingOffsets: 'earliest' })
    .map((line) => {
      if (line === 'bad') {
        Atomics.store(found, 0, 1)
        Atomics.notify(found, 0)
        throw new Error('a bad line')
      }
      return line
    })
    .mapToPair((line): [string, number] => [line, 1])
    .transformToPair((rdd) => rdd.union(sums))
    .toTopic('out', ([word, n]) => ({ value: `${word} ${n}` }))
}
