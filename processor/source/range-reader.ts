// Reads one offset range out of segment bytes: large blocks into one buffer, batch after batch, record after
// record, no object for any of them. Kept out: control batches, batches of aborted transactions, records
// outside the range. Every batch's checksum is looked at, here or by the log's cursor, before it is believed.

import { RecordCursor } from '../../broker/protocol/record-batch/cursor.ts'
import { CorruptRecordError } from '../../broker/protocol/record-batch/failures.ts'
import {
  BATCH_OVERHEAD,
  baseOffsetOf,
  batchSizeInBytes,
  codecOf,
  isControlBatch,
  isCrcValid,
  isTransactionalBatch,
  lastOffsetOf,
  producerIdOf,
} from '../../broker/protocol/record-batch/header.ts'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { OffsetRange } from '../graph/contracts/source.ts'
import type { AbortedSpan, LogCursor, LogView } from '../ports.ts'
import type { BlockBuffers } from './block-buffers.ts'
import { fillGrowing } from './fill-growing.ts'
import type { RowKind, RowSink } from './row-kind.ts'

/** Numbers blocks over all readers, so that a filter never takes one for another. */
let blocks = 0

export class RangeReader<T> implements RowReader {
  private readonly range: OffsetRange
  private readonly name: string
  private readonly buffers: BlockBuffers
  private readonly log: LogCursor
  private readonly checksCrc: boolean
  private readonly leftOut: ReadonlySet<bigint> | undefined
  private readonly aborted: readonly AbortedSpan[]
  private readonly records = new RecordCursor()
  private readonly sink: RowSink
  private buffer: Buffer
  /** Bytes of the block, and where its next batch begins. */
  private filled = 0
  private at = 0
  /** Records of the batch in hand that lie in [first, last], by offset delta. */
  private firstDelta = 0
  private lastDelta = -1
  private inBatch = false
  private wasCompressed = false

  constructor(view: LogView, range: OffsetRange, kind: RowKind<T>, emit: Emit<T>, buffers: BlockBuffers) {
    this.range = range
    this.name = `${range.topic}-${range.partition}`
    this.buffers = buffers
    this.sink = kind.open(range, this.records, emit)
    this.aborted = view.abortedSpans(range.from, range.until)
    this.log = view.cursor(range.from)
    this.leftOut = range.leftOut && new Set(range.leftOut)
    this.checksCrc = this.log.checksumsChecked !== true
    this.buffer = buffers.take()
  }

  read(maxRows: number): boolean {
    for (let rows = 0; rows < maxRows; ) {
      if (!this.inBatch && !this.enterNextBatch()) return false
      rows += this.emitRecords(maxRows - rows)
    }
    return true
  }

  get offset(): bigint {
    return this.records.offset()
  }

  close(): void {
    this.log.close()
    this.records.clear()
    this.buffers.giveBack(this.buffer)
  }

  /** Emits up to `maxRows` records of the batch in hand, and leaves the batch at its end. */
  private emitRecords(maxRows: number): number {
    const { records, sink, firstDelta, lastDelta, leftOut } = this
    let rows = 0
    while (rows < maxRows) {
      if (!this.moveOn(records)) return rows
      const delta = records.offsetDelta
      if (delta < firstDelta) continue
      if (delta > lastDelta) {
        this.inBatch = false
        return rows
      }
      if (leftOut !== undefined && leftOut.has(records.offset())) continue
      sink.row()
      rows++
    }
    return rows
  }

  private moveOn(records: RecordCursor): boolean {
    try {
      if (records.next()) return true
    } catch (error) {
      throw this.corrupt(records.baseOffset, error)
    }
    this.inBatch = false
    return false
  }

  /** Goes to the next batch that has rows; false at the end of the range. */
  private enterNextBatch(): boolean {
    for (;;) {
      if (this.at >= this.filled && !this.fill()) return false
      const { buffer, at } = this
      const sizeInBytes = this.checkedSize()
      this.at = at + sizeInBytes
      if (isControlBatch(buffer, at) || this.isAborted(buffer, at)) continue
      const baseOffset = baseOffsetOf(buffer, at)
      const { from, until } = this.range
      if (baseOffset >= until) return false
      if (lastOffsetOf(buffer, at) < from) continue
      this.firstDelta = baseOffset < from ? Number(from - baseOffset) : 0
      this.lastDelta = Number(until - baseOffset) - 1
      this.enter(buffer, at, sizeInBytes, baseOffset)
      return true
    }
  }

  private enter(buffer: Buffer, at: number, sizeInBytes: number, baseOffset: bigint): void {
    try {
      this.records.reset(buffer, at, at + sizeInBytes)
    } catch (error) {
      throw this.corrupt(baseOffset, error)
    }
    // A compressed batch has a buffer of its own, and the one behind it is back in the block.
    const isCompressed = codecOf(buffer, at) !== 'none'
    if (isCompressed || this.wasCompressed) this.sink.newBlock?.(++blocks)
    this.wasCompressed = isCompressed
    this.inBatch = true
  }

  private checkedSize(): number {
    const { buffer, at, filled } = this
    const left = filled - at
    const sizeInBytes = left < BATCH_OVERHEAD ? 0 : batchSizeInBytes(buffer, at)
    if (sizeInBytes < BATCH_OVERHEAD || sizeInBytes > left) {
      throw this.corrupt(this.log.nextOffset, `a batch of ${sizeInBytes} bytes where ${left} are left`)
    }
    if (this.checksCrc && !isCrcValid(buffer, at))
      throw this.corrupt(baseOffsetOf(buffer, at), 'the checksum is wrong')
    return sizeInBytes
  }

  private isAborted(buffer: Buffer, at: number): boolean {
    if (this.aborted.length === 0 || !isTransactionalBatch(buffer, at)) return false
    const producerId = producerIdOf(buffer, at)
    const baseOffset = baseOffsetOf(buffer, at)
    return this.aborted.some(
      (span) =>
        span.producerId === producerId && span.firstOffset <= baseOffset && baseOffset <= span.lastOffset,
    )
  }

  private fill(): boolean {
    this.at = 0
    this.filled = fillGrowing(this.log, this.buffer, this.range.until, (bytes) => {
      this.buffers.giveBack(this.buffer)
      return (this.buffer = this.buffers.take(bytes))
    })
    this.sink.newBlock?.(++blocks)
    return this.filled > 0
  }

  private corrupt(offset: bigint, cause: unknown): CorruptRecordError {
    const what = cause instanceof Error ? cause.message : String(cause)
    return new CorruptRecordError(this.at, `${this.name} at offset ${offset}: ${what}`, { cause })
  }
}
