// From a timestamp to an offset: by the time index to the neighbourhood, then batch by batch, then record
// by record. Source: Kafka's LogSegment.findOffsetByTimestamp, UnifiedLog.fetchOffsetByTimestamp.

import { RecordCursor } from '../protocol/record-batch/cursor.ts'
import {
  baseOffsetOf,
  batchSizeInBytes,
  lastOffsetOf,
  leaderEpochOf,
  maxTimestampOf,
  recordCountOf,
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
  /** Of segments where the index cannot tell. */
  const exact = new Map<Segment, bigint>()
  for (;;) {
    let newest: { segment: Segment; timestamp: bigint } | undefined
    for (const segment of segments) {
      if (segment.nextOffset <= fromOffset) continue
      if (segment.baseOffset < fromOffset && !exact.has(segment)) {
        exact.set(segment, maxTimestampFrom(segment, fromOffset))
      }
      const timestamp = exact.get(segment) ?? segment.index.maxTimestamp
      if (timestamp > (newest?.timestamp ?? -1n)) newest = { segment, timestamp }
    }
    if (newest === undefined) return undefined
    const found = findByTimestamp(newest.segment, newest.timestamp, fromOffset, gapsAllowed)
    if (found !== undefined || exact.has(newest.segment)) return found
    // Compaction has taken the record, and left its batch's head.
    exact.set(newest.segment, maxTimestampFrom(newest.segment, fromOffset))
  }
}

/** By the records: the index also knows those that were deleted (below `fromOffset`) or compacted away. */
function maxTimestampFrom(segment: Segment, fromOffset: bigint): bigint {
  const { index, file } = segment
  const relative = fromOffset > segment.baseOffset ? Number(fromOffset - segment.baseOffset) : 0
  const start = index.offsets.lookup(relative)
  const cursor = new RecordCursor()
  let newest = -1n
  const end = scanBatches(
    {
      file,
      from: start < 0 ? 0 : index.offsets.positionAt(start),
      expectedOffset: undefined,
      gapsAllowed: true,
      checkCrc: false,
      blockBytes: SEARCH_BLOCK_BYTES,
    },
    (buffer, at) => {
      if (lastOffsetOf(buffer, at) < fromOffset || recordCountOf(buffer, at) === 0) return
      if (maxTimestampOf(buffer, at) <= newest) return
      if (baseOffsetOf(buffer, at) >= fromOffset) newest = maxTimestampOf(buffer, at)
      else newest = maxTimestampInBatch(cursor, buffer, at, fromOffset, newest)
    },
  )
  if (end.problem !== undefined) throw new CorruptLogError(file.path, end.position, end.problem)
  return newest
}

function maxTimestampInBatch(
  cursor: RecordCursor,
  buffer: Buffer,
  at: number,
  fromOffset: bigint,
  newest: bigint,
): bigint {
  cursor.reset(buffer, at, at + batchSizeInBytes(buffer, at))
  while (cursor.next()) {
    const timestamp = BigInt(cursor.timestampMs)
    if (cursor.offset() >= fromOffset && timestamp > newest) newest = timestamp
  }
  return newest
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
