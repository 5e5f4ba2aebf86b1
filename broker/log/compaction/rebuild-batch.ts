// A batch with some of its records, or none: base and last offset, producer and sequence stay as they were, so
// that neither an offset nor a sequence seems to be missing. Records are copied as bytes; only a new delete
// horizon, which takes the base timestamp's place, changes their timestamp deltas.
// Source: Kafka's MemoryRecords.filterTo, DefaultRecordBatch.writeEmptyHeader.

import { compress } from '../../protocol/record-batch/compression.ts'
import {
  ATTRIBUTES_AT,
  attributesOf,
  BASE_TIMESTAMP_AT,
  BATCH_OVERHEAD,
  CODEC_MASK,
  codecOf,
  CONTROL_BIT,
  DELETE_HORIZON_BIT,
  LENGTH_AT,
  LOG_APPEND_TIME_BIT,
  LOG_OVERHEAD,
  MAX_TIMESTAMP_AT,
  NO_TIMESTAMP,
  RECORD_COUNT_AT,
  readInt64AsNumber,
  recomputeCrc,
  TRANSACTIONAL_BIT,
} from '../../protocol/record-batch/header.ts'
import {
  readVarint,
  readVarlong,
  sizeOfVarint,
  sizeOfVarlong,
  varintRead,
  writeVarint,
  writeVarlong,
} from '../../protocol/record-batch/varint.ts'

/** The records that stay: where they begin and end in the decompressed records. */
export interface KeptRecords {
  source: Buffer
  /** Start and end in turn. */
  ranges: readonly number[]
  maxTimestampMs: number
}

/** The head of the batch at `at` alone. */
export function emptyBatch(buffer: Buffer, at: number): Buffer {
  const batch = Buffer.from(buffer.subarray(at, at + BATCH_OVERHEAD))
  const kept = LOG_APPEND_TIME_BIT | TRANSACTIONAL_BIT | CONTROL_BIT
  batch.writeInt32BE(BATCH_OVERHEAD - LOG_OVERHEAD, LENGTH_AT)
  batch.writeInt16BE(attributesOf(batch, 0) & kept, ATTRIBUTES_AT)
  batch.writeBigInt64BE(BigInt(NO_TIMESTAMP), BASE_TIMESTAMP_AT)
  batch.writeInt32BE(0, RECORD_COUNT_AT)
  recomputeCrc(batch, 0)
  return batch
}

/** The batch at `at` with the kept records alone; `deleteHorizonMs`: a new one to be written into it. */
export function rebuildBatch(
  buffer: Buffer,
  at: number,
  kept: KeptRecords,
  deleteHorizonMs: number | undefined,
): Buffer {
  const records =
    deleteHorizonMs === undefined
      ? copyRecords(kept)
      : rebaseRecords(kept, readInt64AsNumber(buffer, at + BASE_TIMESTAMP_AT), deleteHorizonMs)
  const codec = codecOf(buffer, at)
  if (codec === undefined) throw new Error(`codec ${attributesOf(buffer, at) & CODEC_MASK}`)
  const stored = compress(codec, records)
  const batch = Buffer.allocUnsafeSlow(BATCH_OVERHEAD + stored.length)
  buffer.copy(batch, 0, at, at + BATCH_OVERHEAD)
  stored.copy(batch, BATCH_OVERHEAD)
  batch.writeInt32BE(batch.length - LOG_OVERHEAD, LENGTH_AT)
  if (deleteHorizonMs !== undefined) {
    batch.writeInt16BE(attributesOf(batch, 0) | DELETE_HORIZON_BIT, ATTRIBUTES_AT)
    batch.writeBigInt64BE(BigInt(deleteHorizonMs), BASE_TIMESTAMP_AT)
  }
  // With LogAppendTime it is the time of all records, whichever are left.
  if ((attributesOf(batch, 0) & LOG_APPEND_TIME_BIT) === 0) {
    batch.writeBigInt64BE(BigInt(kept.maxTimestampMs), MAX_TIMESTAMP_AT)
  }
  batch.writeInt32BE(kept.ranges.length / 2, RECORD_COUNT_AT)
  recomputeCrc(batch, 0)
  return batch
}

function copyRecords({ source, ranges }: KeptRecords): Buffer {
  let size = 0
  for (let i = 0; i < ranges.length; i += 2) size += (ranges[i + 1] as number) - (ranges[i] as number)
  const records = Buffer.allocUnsafeSlow(size)
  let to = 0
  for (let i = 0; i < ranges.length; i += 2) to += source.copy(records, to, ranges[i], ranges[i + 1])
  return records
}

/** Timestamps stay what they were, told from another base. */
function rebaseRecords({ source, ranges }: KeptRecords, fromMs: number, toMs: number): Buffer {
  const bodies: { delta: number; restStart: number; end: number; size: number }[] = []
  let total = 0
  for (let i = 0; i < ranges.length; i += 2) {
    const end = ranges[i + 1] as number
    readVarint(source, ranges[i] as number, end)
    const delta = readVarlong(source, varintRead.end + 1, end) + fromMs - toMs
    const restStart = varintRead.end
    const size = 1 + sizeOfVarlong(delta) + (end - restStart)
    total += sizeOfVarint(size) + size
    bodies.push({ delta, restStart, end, size })
  }
  const records = Buffer.allocUnsafeSlow(total)
  let to = 0
  for (const { delta, restStart, end, size } of bodies) {
    to = writeVarint(records, to, size)
    // The record's attributes: not used by this format.
    records[to++] = 0
    to = writeVarlong(records, to, delta)
    to += source.copy(records, to, restStart, end)
  }
  return records
}
