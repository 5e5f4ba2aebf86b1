// The jobs that are measured beside Spark's, as a module: it is loaded by every thread that runs them.
// SparkStreamingJob.java has the same; what they write is compared value by value.

import {
  type DStream,
  type PairDStream,
  type StreamingContext,
  textPairs,
  textValues,
} from '../../../streaming.ts'
import { NEEDLE } from '../text.ts'

export const BATCH_MS = 1000
const WINDOW_MS = 30_000
const TOP = 10

export type JobName = 'grep' | 'wordCount' | 'topWords' | 'updateStateByKey' | 'mapWithState'

export interface JobParameters {
  readonly job: JobName
  readonly topic: string
  readonly rowsPerPartition: number
  readonly output: string
}

export default function build(ssc: StreamingContext, parameters: JobParameters): void {
  const { job, topic, output } = parameters
  // A second and partition, and so a batch and partition.
  const options = { startingOffsets: 'earliest', maxRatePerPartition: parameters.rowsPerPartition } as const
  const lines = (): DStream<string> => ssc.createDirectStream(topic, textValues, options)
  const words = (): PairDStream<string, number> =>
    lines()
      .flatMap((line) => line.split(' '))
      .mapToPair((word): [string, number] => [word, 1])
  const keys = (): PairDStream<string, number> =>
    ssc
      .createDirectStream(topic, textPairs, options)
      .mapToPair(([key]): [string, number] => [key as string, 1])
  const write = (values: DStream<string>): void => values.toTopic(output, (value) => ({ value }))
  const checksum = (rows: DStream<number>): void => write(rows.reduce((a, b) => a + b).map(String))

  const jobs: Record<JobName, () => void> = {
    grep: () => write(lines().filter((line) => line.includes(NEEDLE))),
    wordCount: () => write(words().reduceByKey(add).map(told)),
    topWords: () =>
      write(
        words()
          .reduceByKeyAndWindow(add, WINDOW_MS, BATCH_MS, (a, b) => a - b, {
            name: 'recent',
            filter: (_word, count) => count > 0,
          })
          .mapPartitions(most)
          .repartition(1)
          .mapPartitions(most)
          .map(told),
      ),
    updateStateByKey: () =>
      checksum(
        keys()
          .updateStateByKey<number>((ones, before = 0) => before + ones.length, { name: 'totals' })
          .map(([key, total]) => (Number(key) + 1) * total),
      ),
    mapWithState: () =>
      checksum(
        keys().mapWithState<number, number>(
          (key, one, state) => {
            const total = (state.getOption() ?? 0) + (one ?? 0)
            state.update(total)
            return (Number(key) + 1) * total
          },
          { name: 'totals' },
        ),
      ),
  }
  jobs[job]()
}

const add = (a: number, b: number): number => a + b
const told = ([word, count]: readonly [string, number]): string => `${word} ${count}`

/** The most frequent words, of equals the first by name. */
function most(rows: (readonly [string, number])[]): (readonly [string, number])[] {
  return rows.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, TOP)
}
