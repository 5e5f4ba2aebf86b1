// Jobs with something wrong with them, or with their records.

import { isMainThread, workerData } from 'node:worker_threads'
import type { WorkerStart } from '../../../../processor/executor/workers/calls.ts'
import { type StreamingContext, textValues } from '../../../../streaming.ts'

export type Fault =
  | 'throws'
  | 'differs'
  | 'instances'
  | 'starts'
  | 'endless'
  | 'swallowed'
  | 'slow'
  | 'other places'
  | 'more places'
  | 'none'

class Weight {
  readonly grams: number

  constructor(grams: number) {
    this.grams = grams
  }
}

export default async function build(ssc: StreamingContext, { fault }: { fault: Fault }): Promise<void> {
  const lines = ssc.createDirectStream('lines', textValues, { startingOffsets: 'earliest' })
  if (fault === 'starts' && !isMainThread) await ssc.start()
  const checked = lines.map(
    (line) => {
      if (fault === 'throws' && line === 'bad') throw new RangeError('this line is bad')
      return line
    },
    { name: 'checked' },
  )
  if (fault === 'differs' && !isMainThread) checked.filter((line) => line !== '')
  if (fault === 'instances') {
    checked
      .mapToPair((line): [string, Weight] => [line, new Weight(line.length)])
      .groupByKey({ name: 'weights' })
      .toTopic('out', ([line, weights]) => ({ value: `${line} ${weights.length}` }))
    return
  }
  if (fault === 'other places' || fault === 'more places') {
    // The other one gives the lines, all of odd lengths, to this one; this one would have kept them.
    const isElsewhere = !isMainThread && (workerData as { start: WorkerStart }).start.index === 1
    const partitioner = {
      numPartitions: fault === 'more places' && isElsewhere ? 3 : 2,
      getPartition: (line: string) => (isElsewhere ? 1 - (line.length % 2) : line.length % 2),
    }
    const lengths = checked.mapToPair((line) => [line, line.length])
    lengths.groupByKey({ partitioner, name: 'lengths' }).toTopic('out', ([line]) => ({ value: line }))
    return
  }
  if (fault === 'swallowed') {
    const pairs = checked.mapToPair((line): [string, number] => {
      if (line === 'bad') throw new RangeError('this line is bad')
      return [line, 1]
    })
    pairs.groupByKey().foreachRDD((rdd) => rdd.collect().then(noted, noted))
    return
  }
  if (fault === 'endless') {
    // Never ends, but is read in slices.
    checked
      .transform((rdd) => rdd.cartesian(ssc.parallelize(Array.from({ length: 1e6 }, (_, i) => i))))
      .count()
      .print()
    return
  }
  if (fault === 'slow') {
    lines
      .mapToPair((line): [string, number] => {
        if (line === 'bad') throw new RangeError('this line is bad')
        return [line, line === 'slow' ? pondered() : 1]
      })
      .reduceByKey((a, b) => a + b)
      .print(100)
    return
  }
  checked.toTopic('out', (line) => ({ key: line, value: line }))
}

/** An action's outcome that nobody looks at. */
function noted(): void {}

/** One, after a while. */
function pondered(): number {
  let sum = 0
  for (let i = 1; i < 3e6; i++) sum += 1 / i
  return Math.min(1, sum)
}
