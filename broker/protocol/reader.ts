// The primitives of the wire, read with every length checked against what is left before it is believed.
// All that goes wrong is a MalformedRequestError: bytes from outside are never a reason for another one.
//
// A length or count of n is written, in flexible versions, as the unsigned varint n + 1 with 0 for null;
// before, as an int16 (strings) or int32 (all else) with -1 for null.

import { ZERO_UUID } from './schema.ts'

/** Bytes that do not follow the protocol. `position` counts from the start of the message. */
export class MalformedRequestError extends Error {
  override readonly name = 'MalformedRequestError'
  readonly position: number

  constructor(message: string, position: number) {
    super(message)
    this.position = position
  }
}

const MAX_STRING_LENGTH = 0x7fff

export class Reader {
  private readonly buffer: Buffer
  private readonly view: DataView
  private readonly start: number
  private readonly end: number
  position: number

  constructor(buffer: Buffer, start: number, end: number) {
    if (start < 0 || start > end || end > buffer.length) {
      throw new Error(`range ${start}..${end} is outside a buffer of ${buffer.length} bytes`)
    }
    this.buffer = buffer
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
    this.start = start
    this.end = end
    this.position = start
  }

  remaining(): number {
    return this.end - this.position
  }

  fail(message: string): never {
    throw new MalformedRequestError(message, this.position - this.start)
  }

  private take(size: number): number {
    const at = this.position
    if (this.end - at < size) this.fail(`${size} bytes wanted, ${this.end - at} left`)
    this.position = at + size
    return at
  }

  int8(): number {
    return this.view.getInt8(this.take(1))
  }

  int16(): number {
    return this.view.getInt16(this.take(2))
  }

  uint16(): number {
    return this.view.getUint16(this.take(2))
  }

  int32(): number {
    return this.view.getInt32(this.take(4))
  }

  uint32(): number {
    return this.view.getUint32(this.take(4))
  }

  int64(): bigint {
    return this.view.getBigInt64(this.take(8))
  }

  float64(): number {
    return this.view.getFloat64(this.take(8))
  }

  /** Any byte but zero is true, as in Kafka. */
  boolean(): boolean {
    return this.view.getInt8(this.take(1)) !== 0
  }

  uuid(): string {
    const at = this.take(16)
    if (this.view.getBigInt64(at) === 0n && this.view.getBigInt64(at + 8) === 0n) return ZERO_UUID
    return this.buffer.toString('hex', at, at + 16)
  }

  /** Unsigned 32 bits in groups of seven, least significant first; five bytes at most. */
  unsignedVarint(): number {
    let at = this.position
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (at >= this.end) this.fail('a varint runs over the end')
      const byte = this.view.getUint8(at++)
      if (byte < 0x80) {
        if (shift === 28 && byte > 0x0f) break
        this.position = at
        // Only the fifth byte can reach the sign bit.
        return shift === 28 ? (value | (byte << 28)) >>> 0 : value | (byte << shift)
      }
      value |= (byte & 0x7f) << shift
    }
    return this.fail('a varint is longer than 32 bits')
  }

  /** Number of elements, or -1 for null; never more than what is left can hold. */
  count(compact: boolean, nullable: boolean, minElementSize: number): number {
    const count = compact ? this.unsignedVarint() - 1 : this.int32()
    if (count < 0) {
      if (count === -1 && nullable) return -1
      this.fail(count === -1 ? 'an array is null that may not be' : `an array of ${count} elements`)
    }
    if (count * minElementSize > this.remaining()) {
      this.fail(`an array of ${count} elements in ${this.remaining()} bytes`)
    }
    return count
  }

  private length(compact: boolean, nullable: boolean, isString: boolean): number {
    const length = compact ? this.unsignedVarint() - 1 : isString ? this.int16() : this.int32()
    if (length < 0) {
      if (length === -1 && nullable) return -1
      this.fail(length === -1 ? 'a value is null that may not be' : `a length of ${length}`)
    }
    if (length > this.remaining()) this.fail(`a length of ${length} with ${this.remaining()} bytes left`)
    if (isString && length > MAX_STRING_LENGTH) this.fail(`a string of ${length} bytes`)
    return length
  }

  /** Invalid UTF-8 becomes U+FFFD, as in Java. */
  string(compact: boolean): string {
    const length = this.length(compact, false, true)
    const at = this.position
    this.position = at + length
    return this.buffer.toString('utf8', at, at + length)
  }

  nullableString(compact: boolean): string | null {
    const length = this.length(compact, true, true)
    if (length < 0) return null
    const at = this.position
    this.position = at + length
    return this.buffer.toString('utf8', at, at + length)
  }

  /** A copy: group metadata and the like outlives the frame by far. */
  bytes(compact: boolean): Buffer {
    const length = this.length(compact, false, false)
    return Buffer.from(this.buffer.subarray(this.position, (this.position += length)))
  }

  nullableBytes(compact: boolean): Buffer | null {
    const length = this.length(compact, true, false)
    if (length < 0) return null
    return Buffer.from(this.buffer.subarray(this.position, (this.position += length)))
  }

  /** A slice of the frame, not a copy. */
  records(compact: boolean): Buffer | null {
    const length = this.length(compact, true, false)
    if (length < 0) return null
    return this.buffer.subarray(this.position, (this.position += length))
  }

  /** The byte before a struct that may be null: true if it is there. */
  structIsPresent(): boolean {
    return this.int8() >= 0
  }

  // Tagged section: count, then per field its tag (ascending), its size, and as many bytes.

  tag(previous: number): number {
    const tag = this.unsignedVarint()
    if (tag <= previous) this.fail(`tag ${tag} after tag ${previous}`)
    return tag
  }

  /** Where the tagged field that begins here must end. */
  taggedEnd(): number {
    const size = this.unsignedVarint()
    if (size > this.remaining()) this.fail(`a tagged field of ${size} bytes with ${this.remaining()} left`)
    return this.position + size
  }

  checkTaggedEnd(end: number): void {
    if (this.position !== end) this.fail(`a tagged field ends ${this.position - end} bytes beyond its size`)
  }

  /** Skips a tagged section of which no field is known. */
  skipTagged(): void {
    if (this.position < this.end && this.view.getUint8(this.position) === 0) {
      this.position++
      return
    }
    const count = this.taggedCount()
    for (let i = 0, previous = -1; i < count; i++) {
      previous = this.tag(previous)
      this.position = this.taggedEnd()
    }
  }

  /** Number of tagged fields; each takes at least two bytes. */
  taggedCount(): number {
    const count = this.unsignedVarint()
    if (count * 2 > this.remaining()) this.fail(`${count} tagged fields in ${this.remaining()} bytes`)
    return count
  }
}
