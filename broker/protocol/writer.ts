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

export class Writer {
  private buffer: Buffer
  private position = 0
  private cuts: Cut[] | undefined

  constructor() {
    this.buffer = spare ?? Buffer.allocUnsafeSlow(SPARE_SIZE)
    spare = undefined
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
  }

  int8(value: number): void {
    this.buffer.writeInt8(value, this.take(1))
  }

  int16(value: number): void {
    this.buffer.writeInt16BE(value, this.take(2))
  }

  uint16(value: number): void {
    this.buffer.writeUInt16BE(value, this.take(2))
  }

  int32(value: number): void {
    this.buffer.writeInt32BE(value, this.take(4))
  }

  uint32(value: number): void {
    this.buffer.writeUInt32BE(value, this.take(4))
  }

  int64(value: bigint): void {
    this.buffer.writeBigInt64BE(value, this.take(8))
  }

  float64(value: number): void {
    this.buffer.writeDoubleBE(value, this.take(8))
  }

  boolean(value: boolean): void {
    this.buffer[this.take(1)] = value ? 1 : 0
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
      this.buffer[this.take(1)] = (value & 0x7f) | 0x80
      value >>>= 7
    }
    this.buffer[this.take(1)] = value
  }

  /** -1 for null. */
  count(compact: boolean, count: number): void {
    if (compact) this.unsignedVarint(count + 1)
    else this.int32(count)
  }

  string(compact: boolean, value: string): void {
    const length = Buffer.byteLength(value)
    if (length > MAX_STRING_LENGTH)
      throw new Error(`a string of ${length} bytes is longer than ${MAX_STRING_LENGTH}`)
    if (compact) this.unsignedVarint(length + 1)
    else this.int16(length)
    const at = this.take(length)
    this.buffer.write(value, at, length, 'utf8')
  }

  nullableString(compact: boolean, value: string | null): void {
    if (value !== null) this.string(compact, value)
    else if (compact) this.unsignedVarint(0)
    else this.int16(-1)
  }

  bytes(compact: boolean, value: Uint8Array): void {
    this.count(compact, value.length)
    this.buffer.set(value, this.take(value.length))
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

  private chunk(chunk: Uint8Array): void {
    if (chunk.length < MIN_CHUNK_SIZE) this.buffer.set(chunk, this.take(chunk.length))
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
