// What a source hands to its stream for each record. A kind makes the function that is called behind every
// record of a range; the record's positions are in the cursor then.

import type { RecordCursor } from '../../broker/protocol/record-batch/cursor.ts'
import type { Emit } from '../graph/contracts/rows.ts'
import type { OffsetRange } from '../graph/contracts/source.ts'
import { RawRecord } from './raw-record.ts'

export interface RowSink {
  /** The cursor stands on a record that belongs to the range. */
  row(): void
  /** The bytes behind the cursor's buffer have changed. */
  newBlock?(block: number): void
}

export interface RowKind<T> {
  open(range: OffsetRange, cursor: RecordCursor, emit: Emit<T>): RowSink
}

/** A whole record; its buffers are copies and may be kept. */
export interface TopicRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [string, Uint8Array | null])[]
}

const NO_HEADERS: TopicRecord['headers'] = []

export const wholeRecords: RowKind<TopicRecord> = {
  open: ({ topic, partition }, cursor, emit) => ({
    row() {
      emit({
        topic,
        partition,
        offset: cursor.offset(),
        timestampMs: cursor.timestampMs,
        key: cursor.key(),
        value: cursor.value(),
        headers:
          cursor.headerCount === 0
            ? NO_HEADERS
            : cursor.headers().map(({ key, value }) => [key, value] as const),
      })
    },
  }),
}

/** Values as UTF-8 text: the quick way to lines. A null value is an empty line. */
export const textValues: RowKind<string> = {
  open: (_range, cursor, emit) => ({
    row() {
      const { buffer, valueStart, valueEnd } = cursor
      emit(valueStart < 0 ? '' : (buffer as SlicingBuffer).utf8Slice(valueStart, valueEnd))
    },
  }),
}

/** Node's own method behind toString('utf8'), without its look at the arguments at every record. */
type SlicingBuffer = Buffer & { utf8Slice(start: number, end: number): string }

/** Key and value as UTF-8 text, as pairs; null where they are null. */
export const textPairs: RowKind<readonly [string | null, string | null]> = {
  open: (_range, cursor, emit) => ({
    row() {
      const { keyStart, keyEnd, valueStart, valueEnd } = cursor
      const buffer = cursor.buffer as SlicingBuffer
      emit([
        keyStart < 0 ? null : buffer.utf8Slice(keyStart, keyEnd),
        valueStart < 0 ? null : buffer.utf8Slice(valueStart, valueEnd),
      ])
    },
  }),
}

/** Positions in the log's own bytes: for what needs no string. The row is one view that moves (see RawRecord). */
export const rawRecords: RowKind<RawRecord> = {
  open({ topic, partition }, cursor, emit) {
    const record = new RawRecord(topic, partition, cursor)
    return {
      row: () => emit(record),
      newBlock(block) {
        record.block = block
      },
    }
  },
}
