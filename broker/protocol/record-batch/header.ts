// The head of a record batch (message format v2): where its fields stand, cheap readers for them, and the
// few writes that may be made in place. Base offset, length and leader epoch lie outside the checksum, so
// a broker stamps them freely; whatever changes a later field renews the checksum.
//
//    0        8     12       16    17   21      23       27        35       43       51     53     57    61
//    +--------+------+--------+-----+----+-------+--------+---------+--------+--------+------+------+-----+---
//    | base   |length| leader |magic|crc | attri-| last   | base    | max    |producer|prod. |base  |count| re-
//    | offset |      | epoch  | = 2 |    | butes | offset | time-   | time-  | id     |epoch |seq.  |     | cords
//    | i64    |i32   | i32    | i8  |u32 | i16   | delta  | stamp   | stamp  | i64    |i16   |i32   |i32  |
//    |        |      |        |     |    |       | i32    | i64     | i64    |        |      |      |     |
//    +--------+------+--------+-----+----+-------+--------+---------+--------+--------+------+------+-----+---
//             `length` counts from here on ^          `crc` (CRC-32C) covers from `attributes` to the end
//
//    attributes: bits 0-2 codec, 3 LogAppendTime, 4 transactional, 5 control, 6 delete horizon (the base
//    timestamp then holds the time until which tombstones are kept).
//
// Source: Kafka's DefaultRecordBatch.
import { crc32c } from './crc32c.ts'

export const BASE_OFFSET_AT = 0
export const LENGTH_AT = 8
export const LEADER_EPOCH_AT = 12
export const MAGIC_AT = 16
export const CRC_AT = 17
export const ATTRIBUTES_AT = 21
export const LAST_OFFSET_DELTA_AT = 23
export const BASE_TIMESTAMP_AT = 27
export const MAX_TIMESTAMP_AT = 35
export const PRODUCER_ID_AT = 43
export const PRODUCER_EPOCH_AT = 51
export const BASE_SEQUENCE_AT = 53
export const RECORD_COUNT_AT = 57
/** Bytes of the head: the records begin behind it. */
export const BATCH_OVERHEAD = 61
/** Bytes before what `length` counts: base offset and length itself. */
export const LOG_OVERHEAD = 12
/** The only message format that is written or accepted. */
export const MAGIC_V2 = 2

export const CODEC_MASK = 0x07
export const LOG_APPEND_TIME_BIT = 0x08
export const TRANSACTIONAL_BIT = 0x10
export const CONTROL_BIT = 0x20
export const DELETE_HORIZON_BIT = 0x40

export const NO_PRODUCER_ID = -1n
export const NO_PRODUCER_EPOCH = -1
export const NO_SEQUENCE = -1
/** What stands in a timestamp field when the producer gave none. */
export const NO_TIMESTAMP = -1

export type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
export type TimestampType = 'CreateTime' | 'LogAppendTime'

/** Codecs by the number in attribute bits 0-2; 5 to 7 are not assigned. */
export const CODECS: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** All fields of a head. Nothing of it is checked: `checkBatch` does that. */
export interface BatchHeader {
  baseOffset: bigint
  /** The whole batch, head included. */
  sizeInBytes: number
  partitionLeaderEpoch: number
  magic: number
  crc: number
  attributes: number
  lastOffsetDelta: number
  /** Milliseconds, -1 where there is none; the delete horizon when attribute bit 6 is set. */
  baseTimestamp: bigint
  maxTimestamp: bigint
  /** -1 for a producer without idempotence. */
  producerId: bigint
  producerEpoch: number
  baseSequence: number
  recordCount: number
  /** undefined: one of the three numbers that no codec has. */
  codec: Codec | undefined
  isTransactional: boolean
  isControl: boolean
  timestampType: TimestampType
}

export function baseOffsetOf(buffer: Buffer, at: number): bigint {
  return buffer.readBigInt64BE(at)
}

export function lastOffsetOf(buffer: Buffer, at: number): bigint {
  return buffer.readBigInt64BE(at) + BigInt(buffer.readInt32BE(at + LAST_OFFSET_DELTA_AT))
}

/** Bytes of the whole batch as its length field has it: to be compared with the bytes there are. */
export function batchSizeInBytes(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + LENGTH_AT) + LOG_OVERHEAD
}

export function leaderEpochOf(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + LEADER_EPOCH_AT)
}

export function magicOf(buffer: Buffer, at: number): number {
  return buffer.readInt8(at + MAGIC_AT)
}

export function crcOf(buffer: Buffer, at: number): number {
  return buffer.readUInt32BE(at + CRC_AT)
}

export function attributesOf(buffer: Buffer, at: number): number {
  return buffer.readInt16BE(at + ATTRIBUTES_AT)
}

export function codecOf(buffer: Buffer, at: number): Codec | undefined {
  return CODECS[attributesOf(buffer, at) & CODEC_MASK]
}

export function isTransactionalBatch(buffer: Buffer, at: number): boolean {
  return (attributesOf(buffer, at) & TRANSACTIONAL_BIT) !== 0
}

export function isControlBatch(buffer: Buffer, at: number): boolean {
  return (attributesOf(buffer, at) & CONTROL_BIT) !== 0
}

export function lastOffsetDeltaOf(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + LAST_OFFSET_DELTA_AT)
}

export function maxTimestampOf(buffer: Buffer, at: number): bigint {
  return buffer.readBigInt64BE(at + MAX_TIMESTAMP_AT)
}

export function producerIdOf(buffer: Buffer, at: number): bigint {
  return buffer.readBigInt64BE(at + PRODUCER_ID_AT)
}

export function recordCountOf(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + RECORD_COUNT_AT)
}

/** Until when tombstones, or a marker, of the batch are kept; undefined where the cleaner has not said. */
export function deleteHorizonOf(buffer: Buffer, at: number): number | undefined {
  if ((attributesOf(buffer, at) & DELETE_HORIZON_BIT) === 0) return undefined
  return readInt64AsNumber(buffer, at + BASE_TIMESTAMP_AT)
}

/** An int64 as a number: exact up to 2^53, rounded beyond. For timestamps, without a bigint on the way. */
export function readInt64AsNumber(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at) * 0x100000000 + buffer.readUInt32BE(at + 4)
}

/** Reads all fields of the head at `at`. Throws RangeError where the buffer holds fewer than 61 bytes of it. */
export function readBatchHeader(buffer: Buffer, at: number): BatchHeader {
  const attributes = attributesOf(buffer, at)
  return {
    baseOffset: baseOffsetOf(buffer, at),
    sizeInBytes: batchSizeInBytes(buffer, at),
    partitionLeaderEpoch: leaderEpochOf(buffer, at),
    magic: magicOf(buffer, at),
    crc: crcOf(buffer, at),
    attributes,
    lastOffsetDelta: lastOffsetDeltaOf(buffer, at),
    baseTimestamp: buffer.readBigInt64BE(at + BASE_TIMESTAMP_AT),
    maxTimestamp: maxTimestampOf(buffer, at),
    producerId: producerIdOf(buffer, at),
    producerEpoch: buffer.readInt16BE(at + PRODUCER_EPOCH_AT),
    baseSequence: buffer.readInt32BE(at + BASE_SEQUENCE_AT),
    recordCount: recordCountOf(buffer, at),
    codec: CODECS[attributes & CODEC_MASK],
    isTransactional: (attributes & TRANSACTIONAL_BIT) !== 0,
    isControl: (attributes & CONTROL_BIT) !== 0,
    timestampType: (attributes & LOG_APPEND_TIME_BIT) !== 0 ? 'LogAppendTime' : 'CreateTime',
  }
}

/** The leader's stamp: base offset and leader epoch, both outside the checksum. */
export function stampBatch(buffer: Buffer, at: number, baseOffset: bigint, leaderEpoch: number): void {
  buffer.writeBigInt64BE(baseOffset, at + BASE_OFFSET_AT)
  buffer.writeInt32BE(leaderEpoch, at + LEADER_EPOCH_AT)
}

/** The producer's stamp on a batch built before its sequence was known; renews the checksum. */
export function stampProducer(
  buffer: Buffer,
  at: number,
  producer: { producerId: bigint; producerEpoch: number; baseSequence: number; isTransactional: boolean },
): void {
  const attributes = attributesOf(buffer, at) & ~TRANSACTIONAL_BIT
  buffer.writeInt16BE(attributes | (producer.isTransactional ? TRANSACTIONAL_BIT : 0), at + ATTRIBUTES_AT)
  buffer.writeBigInt64BE(producer.producerId, at + PRODUCER_ID_AT)
  buffer.writeInt16BE(producer.producerEpoch, at + PRODUCER_EPOCH_AT)
  buffer.writeInt32BE(producer.baseSequence, at + BASE_SEQUENCE_AT)
  recomputeCrc(buffer, at)
}

/**
 * Sets the timestamp type and the max timestamp as a leader does before it appends: LogAppendTime with the
 * time of the append, CreateTime with the largest timestamp that was seen in the records. Renews the
 * checksum, unless nothing changed. Source: DefaultRecordBatch.setMaxTimestamp.
 */
export function stampMaxTimestamp(
  buffer: Buffer,
  at: number,
  timestampType: TimestampType,
  maxTimestampMs: number,
): void {
  const before = attributesOf(buffer, at)
  const bit = timestampType === 'LogAppendTime' ? LOG_APPEND_TIME_BIT : 0
  const after = (before & ~LOG_APPEND_TIME_BIT) | bit
  const maxTimestamp = BigInt(maxTimestampMs)
  if (after === before && maxTimestampOf(buffer, at) === maxTimestamp) return
  buffer.writeInt16BE(after, at + ATTRIBUTES_AT)
  buffer.writeBigInt64BE(maxTimestamp, at + MAX_TIMESTAMP_AT)
  recomputeCrc(buffer, at)
}

/** The checksum that the batch at `at` should have. Its size must have been checked against the buffer. */
function computeCrc(buffer: Buffer, at: number): number {
  return crc32c(buffer, at + ATTRIBUTES_AT, at + batchSizeInBytes(buffer, at))
}

/** Whether the stored checksum is the right one. The size must have been checked against the buffer. */
export function isCrcValid(buffer: Buffer, at: number): boolean {
  return crcOf(buffer, at) === computeCrc(buffer, at)
}

export function recomputeCrc(buffer: Buffer, at: number): void {
  buffer.writeUInt32BE(computeCrc(buffer, at), at + CRC_AT)
}
