// ListOffsets' question to one partition: which offset stands for this timestamp. Negative timestamps are
// Kafka's names for places in the log; there is no tiered storage, so its two places are never found.
// Source: Partition.fetchOffsetForTimestamp, UnifiedLog.fetchOffsetByTimestamp.

import type { Log } from '../log/log.ts'
import type { LeaderEpochs } from './leader-epochs.ts'

const LATEST_TIMESTAMP = -1n
const EARLIEST_TIMESTAMP = -2n
/** The record with the largest timestamp (KIP-734). */
const MAX_TIMESTAMP = -3n
/** The start of what lies on this disk: without tiered storage the same as the earliest. */
const EARLIEST_LOCAL_TIMESTAMP = -4n

export interface FoundOffset {
  /** -1, as the other two, when no record qualifies. */
  offset: bigint
  timestamp: bigint
  leaderEpoch: number
}

const NOT_FOUND: FoundOffset = { offset: -1n, timestamp: -1n, leaderEpoch: -1 }

/** `visibleEnd` is the watermark of the asking reader: nothing at or beyond it is told. */
export function lookUpOffset(
  log: Log,
  epochs: LeaderEpochs,
  leaderEpoch: number,
  timestamp: bigint,
  visibleEnd: bigint,
): FoundOffset {
  switch (timestamp) {
    case LATEST_TIMESTAMP:
      return { offset: visibleEnd, timestamp: -1n, leaderEpoch }
    case EARLIEST_TIMESTAMP:
    case EARLIEST_LOCAL_TIMESTAMP: {
      const offset = log.logStartOffset
      const epoch = epochs.epochOf(offset) ?? (offset === log.endOffset ? leaderEpoch : -1)
      return { offset, timestamp: -1n, leaderEpoch: epoch }
    }
    case MAX_TIMESTAMP:
      return visible(log.offsetOfMaxTimestamp(), visibleEnd)
    default:
      return timestamp < 0n ? NOT_FOUND : visible(log.offsetForTimestamp(timestamp), visibleEnd)
  }
}

function visible(found: FoundOffset | undefined, visibleEnd: bigint): FoundOffset {
  return found !== undefined && found.offset < visibleEnd ? found : NOT_FOUND
}
