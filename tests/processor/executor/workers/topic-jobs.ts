// A job with three outputs over the same lines: copies, counts of a batch, totals of all batches.

import { rawRecords, type StreamingContext, textValues } from '../../../../streaming.ts'

const options = { startingOffsets: 'earliest', maxRowsPerBatch: 700 } as const

export default function build(ssc: StreamingContext, { to }: { to: string }): void {
  ssc
    .createDirectStream('lines', rawRecords, { ...options, name: 'raw' })
    .toTopic(`copies-${to}`, (record) => ({
      key: record.text().split(' ')[0] as string,
      value: record.value,
    }))
  const words = ssc
    .createDirectStream('lines', textValues, options)
    .flatMap((line) => line.trimEnd().split(' '))
    .mapToPair((word): [string, number] => [word, 1])
  words
    .reduceByKey((a, b) => a + b)
    .toTopic(`counts-${to}`, ([word, count]) => ({ key: word, value: `${word} ${count}` }))
  words
    .updateStateByKey<number>((values, total) => values.length + (total ?? 0), { name: 'total' })
    .changes()
    .toTopic(`totals-${to}`, ([word, total]) => ({ key: word, value: `${word} ${total}` }))
}
