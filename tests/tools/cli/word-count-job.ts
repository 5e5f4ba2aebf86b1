// A job as a module: what `logmill job replay --job` loads.

import { type StreamingContext, textValues } from '../../../streaming.ts'

export default function wordCount(context: StreamingContext): void {
  context
    .createDirectStream('lines', textValues, { startingOffsets: 'earliest' })
    .flatMap((line) => line.split(' '))
    .mapToPair((word): [string, number] => [word, 1])
    .updateStateByKey<number>((ones, total = 0) => total + ones.length, { name: 'totals' })
    .changes()
    .toTopic('totals', ([word, total]) => ({ key: word, value: String(total) }))
}
