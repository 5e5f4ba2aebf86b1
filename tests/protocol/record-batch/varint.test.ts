import { describe, expect, test } from 'vitest'
import {
  readVarint,
  readVarlong,
  sizeOfVarint,
  sizeOfVarlong,
  varintRead,
  writeVarint,
  writeVarlong,
} from '../../../broker/protocol/record-batch/varint.ts'

const buffer = Buffer.alloc(16)

/** Zigzag and base 128 as the format defines them, with bigint arithmetic: the oracle. */
function encode(value: bigint, bits: bigint): Buffer {
  let rest = BigInt.asUintN(Number(bits), (value << 1n) ^ (value >> (bits - 1n)))
  const bytes: number[] = []
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(rest)])
}

function around(limit: number): number[] {
  return [-limit - 1, -limit, -limit + 1, limit - 1, limit, limit + 1]
}

const ints = [
  0,
  1,
  -1,
  ...[6, 7, 13, 14, 20, 21, 27, 28, 30].flatMap((b) => around(2 ** b)),
  2 ** 31 - 1,
  -(2 ** 31),
]
const longs = [
  ...ints,
  ...[32, 34, 35, 41, 42, 48, 49, 52].flatMap((b) => around(2 ** b)),
  2 ** 53 - 1,
  1 - 2 ** 53,
]

describe('varints', () => {
  test.each(ints)('of %i are written, sized and read as the format says', (value) => {
    const expected = encode(BigInt(value), 32n)
    expect(buffer.subarray(0, writeVarint(buffer, 0, value)).equals(expected)).toBe(true)
    expect(sizeOfVarint(value)).toBe(expected.length)
    expect(readVarint(buffer, 0, expected.length)).toBe(value)
    expect(varintRead.end).toBe(expected.length)
  })

  test.each(longs)('varlongs of %i likewise', (value) => {
    const expected = encode(BigInt(value), 64n)
    expect(buffer.subarray(0, writeVarlong(buffer, 0, value)).equals(expected)).toBe(true)
    expect(sizeOfVarlong(value)).toBe(expected.length)
    expect(readVarlong(buffer, 0, expected.length)).toBe(value)
    expect(varintRead.end).toBe(expected.length)
  })

  test.each([2n ** 63n - 1n, -(2n ** 63n), 2n ** 60n + 1n])('the varlong %s is read, rounded', (value) => {
    const bytes = encode(value, 64n)
    expect(readVarlong(bytes, 0, bytes.length)).toBe(Number(value))
    expect(varintRead.end).toBe(bytes.length)
  })

  test('cut short at any byte are no varints', () => {
    for (const value of longs) {
      const bytes = encode(BigInt(value), 64n)
      for (let end = 0; end < bytes.length; end++) {
        readVarlong(bytes, 0, end)
        expect(varintRead.end).toBe(-1)
        if (end < 5) readVarint(bytes, 0, end)
        expect(varintRead.end).toBe(-1)
      }
    }
  })

  test('with more bits than the type has are no varints', () => {
    const reads: [typeof readVarint, number[]][] = [
      [readVarint, [0xff, 0xff, 0xff, 0xff, 0x10]],
      [readVarint, [0x80, 0x80, 0x80, 0x80, 0x80, 0x00]],
      [readVarlong, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]],
      [readVarlong, [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]],
    ]
    for (const [read, bytes] of reads) {
      read(Buffer.from(bytes), 0, bytes.length)
      expect(varintRead.end, bytes.join()).toBe(-1)
    }
  })

  test('a timestamp that is no whole number within 2^53 is not written', () => {
    expect(() => writeVarlong(buffer, 0, 2 ** 53)).toThrow('9007199254740992')
    expect(() => writeVarlong(buffer, 0, 0.5)).toThrow('0.5')
  })
})
