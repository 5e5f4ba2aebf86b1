// The primitives of the wire, written into one growing buffer. Record batches are not copied into it:
// they stay chunks of their own, so that file bytes go to the socket as they are.

import { ZERO_UUID } from './schema.ts'

const MAX_STRING_LENGTH = 0x7fff
/** Below this, copying records costs less than one more chunk for writev. */
const MIN_CHUNK_SIZE = 1024

interface Cut {
  at: number
  chunk: Uint8Array
}

/** Kept between messages, so that a message allocates its exact size only. Grown ones are given up. */
const SPARE_SIZE = 64 * 1024
let spare: Buffer | undefined

/** Strings up to this many characters are written one by one: a call into the engine costs more. */
const SHORT_STRING_LENGTH = 32

export class Writer {
  private buffer: Buffer
  private view: DataView
  private position = 0
  private cuts: Cut[] | undefined

  constructor() {
    this.buffer = spare ?? Buffer.allocUnsafeSlow(SPARE_SIZE)
    spare = undefined
    this.view = viewOf(this.buffer)
  }

  /** What was written, in one buffer, or in several around the record batches. The writer is used up. */
  finish(): Uint8Array[] {
    const written = Buffer.allocUnsafe(this.position)
    this.buffer.copy(written, 0, 0, this.position)
    this.discard()
    if (this.cuts === undefined) return [written]
    const chunks: Uint8Array[] = []
    let from = 0
    for (const { at, chunk } of this.cuts) {
      if (at > from) chunks.push(written.subarray(from, at))
      chunks.push(chunk)
      from = at
    }
    if (written.length > from) chunks.push(written.subarray(from))
    return chunks
  }

  /** Gives the working buffer back; also for a writer whose message was refused half-way. */
  discard(): void {
    if (this.buffer.length === SPARE_SIZE) spare = this.buffer
    this.buffer = NOTHING
  }

  /** Bytes so far, record batches included. */
  sizeInBytes(): number {
    let size = this.position
    for (const { chunk } of this.cuts ?? []) size += chunk.length
    return size
  }

  private take(size: number): number {
    const at = this.position
    if (at + size > this.buffer.length) this.grow(at + size)
    this.position = at + size
    return at
  }

  private grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2))
    this.buffer.copy(larger, 0, 0, this.position)
    if (this.buffer.length === SPARE_SIZE) spare = this.buffer
    this.buffer = larger
    this.view = viewOf(larger)
  }

  int8(value: number): void {
    if ((value << 24) >> 24 !== value) refuse(value, 'int8')
    // `take` comes first: it may give the writer another view.
    const at = this.take(1)
    this.view.setInt8(at, value)
  }

  int16(value: number): void {
    if ((value << 16) >> 16 !== value) refuse(value, 'int16')
    const at = this.take(2)
    this.view.setInt16(at, value)
  }

  uint16(value: number): void {
    if ((value & 0xffff) !== value) refuse(value, 'uint16')
    const at = this.take(2)
    this.view.setUint16(at, value)
  }

  int32(value: number): void {
    if ((value | 0) !== value) refuse(value, 'int32')
    const at = this.take(4)
    this.view.setInt32(at, value)
  }

  uint32(value: number): void {
    if (value >>> 0 !== value) refuse(value, 'uint32')
    const at = this.take(4)
    this.view.setUint32(at, value)
  }

  int64(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value) refuse(value, 'int64')
    const at = this.take(8)
    this.view.setBigInt64(at, value)
  }

  float64(value: number): void {
    const at = this.take(8)
    this.view.setFloat64(at, value)
  }

  boolean(value: boolean): void {
    const at = this.take(1)
    this.buffer[at] = value ? 1 : 0
  }

  uuid(value: string): void {
    const at = this.take(16)
    if (value === ZERO_UUID) this.buffer.fill(0, at, at + 16)
    else if (value.length !== 32 || this.buffer.write(value, at, 16, 'hex') !== 16) {
      throw new Error(`"${value}" is not 32 hexadecimal digits`)
    }
  }

  unsignedVarint(value: number): void {
    while (value > 0x7f) {
      const at = this.take(1)
      this.buffer[at] = (value & 0x7f) | 0x80
      value >>>= 7
    }
    const at = this.take(1)
    this.buffer[at] = value
  }

  /** -1 for null. */
  count(compact: boolean, count: number): void {
    if (compact) this.unsignedVarint(count + 1)
    else this.int32(count)
  }

  string(compact: boolean, value: string): void {
    if (value.length <= SHORT_STRING_LENGTH && this.shortString(compact, value)) return
    const length = Buffer.byteLength(value)
    if (length > MAX_STRING_LENGTH)
      throw new Error(`a string of ${length} bytes is longer than ${MAX_STRING_LENGTH}`)
    if (compact) this.unsignedVarint(length + 1)
    else this.int16(length)
    const at = this.take(length)
    this.buffer.write(value, at, length, 'utf8')
  }

  /** False, with nothing written, for a string that is not all ASCII. */
  private shortString(compact: boolean, value: string): boolean {
    const before = this.position
    if (compact) this.unsignedVarint(value.length + 1)
    else this.int16(value.length)
    const at = this.take(value.length)
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i)
      if (code >= 0x80) {
        this.position = before
        return false
      }
      this.buffer[at + i] = code
    }
    return true
  }

  nullableString(compact: boolean, value: string | null): void {
    if (value !== null) this.string(compact, value)
    else if (compact) this.unsignedVarint(0)
    else this.int16(-1)
  }

  bytes(compact: boolean, value: Uint8Array): void {
    this.count(compact, value.length)
    this.append(value)
  }

  nullableBytes(compact: boolean, value: Uint8Array | null): void {
    if (value === null) this.count(compact, -1)
    else this.bytes(compact, value)
  }

  records(compact: boolean, value: Uint8Array | readonly Uint8Array[] | null): void {
    if (value === null) return this.count(compact, -1)
    if (value instanceof Uint8Array) {
      this.count(compact, value.length)
      return this.chunk(value)
    }
    let length = 0
    for (const chunk of value) length += chunk.length
    this.count(compact, length)
    for (const chunk of value) this.chunk(chunk)
  }

  private append(bytes: Uint8Array): void {
    const at = this.take(bytes.length)
    this.buffer.set(bytes, at)
  }

  private chunk(chunk: Uint8Array): void {
    if (chunk.length < MIN_CHUNK_SIZE) this.append(chunk)
    else (this.cuts ??= []).push({ at: this.position, chunk })
  }

  structIsPresent(present: boolean): void {
    this.int8(present ? 1 : -1)
  }

  /** Begins something whose size, a varint, stands before it; `endSized` takes what this returns. */
  beginSized(): number {
    return this.take(1)
  }

  endSized(at: number): void {
    const size = this.position - at - 1
    const last = this.cuts?.at(-1)
    if (last !== undefined && last.at > at) throw new Error(`records within a tagged field, at ${last.at}`)
    let sizeOfSize = 1
    for (let rest = size >>> 7; rest > 0; rest >>>= 7) sizeOfSize++
    if (sizeOfSize > 1) {
      this.take(sizeOfSize - 1)
      this.buffer.copyWithin(at + sizeOfSize, at + 1, at + 1 + size)
    }
    const end = this.position
    this.position = at
    this.unsignedVarint(size)
    this.position = end
  }

  /** Sets an int32 that was written before: the length of a frame. */
  setInt32(at: number, value: number): void {
    if (at + 4 > this.position) throw new Error(`position ${at} was not written yet (${this.position})`)
    this.buffer.writeInt32BE(value, at)
  }
}

const NOTHING = Buffer.alloc(0)

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
}

function refuse(value: number | bigint, type: string): never {
  throw new RangeError(`${value} is no ${type}`)
}
