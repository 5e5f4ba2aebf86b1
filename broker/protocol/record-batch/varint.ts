// Zigzag varints and varlongs of the record format, read and written without allocating. A read returns
// its value and leaves the position behind it in `varintRead.end` (-1: truncated or too long), which the
// caller looks at before anything else is read: one shared object, safe because nothing here yields.

/** Where the last read ended: the position of the byte after it, or -1 when there was no valid varint. */
export const varintRead = { end: -1 }

const TWO_28 = 0x10000000
const TWO_56 = 0x100000000000000

/** A zigzag int32 of at most 5 bytes in [at, end); the position after it is in `varintRead.end`. */
export function readVarint(buffer: Uint8Array, at: number, end: number): number {
  // Nearly all varints of real records are one or two bytes long: those stay small enough to be inlined.
  if (at + 1 < end) {
    const first = buffer[at] as number
    if (first < 0x80) {
      varintRead.end = at + 1
      return (first >>> 1) ^ -(first & 1)
    }
    const second = buffer[at + 1] as number
    if (second < 0x80) {
      varintRead.end = at + 2
      const value = (first & 0x7f) | (second << 7)
      return (value >>> 1) ^ -(value & 1)
    }
  }
  return readAnyVarint(buffer, at, end)
}

function readAnyVarint(buffer: Uint8Array, at: number, end: number): number {
  let value = 0
  for (let shift = 0; shift < 35; shift += 7) {
    if (at >= end) break
    const byte = buffer[at++] as number
    // The fifth byte has room for four bits: more would be silently dropped.
    if (shift === 28 && byte > 0x0f) break
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      varintRead.end = at
      return (value >>> 1) ^ -(value & 1)
    }
  }
  varintRead.end = -1
  return 0
}

/**
 * A zigzag int64 of at most 10 bytes in [at, end); the position after it is in `varintRead.end`. The value
 * is a number: exact up to 2^53, rounded beyond (only timestamps are varlongs, and none of them is real there).
 */
export function readVarlong(buffer: Uint8Array, at: number, end: number): number {
  if (at < end) {
    const first = buffer[at] as number
    if (first < 0x80) {
      varintRead.end = at + 1
      return (first >>> 1) ^ -(first & 1)
    }
  }
  return readAnyVarlong(buffer, at, end)
}

function readAnyVarlong(buffer: Uint8Array, at: number, end: number): number {
  let low = 0
  let middle = 0
  let high = 0
  for (let index = 0; index < 10; index++) {
    if (at >= end) break
    const byte = buffer[at++] as number
    // The tenth byte has room for one bit.
    if (index === 9 && byte > 1) break
    const bits = byte & 0x7f
    if (index < 4) low |= bits << (index * 7)
    else if (index < 8) middle |= bits << ((index - 4) * 7)
    else high |= bits << ((index - 8) * 7)
    if (byte < 0x80) {
      varintRead.end = at
      const magnitude = (low >>> 1) + middle * (TWO_28 / 2) + high * (TWO_56 / 2)
      return (low & 1) === 0 ? magnitude : -magnitude - 1
    }
  }
  varintRead.end = -1
  return 0
}

/** Bytes that `writeVarint` will take: 1 to 5. */
export function sizeOfVarint(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  if (zigzag < 0x80) return 1
  if (zigzag < 0x4000) return 2
  if (zigzag < 0x200000) return 3
  return zigzag < TWO_28 ? 4 : 5
}

/** Writes an int32; returns the position after it. The caller has made room. */
export function writeVarint(buffer: Uint8Array, at: number, value: number): number {
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  while (zigzag >= 0x80) {
    buffer[at++] = (zigzag & 0x7f) | 0x80
    zigzag >>>= 7
  }
  buffer[at++] = zigzag
  return at
}

/** Bytes that `writeVarlong` will take: 1 to 8, for whole numbers within 2^53. */
export function sizeOfVarlong(value: number): number {
  const magnitude = value < 0 ? -(value + 1) : value
  if (magnitude < 0x40) return 1
  if (magnitude < 0x2000) return 2
  if (magnitude < 0x100000) return 3
  let size = 4
  for (let rest = Math.floor(magnitude / 0x8000000); rest > 0; rest = Math.floor(rest / 0x80)) size++
  return size
}

/** Writes a whole number within 2^53 as an int64; returns the position after it. The caller has made room. */
export function writeVarlong(buffer: Uint8Array, at: number, value: number): number {
  if (value === (value | 0)) return writeVarint(buffer, at, value)
  if (!Number.isSafeInteger(value)) throw new Error(`varlong ${value} is not a whole number within 2^53`)
  const negative = value < 0
  let rest = negative ? -(value + 1) : value
  // The first byte holds the sign and six bits, the others seven bits each.
  let byte = ((rest % 0x40) << 1) | (negative ? 1 : 0)
  rest = Math.floor(rest / 0x40)
  while (rest > 0) {
    buffer[at++] = byte | 0x80
    byte = rest % 0x80
    rest = Math.floor(rest / 0x80)
  }
  buffer[at++] = byte
  return at
}
