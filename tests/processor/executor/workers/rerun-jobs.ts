// Windows whose past is computed in a later batch than its own, after a restart or because a record was left out, in a
// batch that is itself begun anew.

import { workerData } from 'node:worker_threads'
import { type StreamingContext, textValues } from '../../../../streaming.ts'

export interface RerunParameters {
  /** A second window finds rows poison that an earlier batch has brought. */
  readonly findsLate: boolean
}

export default function build(ssc: StreamingContext, { findsLate }: RerunParameters): void {
  const lines = ssc.createDirectStream('lines', textValues, { startingOffsets: 'earliest' })
  if (findsLate) {
    lines
      .window('2s', '2s')
      .map((word) => failing(word, 'late'))
      .toTopic('copies', (value) => ({ value }))
  }
  lines
    .map((word) => failing(word, 'bad'))
    .mapToPair((word): [string, number] => [word, 1])
    .reduceByKey(slowlyInOneThread)
    .window('3s')
    .toTopic('out', ([word, n]) => ({ value: `${word} ${n}` }))
}

function failing(word: string, kind: string): string {
  if (word === kind) throw new Error(`'${word}' makes no sense`)
  return word
}

/** So that it is in the middle of a shuffle that the other worker is through with. */
function slowlyInOneThread(a: number, b: number): number {
  if (index === 1) for (const until = performance.now() + 1; performance.now() < until; );
  return a + b
}

const index = (workerData as { start?: { index: number } } | null)?.start?.index
