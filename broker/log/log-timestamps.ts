// From a timestamp to an offset: by the time index to the neighbourhood, then batch by batch, then record
// by record. Source: Kafka's LogSegment.findOffsetByTimestamp, UnifiedLog.fetchOffsetByTimestamp.

import { RecordCursor } from '../protocol/record-batch/cursor.ts'
import {
  batchSizeInBytes,
  lastOffsetOf,
  leaderEpochOf,
  maxTimestampOf,
} from '../protocol/record-batch/header.ts'
import { CorruptLogError } from '../storage/storage.ts'
import { scanBatches } from './batch-scan.ts'
import type { Segment } from './segment.ts'

export interface TimestampOffset {
  offset: bigint
  timestamp: bigint
  leaderEpoch: number
}

const SEARCH_BLOCK_BYTES = 64 * 1024

/** The first record of a log at or after `fromOffset` whose timestamp is at or after the given one. */
export function firstByTimestamp(
  segments: readonly Segment[],
  timestamp: bigint,
  fromOffset: bigint,
  gapsAllowed: boolean,
): TimestampOffset | undefined {
  for (const segment of segments) {
    if (segment.nextOffset <= fromOffset) continue
    const found = findByTimestamp(segment, timestamp, fromOffset, gapsAllowed)
    if (found !== undefined) return found
  }
  return undefined
}

/** The first record that has the largest timestamp of those from `fromOffset` on. */
export function firstOfMaxTimestamp(
  segments: readonly Segment[],
  fromOffset: bigint,
  gapsAllowed: boolean,
): TimestampOffset | undefined {
  let newest: Segment | undefined
  for (const segment of segments) {
    if (segment.nextOffset <= fromOffset) continue
    if (segment.index.maxTimestamp > (newest?.index.maxTimestamp ?? -1n)) newest = segment
  }
  return newest && findByTimestamp(newest, newest.index.maxTimestamp, fromOffset, gapsAllowed)
}

/** The first record of a segment at or after `fromOffset` whose timestamp is at or after the given one. */
function findByTimestamp(
  segment: Segment,
  timestamp: bigint,
  fromOffset: bigint,
  gapsAllowed: boolean,
): TimestampOffset | undefined {
  if (segment.index.maxTimestamp < timestamp) return undefined
  let entry = segment.index.times.lookupBelow(timestamp)
  if (entry >= 0 && !segment.holdsTimeEntry(segment.index, entry)) {
    // The entry does not describe its batch: damaged, so the indexes are made anew from the log.
    segment.rebuildIndex()
    entry = segment.index.times.lookupBelow(timestamp)
  }
  const { index } = segment
  let relative = entry < 0 ? 0 : index.times.relativeOffsetAt(entry)
  if (fromOffset > segment.baseOffset) relative = Math.max(relative, Number(fromOffset - segment.baseOffset))
  const start = index.offsets.lookup(relative)
  const cursor = new RecordCursor()
  let found: TimestampOffset | undefined
  const end = scanBatches(
    {
      file: segment.file,
      from: start < 0 ? 0 : index.offsets.positionAt(start),
      expectedOffset: undefined,
      gapsAllowed,
      checkCrc: false,
      blockBytes: SEARCH_BLOCK_BYTES,
    },
    (buffer, at) => {
      if (maxTimestampOf(buffer, at) < timestamp || lastOffsetOf(buffer, at) < fromOffset) return true
      found = findInBatch(cursor, buffer, at, timestamp, fromOffset)
      return found === undefined
    },
  )
  if (end.problem !== undefined) throw new CorruptLogError(segment.file.path, end.position, end.problem)
  return found
}

function findInBatch(
  cursor: RecordCursor,
  buffer: Buffer,
  at: number,
  timestamp: bigint,
  fromOffset: bigint,
): TimestampOffset | undefined {
  cursor.reset(buffer, at, at + batchSizeInBytes(buffer, at))
  while (cursor.next()) {
    if (BigInt(cursor.timestampMs) < timestamp) continue
    const offset = cursor.offset()
    if (offset < fromOffset) continue
    return { offset, timestamp: BigInt(cursor.timestampMs), leaderEpoch: leaderEpochOf(buffer, at) }
  }
  return undefined
}
