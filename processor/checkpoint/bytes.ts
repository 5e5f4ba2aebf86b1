// Bytes written into one growing buffer, and read back with every length looked at before it is believed.

import {
  readVarint,
  sizeOfVarint,
  varintRead,
  writeVarint,
} from '../../broker/protocol/record-batch/varint.ts'
import { DamagedError } from './store.ts'

/** Up to here bytes are quicker one by one than through a native call. */
const SHORT = 40

/** `toString('utf8')` without its look at the arguments. */
type SlicingBuffer = Buffer & { utf8Slice(start: number, end: number): string }

export class ByteWriter {
  bytes: Buffer
  end = 0

  constructor(capacityInBytes = 1024) {
    this.bytes = Buffer.allocUnsafeSlow(capacityInBytes)
  }

  reset(): void {
    this.end = 0
  }

  /** A copy of what was written. */
  copy(): Buffer {
    return Buffer.from(this.view())
  }

  view(): Buffer {
    return this.bytes.subarray(0, this.end)
  }

  byte(value: number): void {
    this.room(1)
    this.bytes[this.end++] = value
  }

  /** A whole number within int32. */
  varint(value: number): void {
    this.room(5)
    this.end = writeVarint(this.bytes, this.end, value)
  }

  float(value: number): void {
    this.room(8)
    this.end = this.bytes.writeDoubleBE(value, this.end)
  }

  /** UTF-8, the length before it. */
  text(value: string): void {
    const sizeInBytes = Buffer.byteLength(value)
    this.varint(sizeInBytes)
    this.room(sizeInBytes)
    this.end += this.bytes.write(value, this.end)
  }

  /** The length before it. */
  blob(value: Uint8Array): void {
    this.varint(value.length)
    this.raw(value)
  }

  /** What is written from here to `endBlob` gets its length before it. Returns what `endBlob` is told. */
  beginBlob(): number {
    this.room(1)
    return this.end++
  }

  endBlob(begun: number): void {
    const from = begun + 1
    const length = this.end - from
    const headBytes = sizeOfVarint(length)
    if (headBytes > 1) {
      this.room(headBytes - 1)
      this.bytes.copyWithin(begun + headBytes, from, this.end)
    }
    writeVarint(this.bytes, begun, length)
    this.end = begun + headBytes + length
  }

  /** The bytes of [from, until) as they are. */
  raw(value: Uint8Array, from = 0, until: number = value.length): void {
    const length = until - from
    this.room(length)
    const { bytes, end } = this
    if (length <= SHORT) for (let i = 0; i < length; i++) bytes[end + i] = value[from + i] as number
    else bytes.set(length === value.length ? value : value.subarray(from, until), end)
    this.end = end + length
  }

  /** A byte, and a text with its length before it. False, and nothing is written, where it is not all ASCII. */
  ascii(head: number, value: string): boolean {
    const { length } = value
    this.room(6 + length)
    const { bytes } = this
    bytes[this.end] = head
    const start = writeVarint(bytes, this.end + 1, length)
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i)
      if (unit > 0x7f) return false
      bytes[start + i] = unit
    }
    this.end = start + length
    return true
  }

  private room(bytes: number): void {
    const needed = this.end + bytes
    if (needed <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
    this.bytes.copy(larger, 0, 0, this.end)
    this.bytes = larger
  }
}

export class ByteReader {
  bytes: Buffer
  at: number
  end: number

  constructor(bytes: Buffer, start = 0, end: number = bytes.length) {
    this.bytes = bytes
    this.at = start
    this.end = end
  }

  /** Goes on with a part of the bytes, which the caller has looked at. */
  within(start: number, end: number): this {
    this.at = start
    this.end = end
    return this
  }

  get atEnd(): boolean {
    return this.at >= this.end
  }

  byte(): number {
    this.need(1)
    return this.bytes[this.at++] as number
  }

  varint(): number {
    const value = readVarint(this.bytes, this.at, this.end)
    if (varintRead.end < 0) throw new DamagedError(`no number at byte ${this.at} of ${this.end}`)
    this.at = varintRead.end
    return value
  }

  /** A number of things that take at least `bytesEach`. */
  count(bytesEach: number): number {
    const value = this.varint()
    if (value < 0) throw new DamagedError(`a count of ${value} before byte ${this.at}`)
    this.need(value * bytesEach)
    return value
  }

  float(): number {
    this.need(8)
    this.at += 8
    return this.bytes.readDoubleBE(this.at - 8)
  }

  text(): string {
    const start = this.skip()
    return (this.bytes as SlicingBuffer).utf8Slice(start, this.at)
  }

  /** A copy. */
  blob(): Buffer {
    const start = this.skip()
    return Buffer.from(this.bytes.subarray(start, this.at))
  }

  /** Steps over a field with its length before it; returns where it starts, and stands where it ends. */
  skip(): number {
    const length = this.count(1)
    this.at += length
    return this.at - length
  }

  /** As `skip`; -1 where the length is -1. */
  skipOrNone(): number {
    const length = this.varint()
    if (length === -1) return -1
    if (length < 0) throw new DamagedError(`a length of ${length} before byte ${this.at}`)
    this.need(length)
    this.at += length
    return this.at - length
  }

  private need(bytes: number): void {
    if (bytes > this.end - this.at) {
      throw new DamagedError(`${bytes} bytes at byte ${this.at}, ${this.end - this.at} are left`)
    }
  }
}
