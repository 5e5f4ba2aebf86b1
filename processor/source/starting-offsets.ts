// Where a stream of topics begins when it has no position yet: at an end of the log, at offsets, or at a time. As
// in Spark, a time for all goes before times by partition, and those before offsets.

import type { LogView } from '../ports.ts'
import { DataLossError } from './errors.ts'

/** By topic and partition: -2n is the earliest, -1n the latest; a partition that is missing starts at the earliest. */
export type ExplicitOffsets = Readonly<Record<string, Readonly<Record<number, bigint>>>>
/** Milliseconds since the epoch, by topic and partition; a partition that is missing starts at the earliest. */
export type ExplicitTimestamps = Readonly<Record<string, Readonly<Record<number, number>>>>

export interface StartingOptions {
  /** Default 'latest', as Kafka and Spark have it. */
  readonly startingOffsets?: 'earliest' | 'latest' | ExplicitOffsets
  /** The first record of each partition whose timestamp is at or after it. */
  readonly startingTimestamp?: number | Date
  readonly startingOffsetsByTimestamp?: ExplicitTimestamps
  /** Where a partition has no record so late: 'error' ends the job (default, as in Spark), or start at the latest. */
  readonly startingOffsetsByTimestampStrategy?: 'error' | 'latest'
}

const LATEST = -1n
const EARLIEST = -2n

/** Throws DataLossError where the log does not have what is asked for. */
export function startingOffset(view: LogView, options: StartingOptions): bigint {
  const { topic, partition, logStartOffset, stableEndOffset } = view
  const { startingOffsets = 'latest', startingOffsetsByTimestamp } = options
  const timestampMs = startingTime(options, topic, partition)
  if (timestampMs !== undefined) return offsetOfTime(view, timestampMs, options)
  if (startingOffsetsByTimestamp !== undefined || startingOffsets === 'earliest') return logStartOffset
  if (startingOffsets === 'latest') return stableEndOffset
  const offset = startingOffsets[topic]?.[partition] ?? EARLIEST
  if (offset === EARLIEST) return logStartOffset
  if (offset === LATEST) return stableEndOffset
  if (offset >= logStartOffset && offset <= stableEndOffset) return offset
  throw new DataLossError(
    `startingOffsets wants ${topic}-${partition} from ${offset}, the log has ${logStartOffset} to ${stableEndOffset}`,
  )
}

/** The time that a partition starts at, where it starts at one. */
export function startingTime(options: StartingOptions, topic: string, partition: number): number | undefined {
  const { startingTimestamp, startingOffsetsByTimestamp } = options
  return startingTimestamp === undefined
    ? startingOffsetsByTimestamp?.[topic]?.[partition]
    : Number(startingTimestamp)
}

function offsetOfTime(view: LogView, timestampMs: number, options: StartingOptions): bigint {
  const { topic, partition } = view
  if (!Number.isSafeInteger(timestampMs) || timestampMs < 0) {
    throw new TypeError(`a starting timestamp is whole milliseconds since the epoch: got ${timestampMs}`)
  }
  const found = view.offsetForTimestamp(timestampMs)
  // What is not stable yet begins at the stable end.
  if (found !== undefined) return found < view.stableEndOffset ? found : view.stableEndOffset
  if (options.startingOffsetsByTimestampStrategy === 'latest') return view.stableEndOffset
  throw new DataLossError(
    `${topic}-${partition} has no record at or after ${new Date(timestampMs).toISOString()} to start from; ` +
      `startingOffsetsByTimestampStrategy: 'latest' starts at its end then`,
  )
}
