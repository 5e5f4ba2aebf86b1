// Jobs of the workers' tests, as users write them: one module, loaded by the driver and by every worker.

import { type StreamingContext, textValues } from '../../../../streaming.ts'

export type Kind = 'upper' | 'counts' | 'totals'

export default function build(ssc: StreamingContext, { kind }: { kind: Kind }): void {
  const lines = ssc.createDirectStream('lines', textValues, { startingOffsets: 'earliest' })
  switch (kind) {
    case 'upper':
      lines.filter((line) => line !== '').toTopic('out', (line) => ({ key: line, value: line.toUpperCase() }))
      return
    case 'counts':
      lines
        .flatMap((line) => line.split(' '))
        .mapToPair((word): [string, number] => [word, 1])
        .reduceByKey((a, b) => a + b)
        .toTopic('out', ([word, count]) => ({ key: word, value: `${word} ${count}` }))
      return
    case 'totals':
      lines
        .flatMap((line) => line.split(' '))
        .mapToPair((word): [string, number] => [word, 1])
        .updateStateByKey<number>((values, total) => values.length + (total ?? 0), { name: 'total' })
        .changes()
        .toTopic('out', ([word, total]) => ({ key: word, value: `${word} ${total}` }))
  }
}
