// When a segment is full. Pure; the log rolls before the append that asks.
// Source: Kafka's LogSegment.shouldRoll.

import { OFFSET_INDEX_ENTRY_BYTES } from './offset-index.ts'
import { TIME_INDEX_ENTRY_BYTES } from './time-index.ts'

export interface RollQuestion {
  /** The active segment. */
  baseOffset: bigint
  sizeInBytes: number
  offsetIndexEntries: number
  timeIndexEntries: number
  /** Largest timestamp of the segment's first batch; undefined or negative where there is none. */
  firstTimestamp: bigint | undefined
  createdMs: number
  /** What it has drawn of segment.jitter.ms. */
  jitterMs: number
  /** What is about to be appended. */
  appendBytes: number
  appendLastOffset: bigint
  appendMaxTimestamp: bigint
  nowMs: number
}

export interface RollLimits {
  segmentBytes: number
  segmentMs: number
  segmentIndexBytes: number
}

export type RollReason = 'size' | 'time' | 'offset index full' | 'time index full' | 'offset delta'

const MAX_RELATIVE_OFFSET = 0x7fffffffn

export function shouldRoll(question: RollQuestion, limits: RollLimits): RollReason | undefined {
  if (question.appendLastOffset - question.baseOffset > MAX_RELATIVE_OFFSET) return 'offset delta'
  const { sizeInBytes } = question
  // An empty segment takes a batch of any size, so that lowered limits never stop writing.
  if (sizeInBytes === 0) return undefined
  if (sizeInBytes + question.appendBytes > limits.segmentBytes) return 'size'
  if (waitedMs(question) > BigInt(limits.segmentMs - question.jitterMs)) return 'time'
  if (question.offsetIndexEntries >= Math.floor(limits.segmentIndexBytes / OFFSET_INDEX_ENTRY_BYTES)) {
    return 'offset index full'
  }
  // One entry is kept free for the one that rolling adds.
  if (question.timeIndexEntries >= Math.floor(limits.segmentIndexBytes / TIME_INDEX_ENTRY_BYTES) - 1) {
    return 'time index full'
  }
  return undefined
}

/** By the records' time where they have one: a replayed old log rolls as it did when it was new. */
function waitedMs(question: RollQuestion): bigint {
  const { firstTimestamp } = question
  if (firstTimestamp !== undefined && firstTimestamp >= 0n)
    return question.appendMaxTimestamp - firstTimestamp
  return BigInt(question.nowMs - question.createdMs)
}
