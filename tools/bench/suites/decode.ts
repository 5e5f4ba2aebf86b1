// Records out of segment bytes: RecordCursor against a loop written by hand over the same bytes. Twice: the
// numbers alone, and with every value made a string, which is what a job sees.

import { RecordCursor } from '../../../broker/protocol/record-batch/cursor.ts'
import { type BatchShape, buildBatches } from '../batches.ts'
import type { Figure, Outcome } from '../figure.ts'
import { walkByHand } from '../reference/hand-loops.ts'
import { alternate } from '../rounds.ts'
import { roundsOf, type SuiteContext } from '../suite.ts'

const SHAPES: readonly { name: string; shape: BatchShape }[] = [
  { name: '100 B records', shape: { valueBytes: 100, records: 10_000 } },
  { name: '1 KB records', shape: { valueBytes: 1024, records: 10_000 } },
]
const M = 1e6

export async function decode(context: SuiteContext): Promise<Outcome[]> {
  const figures: Figure[] = []
  for (const { name, shape } of SHAPES) {
    const segment = Buffer.concat(buildBatches(shape, 16, Date.now()))
    for (const asStrings of [false, true]) figures.push(await decodeShape(context, name, segment, asStrings))
  }
  return figures
}

async function decodeShape(
  context: SuiteContext,
  name: string,
  segment: Buffer,
  asStrings: boolean,
): Promise<Figure> {
  let seen = 0
  const countBytes = (_buffer: Buffer, start: number, end: number): void => {
    seen += end - start
  }
  const countCharacters = (buffer: Buffer, start: number, end: number): void => {
    seen += buffer.toString('utf8', start, end).length
  }
  const visit = asStrings ? countCharacters : countBytes
  const cursor = new RecordCursor()
  const ours = (): number => {
    let count = 0
    for (let at = 0; at < segment.length; ) {
      cursor.reset(segment, at)
      while (cursor.next()) {
        visit(cursor.buffer, cursor.valueStart, cursor.valueEnd)
        count++
      }
      at += segment.readInt32BE(at + 8) + 12
    }
    return count
  }
  const hand = (): number => walkByHand(segment, 0, segment.length, visit)
  const counts = [ours(), seen, hand(), seen / 2]
  if (counts[0] !== counts[2] || counts[1] !== counts[3]) {
    throw new Error(`cursor and loop do not agree: ${counts.join(', ')}`)
  }
  const measured = await alternate({ hand, ours }, roundsOf(context))
  return {
    suite: 'decode',
    name: `${name}, ${asStrings ? 'values as strings' : 'positions only'}`,
    unit: 'M records/s',
    better: 'more',
    value: measured.ours.best / M,
    reference: { name: 'loop by hand', value: measured.hand.best / M },
    noise: measured.ours.noise,
  }
}
