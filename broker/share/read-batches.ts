// What a share partition needs of bytes that were read from the log: the offsets of their batches, and which of them
// belong to aborted transactions. Source: Kafka's SharePartition.fetchAbortedTransactionRecordBatches.

import { controlTypes, readControlType } from '../protocol/record-batch/control.ts'
import {
  baseOffsetOf,
  batchSizeInBytes,
  isControlBatch,
  isTransactionalBatch,
  lastOffsetOf,
  NO_PRODUCER_ID,
  producerIdOf,
} from '../protocol/record-batch/header.ts'
import type { OffsetRange } from './offset-ranges.ts'

export interface BatchAt extends OffsetRange {
  /** In the bytes that were read. */
  readonly position: number
  readonly sizeInBytes: number
}

/** Whole batches only; what is behind them is left out. */
export function batchesOf(records: Buffer): BatchAt[] {
  const batches: BatchAt[] = []
  let position = 0
  while (position < records.length) {
    const sizeInBytes = batchSizeInBytes(records, position)
    batches.push({
      firstOffset: baseOffsetOf(records, position),
      lastOffset: lastOffsetOf(records, position),
      position,
      sizeInBytes,
    })
    position += sizeInBytes
  }
  return batches
}

export function abortedBatches(
  records: Buffer,
  batches: readonly BatchAt[],
  abortedTransactions: readonly { producerId: bigint; firstOffset: bigint }[],
): OffsetRange[] {
  if (abortedTransactions.length === 0) return []
  const waiting = [...abortedTransactions].sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1))
  const aborted = new Set<bigint>()
  const ranges: OffsetRange[] = []
  for (const { firstOffset, lastOffset, position } of batches) {
    const producerId = producerIdOf(records, position)
    if (producerId === NO_PRODUCER_ID) continue
    while (waiting[0] !== undefined && waiting[0].firstOffset <= lastOffset) {
      aborted.add(waiting[0].producerId)
      waiting.shift()
    }
    if (isControlBatch(records, position)) {
      if (readControlType(records, position) === controlTypes.abort) aborted.delete(producerId)
    } else if (isTransactionalBatch(records, position) && aborted.has(producerId)) {
      ranges.push({ firstOffset, lastOffset })
    }
  }
  return ranges
}

/** The bytes of the batches that have some of the offsets. */
export function sliceOf(records: Buffer, batches: readonly BatchAt[], wanted: OffsetRange): Buffer {
  const first = batches.find(({ lastOffset }) => lastOffset >= wanted.firstOffset)
  const last = batches.findLast(({ firstOffset }) => firstOffset <= wanted.lastOffset)
  if (first === undefined || last === undefined || last.position < first.position)
    return records.subarray(0, 0)
  return records.subarray(first.position, last.position + last.sizeInBytes)
}
