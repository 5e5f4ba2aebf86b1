// The sparse indexes of one segment together, fed batch by batch in Kafka's order: an entry before a batch
// is counted, once more than index.interval.bytes lie behind the last entry. Live appends and rebuilding
// use the same steps, so both make the same files.
// Source: Kafka's LogSegment.append, LogSegment.recover.

import { lastOffsetOf, maxTimestampOf } from '../protocol/record-batch/header.ts'
import { OffsetIndex } from './offset-index.ts'
import { TimeIndex } from './time-index.ts'

export class SegmentIndex {
  readonly baseOffset: bigint
  readonly offsets: OffsetIndex
  readonly times: TimeIndex
  /** Largest timestamp of all batches that were added, and the last offset of the first batch that had it. */
  maxTimestamp = -1n
  relativeOffsetOfMaxTimestamp = 0
  private indexedPosition: number

  constructor(baseOffset: bigint, offsets = new OffsetIndex(), times = new TimeIndex()) {
    this.baseOffset = baseOffset
    this.offsets = offsets
    this.times = times
    this.indexedPosition = offsets.lastPosition
    const last = times.entryCount - 1
    if (last >= 0) {
      this.maxTimestamp = times.timestampAt(last)
      this.relativeOffsetOfMaxTimestamp = times.relativeOffsetAt(last)
    }
  }

  /** The batch at `at` of `buffer` stands at `position` of the segment. */
  addBatch(buffer: Buffer, at: number, position: number, intervalBytes: number): void {
    this.add(
      Number(lastOffsetOf(buffer, at) - this.baseOffset),
      maxTimestampOf(buffer, at),
      position,
      intervalBytes,
    )
  }

  add(relativeLastOffset: number, maxTimestamp: bigint, position: number, intervalBytes: number): void {
    this.noteTimestamp(relativeLastOffset, maxTimestamp)
    if (position - this.indexedPosition <= intervalBytes) return
    this.offsets.append(relativeLastOffset, position)
    this.times.maybeAppend(this.maxTimestamp, this.relativeOffsetOfMaxTimestamp)
    this.indexedPosition = position
  }

  /** For batches behind the last entry of a loaded index: they have their entries, or need none. */
  noteTimestamp(relativeLastOffset: number, maxTimestamp: bigint): void {
    if (maxTimestamp <= this.maxTimestamp) return
    this.maxTimestamp = maxTimestamp
    this.relativeOffsetOfMaxTimestamp = relativeLastOffset
  }

  /** Adds the last time entry, as Kafka does when a segment is rolled or closed. */
  finish(): void {
    this.times.maybeAppend(this.maxTimestamp, this.relativeOffsetOfMaxTimestamp)
  }
}
