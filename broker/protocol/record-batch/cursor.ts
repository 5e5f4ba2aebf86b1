// Reads the records of one batch after the other without making an object of any: next() moves to a record
// and leaves its numbers in fields. Positions are those of `cursor.buffer`, which is the buffer that was
// handed in, or, for a compressed batch, one of the cursor's own.
//
//    record:  length | attributes i8 | timestamp delta | offset delta | key length, key | value length, value
//             | number of headers | headers (key length, key, value length, value)
//    Lengths and deltas are zigzag varints (the timestamp delta a varlong); a length below 0 is a null.
//
// It never reads past the batch. The checksum is not its business: `checkBatch` or `isCrcValid` went before.
import { DEFAULT_MAX_DECOMPRESSED_BYTES, decompress } from './compression.ts'
import { CorruptRecordError } from './failures.ts'
import {
  attributesOf,
  BASE_TIMESTAMP_AT,
  BATCH_OVERHEAD,
  baseOffsetOf,
  batchSizeInBytes,
  codecOf,
  LOG_APPEND_TIME_BIT,
  lastOffsetDeltaOf,
  MAGIC_V2,
  MAX_TIMESTAMP_AT,
  magicOf,
  readInt64AsNumber,
  recordCountOf,
} from './header.ts'
import { readVarint, readVarlong, varintRead } from './varint.ts'

export interface RecordHeader {
  key: string
  value: Uint8Array | null
}

const NOTHING = Buffer.alloc(0)

/** nextPlain looks at up to nine bytes before it knows that they are the record's: so many there must be. */
const PLAIN_LOOKAHEAD_BYTES = 9

function ignore(): void {}

export class RecordCursor {
  /** What the positions below refer to. Valid until the next reset(). */
  buffer: Buffer = NOTHING
  baseOffset = 0n
  offsetDelta = -1
  timestampMs = -1
  /** Start and end of key and value; a start of -1 stands for null. */
  keyStart = -1
  keyEnd = -1
  valueStart = -1
  valueEnd = -1
  headerCount = 0
  /** The most that reset() decompresses. */
  maxDecompressedBytes = DEFAULT_MAX_DECOMPRESSED_BYTES
  /** Records of the batch that next() has not reached yet. */
  remaining = 0

  private position = 0
  private end = 0
  private headersStart = 0
  private recordEnd = 0
  private baseTimestampMs = -1
  private lastOffsetDelta = -1
  private isLogAppendTime = false

  /**
   * Goes before the first record of the batch at `at`, which must end at or before `end`. A compressed one
   * is decompressed here. Throws CorruptRecordError where there is no whole v2 batch (its cause is the
   * DecompressionError where that was the reason).
   */
  reset(buffer: Buffer, at: number, end: number = buffer.length): void {
    this.clear()
    if (end - at < BATCH_OVERHEAD) throw new CorruptRecordError(at, `only ${end - at} bytes are left`)
    const sizeInBytes = batchSizeInBytes(buffer, at)
    if (sizeInBytes < BATCH_OVERHEAD || sizeInBytes > end - at) {
      throw new CorruptRecordError(at, `size ${sizeInBytes} where ${end - at} bytes are left`)
    }
    const magic = magicOf(buffer, at)
    if (magic !== MAGIC_V2) throw new CorruptRecordError(at, `magic ${magic}`)
    const recordCount = recordCountOf(buffer, at)
    if (recordCount < 0) throw new CorruptRecordError(at, `record count ${recordCount}`)
    this.isLogAppendTime = (attributesOf(buffer, at) & LOG_APPEND_TIME_BIT) !== 0
    this.baseTimestampMs = readInt64AsNumber(buffer, at + BASE_TIMESTAMP_AT)
    this.timestampMs = this.isLogAppendTime ? readInt64AsNumber(buffer, at + MAX_TIMESTAMP_AT) : -1
    this.baseOffset = baseOffsetOf(buffer, at)
    this.lastOffsetDelta = lastOffsetDeltaOf(buffer, at)
    this.enterRecords(buffer, at, sizeInBytes)
    this.remaining = recordCount
  }

  /** Lets go of the buffer: next() says false until the next reset(). */
  clear(): void {
    this.buffer = NOTHING
    this.position = 0
    this.end = 0
    this.remaining = 0
    this.offsetDelta = -1
    this.keyStart = -1
    this.valueStart = -1
    this.headerCount = 0
  }

  /** Moves to the next record; false behind the last. Throws CorruptRecordError on a malformed record. */
  next(): boolean {
    const buffer = this.buffer
    if (this.remaining === 0) {
      if (this.position !== this.end)
        throw this.corrupt(`${this.end - this.position} bytes behind the last record`)
      return false
    }
    if (this.end - this.position >= PLAIN_LOOKAHEAD_BYTES && this.nextPlain(buffer)) return true
    return this.nextAny(buffer)
  }

  /**
   * The record that nearly all are: no headers, a key of less than 64 bytes or none, no null value, lengths of
   * two bytes at most. Read in one pass and without a call, half as long as the general way. False, and
   * nothing changed, for every other record, malformed ones included: nextAny has a look at those.
   */
  private nextPlain(buffer: Buffer): boolean {
    let at = this.position
    let byte = buffer[at++] as number
    let size = byte
    if (byte >= 0x80) {
      byte = buffer[at++] as number
      size = (size & 0x7f) | (byte << 7)
    }
    const end = at + (size >>> 1)
    if (byte >= 0x80 || (size & 1) !== 0 || end > this.end) return false
    at++ // The record's attributes byte is not used by this format.
    let timestampDelta = buffer[at++] as number
    if (timestampDelta >= 0x80) {
      byte = buffer[at++] as number
      if (byte >= 0x80) return false
      timestampDelta = (timestampDelta & 0x7f) | (byte << 7)
    }
    let offsetDelta = buffer[at++] as number
    if (offsetDelta >= 0x80) {
      byte = buffer[at++] as number
      offsetDelta = (offsetDelta & 0x7f) | (byte << 7)
      if (byte >= 0x80) {
        byte = buffer[at++] as number
        if (byte >= 0x80) return false
        offsetDelta = (offsetDelta & 0x3fff) | (byte << 14)
      }
    }
    if ((offsetDelta & 1) !== 0) return false
    offsetDelta >>>= 1
    if (offsetDelta <= this.offsetDelta || offsetDelta > this.lastOffsetDelta) return false
    const keyLength = buffer[at++] as number
    if (keyLength >= 0x80 || ((keyLength & 1) !== 0 && keyLength !== 1)) return false
    const keyStart = at
    if (keyLength !== 1) at += keyLength >>> 1
    // Two bytes of length and one for the number of headers, or it is one for nextAny.
    if (at + 3 > end) return false
    const keyEnd = at
    let valueLength = buffer[at++] as number
    if (valueLength >= 0x80) {
      byte = buffer[at++] as number
      if (byte >= 0x80) return false
      valueLength = (valueLength & 0x7f) | (byte << 7)
    }
    if ((valueLength & 1) !== 0) return false
    const valueEnd = at + (valueLength >>> 1)
    if (valueEnd !== end - 1 || buffer[valueEnd] !== 0) return false
    if (keyLength === 1) this.keyStart = this.keyEnd = -1
    else {
      this.keyStart = keyStart
      this.keyEnd = keyEnd
    }
    this.valueStart = at
    this.valueEnd = valueEnd
    this.headerCount = 0
    this.headersStart = end
    this.recordEnd = end
    this.offsetDelta = offsetDelta
    if (!this.isLogAppendTime) {
      this.timestampMs = this.baseTimestampMs + ((timestampDelta >>> 1) ^ -(timestampDelta & 1))
    }
    this.position = end
    this.remaining--
    return true
  }

  /** Any record. Throws CorruptRecordError on a malformed one. */
  private nextAny(buffer: Buffer): boolean {
    const size = readVarint(buffer, this.position, this.end)
    let at = varintRead.end
    if (at < 0 || size < 0 || size > this.end - at)
      throw this.corrupt(`record of ${size} bytes, ${this.remaining} records missing`)
    const end = at + size
    // The record's attributes byte is not used by this format.
    const timestampDelta = readVarlong(buffer, at + 1, end)
    at = varintRead.end
    if (at < 0) throw this.corrupt('timestamp delta')
    const offsetDelta = readVarint(buffer, at, end)
    at = varintRead.end
    if (at < 0 || offsetDelta <= this.offsetDelta || offsetDelta > this.lastOffsetDelta) {
      throw this.corrupt(
        `offset delta ${offsetDelta} behind ${this.offsetDelta}, the last is ${this.lastOffsetDelta}`,
      )
    }
    const keyLength = readVarint(buffer, at, end)
    at = varintRead.end
    if (at < 0 || keyLength > end - at) throw this.corrupt(`key of ${keyLength} bytes`)
    if (keyLength < 0) {
      this.keyStart = this.keyEnd = -1
    } else {
      this.keyStart = at
      this.keyEnd = at = at + keyLength
    }
    const valueLength = readVarint(buffer, at, end)
    at = varintRead.end
    if (at < 0 || valueLength > end - at) throw this.corrupt(`value of ${valueLength} bytes`)
    if (valueLength < 0) {
      this.valueStart = this.valueEnd = -1
    } else {
      this.valueStart = at
      this.valueEnd = at = at + valueLength
    }
    const headerCount = readVarint(buffer, at, end)
    at = varintRead.end
    // A header takes two bytes at least.
    if (at < 0 || headerCount < 0 || headerCount > (end - at) / 2)
      throw this.corrupt(`${headerCount} headers`)
    if (headerCount === 0 && at !== end) throw this.corrupt(`${end - at} bytes behind the record's fields`)
    this.headerCount = headerCount
    this.headersStart = at
    this.recordEnd = end
    this.offsetDelta = offsetDelta
    if (!this.isLogAppendTime) this.timestampMs = this.baseTimestampMs + timestampDelta
    this.position = end
    this.remaining--
    return true
  }

  /** Where the next record begins in `buffer`: behind the one that next() moved to. */
  get nextPosition(): number {
    return this.position
  }

  offset(): bigint {
    return this.baseOffset + BigInt(this.offsetDelta)
  }

  /** A copy of the record's key, or null. */
  key(): Buffer | null {
    return this.copyOf(this.keyStart, this.keyEnd)
  }

  /** A copy of the record's value, or null. */
  value(): Buffer | null {
    return this.copyOf(this.valueStart, this.valueEnd)
  }

  /** The record's headers as copies. Throws CorruptRecordError where they are malformed. */
  headers(): RecordHeader[] {
    const headers: RecordHeader[] = []
    this.walkHeaders((keyStart, keyEnd, valueStart, valueEnd) => {
      headers.push({
        key: this.buffer.toString('utf8', keyStart, keyEnd),
        value: this.copyOf(valueStart, valueEnd),
      })
    })
    return headers
  }

  /** Throws CorruptRecordError where the record's headers are malformed; next() only counts them. */
  checkHeaders(): void {
    if (this.headerCount > 0) this.walkHeaders(ignore)
  }

  private walkHeaders(
    visit: (keyStart: number, keyEnd: number, valueStart: number, valueEnd: number) => void,
  ): void {
    const { buffer, recordEnd: end } = this
    let at = this.headersStart
    for (let index = 0; index < this.headerCount; index++) {
      const keyLength = readVarint(buffer, at, end)
      const keyStart = varintRead.end
      if (keyStart < 0 || keyLength < 0 || keyLength > end - keyStart) {
        throw this.corrupt(`header ${index} has a key of ${keyLength} bytes`)
      }
      const keyEnd = keyStart + keyLength
      const valueLength = readVarint(buffer, keyEnd, end)
      const valueStart = varintRead.end
      if (valueStart < 0 || valueLength > end - valueStart) {
        throw this.corrupt(`header ${index} has a value of ${valueLength} bytes`)
      }
      at = valueStart + Math.max(valueLength, 0)
      visit(keyStart, keyEnd, valueLength < 0 ? -1 : valueStart, at)
    }
    if (at !== end) throw this.corrupt(`${end - at} bytes behind the record's headers`)
  }

  private enterRecords(buffer: Buffer, at: number, sizeInBytes: number): void {
    const codec = codecOf(buffer, at)
    if (codec === undefined)
      throw new CorruptRecordError(at, `attributes ${attributesOf(buffer, at)}: no such codec`)
    const recordsAt = at + BATCH_OVERHEAD
    const recordsEnd = at + sizeInBytes
    if (codec === 'none' || recordsAt === recordsEnd) {
      this.buffer = buffer
      this.position = recordsAt
      this.end = recordsEnd
      return
    }
    try {
      this.buffer = decompress(codec, buffer.subarray(recordsAt, recordsEnd), this.maxDecompressedBytes)
    } catch (cause) {
      throw new CorruptRecordError(at, cause instanceof Error ? cause.message : String(cause), { cause })
    }
    this.position = 0
    this.end = this.buffer.length
  }

  private copyOf(start: number, end: number): Buffer | null {
    return start < 0 ? null : Buffer.from(this.buffer.subarray(start, end))
  }

  private corrupt(what: string): CorruptRecordError {
    return new CorruptRecordError(this.position, `${what} (base offset ${this.baseOffset})`)
  }
}
