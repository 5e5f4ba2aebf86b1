import { describe, expect, test } from 'vitest'
import { compress, decompress } from '../../../broker/protocol/record-batch/compression.ts'
import { DecompressionError } from '../../../broker/protocol/record-batch/failures.ts'
import { CODECS } from '../../../broker/protocol/record-batch/header.ts'
import { Random, seeds } from '../../world/random.ts'

const text = Buffer.from(
  Array.from({ length: 40_000 }, (_, i) => `line ${(i * 7919) % 1000} of a text `).join(''),
)

function failureOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof DecompressionError) return error.reason
    throw error
  }
  return 'none'
}

describe.each(CODECS)('%s', (codec) => {
  test('gives back what went in, whatever its size', () => {
    const random = new Random(5)
    for (const length of [0, 1, 100, 32 * 1024, 32 * 1024 + 1, 64 * 1024, 300_000, text.length]) {
      const part = text.subarray(0, length)
      expect(decompress(codec, compress(codec, part), length + 1).equals(part), `${length} of text`).toBe(
        true,
      )
    }
    const noise = random.bytes(100_000)
    expect(decompress(codec, compress(codec, noise), noise.length).equals(noise)).toBe(true)
  })

  test('stops at the cap and not before it', () => {
    const compressed = compress(codec, text)
    expect(decompress(codec, compressed, text.length).length).toBe(text.length)
    expect(failureOf(() => decompress(codec, compressed, text.length - 1))).toBe('too-large')
    expect(failureOf(() => decompress(codec, compressed, 1))).toBe('too-large')
  })
})

describe.each(CODECS.slice(1))('changed %s', (codec) => {
  test.each(seeds(1, 3))('gives no other error and no more than the cap, seed %i', (seed) => {
    const random = new Random(seed)
    const good = compress(codec, text.subarray(0, 5000))
    for (let i = 0; i < 300; i++) {
      const bad = Buffer.from(good.subarray(0, random.chance(0.3) ? random.below(good.length) : good.length))
      for (let n = random.between(1, 4); n > 0 && bad.length > 0; n--)
        bad[random.below(bad.length)] = random.below(256)
      failureOf(() => expect(decompress(codec, bad, 6000).length).toBeLessThanOrEqual(6000))
    }
  })
})

describe('what other writers make', () => {
  test('raw snappy without the frame of the Java library', () => {
    // "abcabcabcabc": size 12, literal "abc", copy of 9 bytes from 3 back.
    const raw = Buffer.from([12, 2 << 2, 0x61, 0x62, 0x63, (5 << 2) | 1, 3])
    expect(decompress('snappy', raw, 100).toString()).toBe('abcabcabcabc')
  })

  test('snappy literals with lengths of one to four bytes', () => {
    for (const lengthBytes of [1, 2, 3, 4]) {
      const head = Buffer.alloc(2 + lengthBytes)
      head[0] = 70
      head[1] = (59 + lengthBytes) << 2
      head.writeUIntLE(69, 2, lengthBytes)
      const raw = Buffer.concat([head, Buffer.alloc(70, 0x61)])
      expect(decompress('snappy', raw, 100).toString(), `${lengthBytes}`).toBe('a'.repeat(70))
    }
  })

  test('zstd that does not declare its size, above a megabyte', () => {
    // Eleven runs of 128 KiB each, as a streaming writer frames them.
    const blocks = Array.from({ length: 11 }, (_, i) => [i === 10 ? 0x03 : 0x02, 0x00, 0x10, 0x62])
    const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x50, ...blocks.flat()])
    expect(decompress('zstd', frame, 2 ** 21).equals(Buffer.alloc(11 * 128 * 1024, 'b'))).toBe(true)
    expect(failureOf(() => decompress('zstd', frame, 2 ** 20))).toBe('too-large')
  })

  test('several zstd frames and a skippable one', () => {
    const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])
    const frames = Buffer.concat([
      compress('zstd', Buffer.from('one ')),
      skippable,
      compress('zstd', Buffer.from('two')),
    ])
    expect(decompress('zstd', frames, 7).toString()).toBe('one two')
    expect(failureOf(() => decompress('zstd', frames, 6))).toBe('too-large')
  })

  test('several gzip members', () => {
    const members = Buffer.concat([
      compress('gzip', Buffer.from('one ')),
      compress('gzip', Buffer.from('two')),
    ])
    expect(decompress('gzip', members, 7).toString()).toBe('one two')
  })

  test('lz4 of dependent blocks is refused, as Kafka refuses it', () => {
    const frame = compress('lz4', text)
    frame[4] = (frame[4] as number) & ~0x20
    expect(failureOf(() => decompress('lz4', frame, text.length))).toBe('corrupt')
  })
})
