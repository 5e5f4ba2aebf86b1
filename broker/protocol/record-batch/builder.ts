// Builds record batches: one growing buffer, records written straight into it, no object per record. The
// head is filled in by build(), which hands out a buffer of its own; the builder's is used again.
import { compress } from './compression.ts'
import { CONTROL_KEY_BYTES, controlTypes, END_TXN_VALUE_BYTES } from './control.ts'
import type { RecordHeader } from './cursor.ts'
import {
  ATTRIBUTES_AT,
  BASE_OFFSET_AT,
  BASE_SEQUENCE_AT,
  BASE_TIMESTAMP_AT,
  BATCH_OVERHEAD,
  CODECS,
  CONTROL_BIT,
  type Codec,
  LAST_OFFSET_DELTA_AT,
  LEADER_EPOCH_AT,
  LENGTH_AT,
  LOG_OVERHEAD,
  MAGIC_AT,
  MAGIC_V2,
  MAX_TIMESTAMP_AT,
  NO_PRODUCER_EPOCH,
  NO_PRODUCER_ID,
  NO_SEQUENCE,
  NO_TIMESTAMP,
  PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT,
  RECORD_COUNT_AT,
  recomputeCrc,
  TRANSACTIONAL_BIT,
} from './header.ts'
import { sizeOfVarint, sizeOfVarlong, writeVarint, writeVarlong } from './varint.ts'

/** A record as an object, where there are few of them. */
export interface RecordInput {
  /** Milliseconds since 1970; -1 for none. */
  timestampMs: number
  key: Uint8Array | null
  value: Uint8Array | null
  headers?: readonly RecordHeader[]
}

export interface BuildOptions {
  /** Default 'none'. */
  codec?: Codec
  /** Default -1: no idempotence. */
  producerId?: bigint
  producerEpoch?: number
  baseSequence?: number
  isTransactional?: boolean
  /** Only the broker writes control batches. */
  isControl?: boolean
  /** Default 0, as clients send it: the leader stamps the real one. */
  baseOffset?: bigint
  /** Default -1. */
  partitionLeaderEpoch?: number
}

const FIRST_CAPACITY = 4096

export class RecordBatchBuilder {
  private buffer: Buffer
  private position = BATCH_OVERHEAD
  private baseTimestampMs = NO_TIMESTAMP
  private maxTimestampMs = NO_TIMESTAMP
  private count = 0

  constructor(capacityInBytes: number = FIRST_CAPACITY) {
    this.buffer = Buffer.allocUnsafeSlow(Math.max(capacityInBytes, BATCH_OVERHEAD))
  }

  /** Bytes of the batch as it stands, uncompressed, head included. */
  get sizeInBytes(): number {
    return this.position
  }

  get recordCount(): number {
    return this.count
  }

  /** Adds a record; its bytes are copied. */
  append(
    timestampMs: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers?: readonly RecordHeader[],
  ): void {
    const keyLength = key === null ? -1 : key.length
    const valueLength = value === null ? -1 : value.length
    const headerBytes = headers === undefined ? 1 : sizeOfHeaders(headers)
    this.beginRecord(timestampMs, keyLength, valueLength, headerBytes)
    this.writeField(key, 0, keyLength)
    this.writeField(value, 0, valueLength)
    if (headers === undefined) this.buffer[this.position++] = 0
    else this.writeHeaders(headers)
  }

  /**
   * Adds a record whose key and value stand in `source` (a start of -1: null), as a RecordCursor leaves
   * them: no view is made of either.
   */
  appendFrom(
    timestampMs: number,
    source: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
  ): void {
    const keyLength = keyStart < 0 ? -1 : keyEnd - keyStart
    const valueLength = valueStart < 0 ? -1 : valueEnd - valueStart
    if (keyLength < -1 || valueLength < -1 || keyEnd > source.length || valueEnd > source.length) {
      throw new RangeError(
        `key [${keyStart}, ${keyEnd}), value [${valueStart}, ${valueEnd}) in ${source.length} bytes`,
      )
    }
    this.beginRecord(timestampMs, keyLength, valueLength, 1)
    this.writeField(source, keyStart, keyLength)
    this.writeField(source, valueStart, valueLength)
    this.buffer[this.position++] = 0
  }

  /** The finished batch in a buffer of its own. Records stay until reset(). */
  build(options: BuildOptions = {}): Buffer {
    if (this.count === 0) throw new Error('a batch of 0 records was to be built')
    const codec = options.codec ?? 'none'
    const batch =
      codec === 'none'
        ? copyOf(this.buffer, this.position)
        : behindHead(compress(codec, this.buffer.subarray(BATCH_OVERHEAD, this.position)))
    this.writeHead(batch, codec, options)
    return batch
  }

  /** Empties the builder; its buffer is kept. */
  reset(): void {
    this.position = BATCH_OVERHEAD
    this.count = 0
    this.baseTimestampMs = NO_TIMESTAMP
    this.maxTimestampMs = NO_TIMESTAMP
  }

  private beginRecord(
    timestampMs: number,
    keyLength: number,
    valueLength: number,
    headerBytes: number,
  ): void {
    if (!Number.isSafeInteger(timestampMs)) throw new Error(`timestamp ${timestampMs} is no whole number`)
    if (this.count === 0) this.baseTimestampMs = timestampMs
    const timestampDelta = timestampMs - this.baseTimestampMs
    const bodySize =
      1 +
      sizeOfVarlong(timestampDelta) +
      sizeOfVarint(this.count) +
      sizeOfVarint(keyLength) +
      Math.max(keyLength, 0) +
      sizeOfVarint(valueLength) +
      Math.max(valueLength, 0) +
      headerBytes
    this.makeRoom(sizeOfVarint(bodySize) + bodySize)
    let at = writeVarint(this.buffer, this.position, bodySize)
    this.buffer[at++] = 0
    at = writeVarlong(this.buffer, at, timestampDelta)
    this.position = writeVarint(this.buffer, at, this.count)
    if (this.count === 0 || timestampMs > this.maxTimestampMs) this.maxTimestampMs = timestampMs
    this.count++
  }

  private writeField(source: Uint8Array | null, start: number, length: number): void {
    const at = writeVarint(this.buffer, this.position, length)
    this.position = at
    if (source === null || length <= 0) return
    const target = this.buffer
    // Short fields are quicker byte by byte than through a native call; a view over the memory is quicker
    // than subarray and than Buffer.copy.
    if (length < 40) {
      for (let i = 0; i < length; i++) target[at + i] = source[start + i] as number
    } else if (length === source.length) {
      target.set(source, at)
    } else {
      target.set(new Uint8Array(source.buffer, source.byteOffset + start, length), at)
    }
    this.position = at + length
  }

  private writeHeaders(headers: readonly RecordHeader[]): void {
    this.position = writeVarint(this.buffer, this.position, headers.length)
    for (const { key, value } of headers) {
      this.position = writeVarint(this.buffer, this.position, Buffer.byteLength(key))
      this.position += this.buffer.write(key, this.position)
      this.writeField(value, 0, value === null ? -1 : value.length)
    }
  }

  private makeRoom(bytes: number): void {
    const needed = this.position + bytes
    if (needed <= this.buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2))
    this.buffer.copy(larger, 0, 0, this.position)
    this.buffer = larger
  }

  private writeHead(batch: Buffer, codec: Codec, options: BuildOptions): void {
    const attributes =
      CODECS.indexOf(codec) |
      (options.isTransactional === true ? TRANSACTIONAL_BIT : 0) |
      (options.isControl === true ? CONTROL_BIT : 0)
    batch.writeBigInt64BE(options.baseOffset ?? 0n, BASE_OFFSET_AT)
    batch.writeInt32BE(batch.length - LOG_OVERHEAD, LENGTH_AT)
    batch.writeInt32BE(options.partitionLeaderEpoch ?? -1, LEADER_EPOCH_AT)
    batch.writeInt8(MAGIC_V2, MAGIC_AT)
    batch.writeInt16BE(attributes, ATTRIBUTES_AT)
    batch.writeInt32BE(this.count - 1, LAST_OFFSET_DELTA_AT)
    batch.writeBigInt64BE(BigInt(this.baseTimestampMs), BASE_TIMESTAMP_AT)
    batch.writeBigInt64BE(BigInt(this.maxTimestampMs), MAX_TIMESTAMP_AT)
    batch.writeBigInt64BE(options.producerId ?? NO_PRODUCER_ID, PRODUCER_ID_AT)
    batch.writeInt16BE(options.producerEpoch ?? NO_PRODUCER_EPOCH, PRODUCER_EPOCH_AT)
    batch.writeInt32BE(options.baseSequence ?? NO_SEQUENCE, BASE_SEQUENCE_AT)
    batch.writeInt32BE(this.count, RECORD_COUNT_AT)
    recomputeCrc(batch, 0)
  }
}

/** A batch of the given records, in their order. Offset deltas count from 0. */
export function buildBatch(records: Iterable<RecordInput>, options: BuildOptions = {}): Buffer {
  const builder = new RecordBatchBuilder()
  for (const { timestampMs, key, value, headers } of records) {
    builder.append(timestampMs, key, value, headers)
  }
  return builder.build(options)
}

/** A marker batch that commits or aborts the producer's transaction; offset and leader epoch unstamped. */
export function buildEndTxnMarker(
  producerId: bigint,
  producerEpoch: number,
  isCommit: boolean,
  coordinatorEpoch: number,
  timestampMs: number,
): Buffer {
  const key = Buffer.alloc(CONTROL_KEY_BYTES)
  key.writeInt16BE(isCommit ? controlTypes.commit : controlTypes.abort, 2)
  const value = Buffer.alloc(END_TXN_VALUE_BYTES)
  value.writeInt32BE(coordinatorEpoch, 2)
  const builder = new RecordBatchBuilder(128)
  builder.append(timestampMs, key, value)
  return builder.build({ producerId, producerEpoch, isTransactional: true, isControl: true })
}

function copyOf(source: Buffer, length: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(length)
  source.copy(copy, 0, 0, length)
  return copy
}

function behindHead(records: Buffer): Buffer {
  const batch = Buffer.allocUnsafeSlow(BATCH_OVERHEAD + records.length)
  records.copy(batch, BATCH_OVERHEAD)
  return batch
}

function sizeOfHeaders(headers: readonly RecordHeader[]): number {
  let size = sizeOfVarint(headers.length)
  for (const { key, value } of headers) {
    const keyLength = Buffer.byteLength(key)
    const valueLength = value === null ? -1 : value.length
    size += sizeOfVarint(keyLength) + keyLength + sizeOfVarint(valueLength) + Math.max(valueLength, 0)
  }
  return size
}
