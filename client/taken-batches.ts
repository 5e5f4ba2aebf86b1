// What a Fetch reply has of a range, as a read_committed consumer takes it: whole batches, their checksums right,
// without markers and without what was aborted. Pure.
//
// A reply names the aborted transactions that overlap it, each with its first offset; where one ends says its abort
// marker among the batches (Kafka's CompletedFetch).

import {
  BATCH_OVERHEAD,
  baseOffsetOf,
  batchSizeInBytes,
  isControlBatch,
  isCrcValid,
  isTransactionalBatch,
  lastOffsetOf,
  MAGIC_V2,
  magicOf,
  producerIdOf,
} from '../broker/protocol/record-batch/header.ts'
import { controlTypes, readControlType } from '../broker/protocol/record-batch/control.ts'
import { CorruptRecordError } from '../broker/protocol/record-batch/failures.ts'

export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: bigint
}

export interface TakenBatches {
  /** Slices of `records`, in order. */
  readonly batches: readonly Buffer[]
  /** The next Fetch begins here; `from` where there was not one whole batch. */
  readonly nextOffset: bigint
}

/** Batches with records in [from, until). Throws CorruptRecordError. */
export function takeBatches(
  records: Buffer,
  aborted: readonly AbortedTransaction[],
  from: bigint,
  until: bigint,
): TakenBatches {
  const batches: Buffer[] = []
  const waiting = [...aborted].sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1))
  const open = new Set<bigint>()
  let nextOffset = from
  for (let at = 0; records.length - at >= BATCH_OVERHEAD && nextOffset < until; ) {
    const sizeInBytes = batchSizeInBytes(records, at)
    if (magicOf(records, at) !== MAGIC_V2) {
      throw new CorruptRecordError(
        at,
        `magic ${magicOf(records, at)}: only record batches of version 2 are read`,
      )
    }
    if (sizeInBytes < BATCH_OVERHEAD) throw new CorruptRecordError(at, `a batch of ${sizeInBytes} bytes`)
    // The last one of a reply may be cut off.
    if (sizeInBytes > records.length - at) break
    if (!isCrcValid(records, at)) throw new CorruptRecordError(at, 'the checksum is wrong')
    const lastOffset = lastOffsetOf(records, at)
    if (lastOffset < nextOffset && lastOffset >= from)
      throw new CorruptRecordError(at, `offset ${lastOffset} comes again`)
    for (let first = waiting[0]; first !== undefined && first.firstOffset <= lastOffset; first = waiting[0]) {
      open.add(first.producerId)
      waiting.shift()
    }
    const producerId = producerIdOf(records, at)
    if (isControlBatch(records, at)) {
      if (readControlType(records, at) === controlTypes.abort) open.delete(producerId)
    } else if (
      !(isTransactionalBatch(records, at) && open.has(producerId)) &&
      lastOffset >= from &&
      baseOffsetOf(records, at) < until
    ) {
      batches.push(records.subarray(at, at + sizeInBytes))
    }
    if (lastOffset >= nextOffset) nextOffset = lastOffset + 1n
    at += sizeInBytes
  }
  return { batches, nextOffset }
}
