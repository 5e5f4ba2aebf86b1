// What becomes of one batch in a run of the cleaner.
//
//   record                                                              stays
//   above what the offset map covers                                    yes
//   of an aborted transaction, or without a key                         no
//   not the last of its key                                             no
//   the last of its key, with a value                                   yes
//   the last of its key, a tombstone                                    until the batch's delete horizon
//   marker                                                              until its data is gone, and then until
//                                                                       the batch's delete horizon
//
//   batch without a record left                                         goes, but for
//   the last one of a producer that is known (its sequence, its epoch)  its head stays
//   the last one of the run (its last offset)                           its head stays
//
// A delete horizon is given to a batch when it is first cleaned with a tombstone, or with a marker that has lost
// its data: then readers that are behind by less than delete.retention.ms still see it.
// Source: Kafka's Cleaner.cleanInto, shouldRetainRecord; MemoryRecords.filterTo.

import { readControlType } from '../../protocol/record-batch/control.ts'
import { RecordCursor } from '../../protocol/record-batch/cursor.ts'
import {
  batchSizeInBytes,
  deleteHorizonOf,
  isControlBatch,
  isTransactionalBatch,
  lastOffsetOf,
  NO_PRODUCER_ID,
  PRODUCER_EPOCH_AT,
  producerIdOf,
} from '../../protocol/record-batch/header.ts'
import type { AbortedTransaction } from '../txn-index.ts'
import type { CleanedTransactions } from './cleaned-transactions.ts'
import type { OffsetMap } from './offset-map.ts'
import { emptyBatch, rebuildBatch } from './rebuild-batch.ts'

/** Where a known producer stands in the log. */
export interface LastOfProducer {
  /** Of its last data batch; undefined where its epoch has written none. */
  lastDataOffset: bigint | undefined
  producerEpoch: number
}

export interface CleaningRules {
  map: OffsetMap
  /** The map knows every key up to here; exclusive. */
  mapEndOffset: bigint
  transactions: CleanedTransactions
  producers: ReadonlyMap<bigint, LastOfProducer>
  /** Where the cleanable part ends: the batch that ends here keeps its head. */
  roundEndOffset: bigint
  /** It is this late at least; undefined: the clock cannot vouch for any time, no horizon has passed. */
  earliestMs: number | undefined
  /** What a new delete horizon is; undefined: none is set in this run. */
  newHorizonMs: number | undefined
  onKeptAborted: (transaction: AbortedTransaction) => void
}

export class BatchFilter {
  private readonly rules: CleaningRules
  private readonly cursor = new RecordCursor()

  constructor(rules: CleaningRules) {
    this.rules = rules
  }

  /**
   * The bytes that take the place of the batch at `at` (checksum checked), its own where nothing changes;
   * undefined: none.
   */
  apply(buffer: Buffer, at: number): Buffer | undefined {
    const { rules } = this
    const isControl = isControlBatch(buffer, at)
    const lastOffset = lastOffsetOf(buffer, at)
    const isPastUse = this.meet(buffer, at, isControl, lastOffset)
    const horizonMs = deleteHorizonOf(buffer, at)
    const hasHorizonPassed =
      horizonMs !== undefined && rules.earliestMs !== undefined && horizonMs <= rules.earliestMs
    const keepsHead =
      lastOffset + 1n === rules.roundEndOffset || this.isLastOfProducer(buffer, at, isControl, lastOffset)
    const losesAll = isPastUse && (!isControl || hasHorizonPassed)
    if (losesAll) return keepsHead ? emptyBatch(buffer, at) : undefined

    const { cursor } = this
    cursor.reset(buffer, at, at + batchSizeInBytes(buffer, at))
    const ranges: number[] = []
    let maxTimestampMs = -1
    let hasTombstone = false
    let read = 0
    for (let start = cursor.nextPosition; cursor.next(); start = cursor.nextPosition) {
      read++
      if (!isControl && !this.keepsRecord(hasHorizonPassed)) continue
      ranges.push(start, cursor.nextPosition)
      if (cursor.timestampMs > maxTimestampMs) maxTimestampMs = cursor.timestampMs
      if (cursor.valueStart < 0) hasTombstone = true
    }
    if (ranges.length === 0) return keepsHead ? emptyBatch(buffer, at) : undefined
    const newHorizonMs =
      horizonMs === undefined && (hasTombstone || (isControl && isPastUse)) ? rules.newHorizonMs : undefined
    if (ranges.length === read * 2 && newHorizonMs === undefined) {
      return buffer.subarray(at, at + batchSizeInBytes(buffer, at))
    }
    return rebuildBatch(buffer, at, { source: cursor.buffer, ranges, maxTimestampMs }, newHorizonMs)
  }

  /** True where the batch's transaction needs it no more. */
  private meet(buffer: Buffer, at: number, isControl: boolean, lastOffset: bigint): boolean {
    const { transactions, onKeptAborted } = this.rules
    const producerId = producerIdOf(buffer, at)
    if (!isControl) return transactions.onData(producerId, isTransactionalBatch(buffer, at), lastOffset)
    return transactions.onControl(producerId, readControlType(buffer, at), lastOffset, onKeptAborted)
  }

  private isLastOfProducer(buffer: Buffer, at: number, isControl: boolean, lastOffset: bigint): boolean {
    const producerId = producerIdOf(buffer, at)
    const last = producerId === NO_PRODUCER_ID ? undefined : this.rules.producers.get(producerId)
    if (last === undefined) return false
    if (last.lastDataOffset !== undefined) return lastOffset === last.lastDataOffset
    return isControl && buffer.readInt16BE(at + PRODUCER_EPOCH_AT) === last.producerEpoch
  }

  /** Of the record that the cursor is at. */
  private keepsRecord(hasHorizonPassed: boolean): boolean {
    const { cursor } = this
    const { map, mapEndOffset } = this.rules
    const offset = Number(cursor.baseOffset) + cursor.offsetDelta
    if (offset >= Number(mapEndOffset)) return true
    if (cursor.keyStart < 0) return false
    if (offset < map.get(cursor.buffer, cursor.keyStart, cursor.keyEnd)) return false
    return cursor.valueStart >= 0 || !hasHorizonPassed
  }
}
