// Bytes that someone changed, cut off or made up: always an error code or one of the two named errors,
// never another exception, never more memory than the cap allows.
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { errorCodes } from '../../../broker/protocol/errors.ts'
import { buildBatch } from '../../../broker/protocol/record-batch/builder.ts'
import { compress } from '../../../broker/protocol/record-batch/compression.ts'
import { RecordCursor } from '../../../broker/protocol/record-batch/cursor.ts'
import { CorruptRecordError } from '../../../broker/protocol/record-batch/failures.ts'
import {
  BATCH_OVERHEAD,
  CODECS,
  type Codec,
  LEADER_EPOCH_AT,
  LENGTH_AT,
  MAGIC_AT,
  recomputeCrc,
} from '../../../broker/protocol/record-batch/header.ts'
import { checkBatch } from '../../../broker/protocol/record-batch/validate.ts'
import { Random, seeds } from '../../world/random.ts'
import { anyTopic, randomRecords, record } from './samples.ts'

function someBatch(random: Random): Buffer {
  return buildBatch(randomRecords(random, random.between(1, 8)), { codec: random.pick(CODECS) })
}

/** Drives a cursor to the end; says whether the batch was good. Any error but CorruptRecordError escapes. */
function canRead(batch: Buffer): boolean {
  const cursor = new RecordCursor()
  try {
    cursor.reset(batch, 0)
    while (cursor.next()) cursor.headers()
    return true
  } catch (error) {
    if (error instanceof CorruptRecordError) return false
    throw error
  }
}

describe('changed bytes', () => {
  test.each(seeds(1, 10))('500 of them under the old checksum are all noticed, seed %i', (seed) => {
    const random = new Random(seed)
    for (let i = 0; i < 500; i++) {
      const batch = someBatch(random)
      const at = random.below(batch.length)
      batch[at] = (batch[at] as number) ^ random.between(1, 255)
      const refusal = checkBatch(batch, 0, batch.length, anyTopic)
      // The leader epoch is the broker's to write: it is not covered.
      const isUncovered = at >= LEADER_EPOCH_AT && at < MAGIC_AT
      expect(refusal === undefined, `round ${i}, byte ${at}`).toBe(isUncovered)
      canRead(batch)
    }
  })

  test.each(seeds(11, 20))(
    '500 of them under a right checksum never throw, and what passes can be read, seed %i',
    (seed) => {
      const random = new Random(seed)
      let passed = 0
      for (let i = 0; i < 500; i++) {
        const batch = someBatch(random)
        for (let changes = random.between(1, 3); changes > 0; changes--) {
          const at = random.between(MAGIC_AT + 1, batch.length - 1)
          batch[at] = random.chance(0.5) ? random.below(256) : (batch[at] as number) ^ (1 << random.below(8))
        }
        recomputeCrc(batch, 0)
        const refusal = checkBatch(batch, 0, batch.length, anyTopic)
        const wasRead = canRead(batch)
        if (refusal === undefined) {
          passed++
          expect(wasRead, `round ${i}`).toBe(true)
        }
      }
      // A changed byte of a value is no fault of the format: were none to pass, nothing would be shown.
      expect(passed).toBeGreaterThan(0)
    },
  )

  test.each(seeds(21, 24))('bytes that are nothing at all, seed %i', (seed) => {
    const random = new Random(seed)
    for (let i = 0; i < 250; i++) {
      const bytes = random.bytes(random.below(200))
      expect(checkBatch(bytes, 0, bytes.length, anyTopic)).toBeDefined()
      canRead(bytes)
    }
  })
})

describe('cut off', () => {
  test.each(CODECS)('at every byte, with its own length or the shorter one: %s', (codec) => {
    const batch = buildBatch(randomRecords(new Random(3), 5), { codec })
    for (let length = 0; length < batch.length; length++) {
      const cut = Buffer.from(batch.subarray(0, length))
      expect(checkBatch(cut, 0, length, anyTopic), `${length} bytes`).toBeDefined()
      expect(canRead(cut)).toBe(false)
      if (length < BATCH_OVERHEAD) continue
      cut.writeInt32BE(length - 12, LENGTH_AT)
      recomputeCrc(cut, 0)
      expect(checkBatch(cut, 0, length, anyTopic), `${length} bytes, length made right`).toBeDefined()
      expect(canRead(cut)).toBe(false)
    }
  })
})

/** A batch whose records are `payload`, compressed already. */
function withPayload(codec: Codec, payload: Buffer): Buffer {
  const batch = Buffer.concat([buildBatch([record('x')]).subarray(0, BATCH_OVERHEAD), payload])
  batch.writeInt16BE(CODECS.indexOf(codec), 21)
  batch.writeInt32BE(batch.length - 12, LENGTH_AT)
  recomputeCrc(batch, 0)
  return batch
}

describe('bombs', () => {
  const capped = { ...anyTopic, maxDecompressedBytes: 1024 * 1024 }
  const zeros = Buffer.alloc(8 * 1024 * 1024)

  /** A frame without content size, of runs of 128 KiB: four bytes each. */
  function zstdRuns(runs: number): Buffer {
    const head = Buffer.from('28b52ffd0050', 'hex')
    const blocks = Array.from({ length: runs }, (_, i) => {
      const word = ((128 * 1024) << 3) | (1 << 1) | (i === runs - 1 ? 1 : 0)
      return Buffer.from([word & 0xff, (word >>> 8) & 0xff, word >>> 16, 0x61])
    })
    return Buffer.concat([head, ...blocks])
  }

  function lz4WithContentSize(size: bigint): Buffer {
    const frame = Buffer.from('04224d1868400000000000000000aa00000000', 'hex')
    frame.writeBigUInt64LE(size, 6)
    return frame
  }

  test.each<[string, Codec, () => Buffer]>([
    ['gzip of zeros', 'gzip', () => gzipSync(zeros)],
    ['snappy of zeros', 'snappy', () => compress('snappy', zeros)],
    ['lz4 of zeros', 'lz4', () => compress('lz4', zeros)],
    ['zstd of zeros', 'zstd', () => compress('zstd', zeros)],
    ['zstd of 256 MiB in 8 KB that does not say so', 'zstd', () => zstdRuns(2048)],
    ['lz4 that says it is 2^60 bytes', 'lz4', () => lz4WithContentSize(2n ** 60n)],
    ['zstd that says it is 2^40 bytes', 'zstd', () => Buffer.from('28b52ffde00000000000010000010000', 'hex')],
  ])('%s: MESSAGE_TOO_LARGE', (_name, codec, payload) => {
    const batch = withPayload(codec, payload())
    expect(checkBatch(batch, 0, batch.length, capped)?.errorCode).toBe(errorCodes.MESSAGE_TOO_LARGE)
  })

  test.each<[string, Codec, Buffer]>([
    ['raw snappy that says 4 GiB', 'snappy', Buffer.from('ffffffff0f0061', 'hex')],
    ['raw snappy that says less than it gives', 'snappy', Buffer.from('010461620000', 'hex')],
    ['garbage as gzip', 'gzip', Buffer.alloc(100, 7)],
    ['garbage as snappy', 'snappy', Buffer.alloc(100, 0xff)],
    ['garbage as lz4', 'lz4', Buffer.alloc(100, 7)],
    ['garbage as zstd', 'zstd', Buffer.alloc(100, 7)],
    [
      'two lz4 frames, of which Kafka reads one',
      'lz4',
      Buffer.concat([compress('lz4', zeros.subarray(0, 9)), compress('lz4', zeros.subarray(0, 9))]),
    ],
  ])('%s: CORRUPT_MESSAGE', (_name, codec, payload) => {
    const batch = withPayload(codec, payload)
    expect(checkBatch(batch, 0, batch.length, capped)?.errorCode).toBe(errorCodes.CORRUPT_MESSAGE)
  })

  test('nothing compressed to nothing holds no record', () => {
    for (const codec of CODECS) {
      const payload = codec === 'none' ? Buffer.alloc(0) : compress(codec, Buffer.alloc(0))
      const batch = withPayload(codec, payload)
      expect(checkBatch(batch, 0, batch.length, capped)?.errorCode, codec).toBe(errorCodes.INVALID_RECORD)
    }
  })
})
