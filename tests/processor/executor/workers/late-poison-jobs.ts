// A window that meets bad rows later than in their own batch, beside one with an inverse that has counted them by then.

import { type StreamingContext, textValues } from '../../../../streaming.ts'

export interface LateParameters {
  /** Shared by all threads: how many more workers die at a deadly row. */
  readonly deathsLeft: Int32Array
}

export default function build(ssc: StreamingContext, { deathsLeft }: LateParameters): void {
  const lines = ssc.createDirectStream('lines', textValues, { startingOffsets: 'earliest' })
  lines
    .window('2s', '2s')
    .map((word) => {
      if (word === 'bad') throw new Error('bad record')
      return word
    })
    .toTopic('copies', (value) => ({ value }))
  lines
    .mapToPair((word): [string, number] => {
      // In a worker it ends the thread, not the process.
      // oxlint-disable-next-line no-restricted-properties
      if (word === 'deadly' && Atomics.sub(deathsLeft, 0, 1) > 0) process.exit(3)
      return [word, 1]
    })
    .reduceByKeyAndWindow(
      (a, b) => a + b,
      '3s',
      '1s',
      (a, b) => a - b,
      { name: 'sums' },
    )
    .toTopic('out', ([word, n]) => ({ value: `${word} ${n}` }))
}
