// The demo's job: what any author of a streaming job would write. Lines are cut into words; a sliding window
// says what is frequent now, updateStateByKey keeps the total of every word for good, and every total that a
// batch changed goes to the output topic, once.

import type { Broker } from '../../index.ts'
import { type BatchInfo, StreamingContext, textValues } from '../../streaming.ts'

export const INPUT_TOPIC = 'lines'
export const OUTPUT_TOPIC = 'word-totals'
const WINDOW = '10s'
const BATCH = '1s'
const WORD = /[A-Za-z]{3,}/g

export interface WordCountListener {
  /** Totals that the batch changed. */
  onTotals(changed: readonly (readonly [string, number])[]): void
  /** How many words have a total. */
  onWords(words: number): void
  /** The most frequent words of the window, most frequent first. */
  onWindow(top: readonly (readonly [string, number])[]): void
  onBatchCompleted(batch: BatchInfo): void
}

const SHOWN = 12

export function wordCount(broker: Broker, checkpoint: string, listener: WordCountListener): StreamingContext {
  const context = new StreamingContext({
    appName: 'word-count',
    broker,
    checkpoint,
    batchDuration: BATCH,
    // Batches of the time while the demo was off would only show empty windows.
    downtimeBatches: 'skip',
  })
  const counts = context
    .createDirectStream(INPUT_TOPIC, textValues, { startingOffsets: 'earliest', maxRowsPerBatch: 200_000 })
    .flatMap((line) => line.toLowerCase().match(WORD) ?? [])
    .mapToPair((word): [string, number] => [word, 1])
    .reduceByKey((a, b) => a + b)

  counts
    .reduceByKeyAndWindow(
      (a, b) => a + b,
      WINDOW,
      BATCH,
      (a, b) => a - b,
      { name: 'recent', filter: (_word, count) => count > 0 },
    )
    .foreachRDD(async (rdd) => listener.onWindow(mostFrequent(await rdd.collect())))

  const totals = counts.updateStateByKey<number>(
    (added, total = 0) => added.reduce((sum, count) => sum + count, total),
    { name: 'totals' },
  )
  totals.changes().toTopic(OUTPUT_TOPIC, ([word, total]) => ({ key: word, value: String(total) }))
  totals.changes().foreachRDD(async (rdd) => listener.onTotals(await rdd.collect()))
  totals.foreachRDD(async (rdd) => listener.onWords(await rdd.count()))

  context.addStreamingListener({ onBatchCompleted: (batch) => listener.onBatchCompleted(batch) })
  return context
}

function mostFrequent(counts: readonly (readonly [string, number])[]): (readonly [string, number])[] {
  return [...counts].sort(([, a], [, b]) => b - a).slice(0, SHOWN)
}
