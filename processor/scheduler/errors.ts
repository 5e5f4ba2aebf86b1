// How a batch's failure reaches awaitTermination: with its id, its time, the operator it happened in, and the
// offsets that it read, so that the batch can be looked at in the log.

import type { BatchStamp } from '../graph/contracts/rows.ts'
import { placeText, type RecordPlace } from '../graph/contracts/poison.ts'
import type { OffsetRange } from '../graph/contracts/source.ts'
import { operatorErrorIn } from './poison.ts'

/** Ranges that a message names; the error has them all. */
const NAMED_RANGES = 4

export class BatchError extends Error {
  readonly batchId: number
  readonly batchTime: Date
  /** Name of the operator whose function failed; undefined where the engine or the log did. */
  readonly operator: string | undefined
  /** The record whose row it failed at; undefined where that cannot be told (behind a shuffle). */
  readonly record: RecordPlace | undefined
  /** What the batch read, by the name of the input operator; empty where it failed before it was planned. */
  readonly inputs: Readonly<Record<string, readonly OffsetRange[]>>

  constructor(
    { batchId, timeMs }: BatchStamp,
    inputs: Readonly<Record<string, readonly OffsetRange[]>>,
    cause: unknown,
  ) {
    const batchTime = new Date(timeMs)
    const reason = cause instanceof Error ? cause.message : String(cause)
    const failure = operatorErrorIn(cause)
    const at = failure?.record === undefined ? '' : `, at ${placeText(failure.record)}`
    super(`batch ${batchId} of ${batchTime.toISOString()}: ${reason}${at}${rangesText(inputs)}`, { cause })
    this.name = 'BatchError'
    this.batchId = batchId
    this.batchTime = batchTime
    this.operator = failure?.operator
    this.record = failure?.record
    this.inputs = inputs
  }
}

function rangesText(inputs: Readonly<Record<string, readonly OffsetRange[]>>): string {
  const ranges = Object.values(inputs).flatMap((of) => of.filter(({ from, until }) => until > from))
  if (ranges.length === 0) return ''
  const named = ranges
    .slice(0, NAMED_RANGES)
    .map(({ topic, partition, from, until }) => `${topic}-${partition} from ${from} until ${until}`)
  const rest = ranges.length - named.length
  return ` (it read ${named.join(', ')}${rest > 0 ? ` and ${rest} more` : ''})`
}
