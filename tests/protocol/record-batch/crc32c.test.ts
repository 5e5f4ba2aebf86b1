import { createRequire } from 'node:module'
import { describe, expect, test } from 'vitest'
import { crc32c, crc32cPlain } from '../../../broker/protocol/record-batch/crc32c.ts'
import { Random } from '../../world/random.ts'

describe('CRC-32C', () => {
  // RFC 3720, appendix B.4, and the usual check value.
  test.each([
    ['the digits 1 to 9', Buffer.from('123456789'), 0xe3069283],
    ['nothing', Buffer.alloc(0), 0],
    ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
    ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['0 to 31', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
  ])('of %s', (_name, bytes, expected) => {
    expect(crc32cPlain(bytes)).toBe(expected)
    expect(crc32c(bytes)).toBe(expected)
  })

  test('is the same from the native library, at every length and start around the step and the crossover', () => {
    const native = (createRequire(import.meta.url)('@node-rs/crc32') as { crc32c(bytes: Uint8Array): number })
      .crc32c
    const bytes = new Random(1).bytes(2000)
    for (let start = 0; start < 17; start++) {
      for (const length of [0, 1, 15, 16, 17, 31, 33, 100, 383, 384, 385, 1000, 1900]) {
        const expected = native(bytes.subarray(start, start + length))
        expect(crc32cPlain(bytes, start, start + length), `plain ${start}+${length}`).toBe(expected)
        expect(crc32c(bytes, start, start + length), `${start}+${length}`).toBe(expected)
      }
    }
  })

  test('refuses a range outside the buffer', () => {
    expect(() => crc32cPlain(Buffer.alloc(10), 0, 11)).toThrow(RangeError)
    expect(() => crc32c(Buffer.alloc(10), 0, 1000)).toThrow(RangeError)
  })
})
