// The jobs of the executors suite and of the host's Grep, as a module: it is loaded by every thread that runs them.

import { rawRecords, type StreamingContext, textValues, valueContains } from '../../streaming.ts'
import { NEEDLE } from './text.ts'

export interface ScanParameters {
  readonly job: 'grep' | 'grepText' | 'wordCount'
  readonly rowsPerBatch: number
  readonly output: string
}

export default function build(
  ssc: StreamingContext,
  { job, rowsPerBatch: maxRowsPerBatch, output }: ScanParameters,
): void {
  const options = { startingOffsets: 'earliest', maxRowsPerBatch } as const
  if (job === 'grep') {
    ssc
      .createDirectStream('text', rawRecords, options)
      .filter(valueContains(NEEDLE))
      .toTopic(output, (record) => record)
    return
  }
  const lines = ssc.createDirectStream('text', textValues, options)
  if (job === 'grepText') {
    lines.filter((line) => line.includes(NEEDLE)).toTopic(output, (line) => ({ value: line }))
    return
  }
  lines
    .flatMap((line) => line.split(' '))
    .mapToPair((word): [string, number] => [word, 1])
    .reduceByKey((a, b) => a + b)
    .toTopic(output, ([word, count]) => ({ key: word, value: String(count) }))
}
