// The cursor has a quick way for plain records and another for all: both must say the same. The oracle here
// is a third reader, written for clarity, that knows neither.

import { describe, expect, test } from 'vitest'
import { buildBatch, type RecordInput } from '../../../broker/protocol/record-batch/builder.ts'
import { RecordCursor } from '../../../broker/protocol/record-batch/cursor.ts'
import { CorruptRecordError } from '../../../broker/protocol/record-batch/failures.ts'
import { BATCH_OVERHEAD } from '../../../broker/protocol/record-batch/header.ts'
import { Random, seeds } from '../../world/random.ts'

interface Plain {
  timestampMs: number
  offsetDelta: number
  key: string | null
  value: string | null
  headers: number
}

/** The records by the book, or 'corrupt'. */
function byTheBook(batch: Buffer): Plain[] | 'corrupt' {
  let at = BATCH_OVERHEAD
  const varint = (limit: number, bytes: number): bigint => {
    let value = 0n
    for (let i = 0; ; i++) {
      if (i === bytes || at >= limit) throw new RangeError('varint')
      const byte = BigInt(batch[at++] as number)
      value |= (byte & 0x7fn) << BigInt(7 * i)
      if (byte < 0x80n) break
    }
    if (value >> BigInt(bytes === 5 ? 32 : 64) !== 0n) throw new RangeError('varint')
    return (value >> 1n) ^ -(value & 1n)
  }
  const field = (limit: number): string | null => {
    const length = Number(varint(limit, 5))
    if (length < 0) return null
    if (length > limit - at) throw new RangeError('field')
    return batch.toString('hex', at, (at += length))
  }
  try {
    const baseTimestamp = Number(batch.readBigInt64BE(27))
    const lastOffsetDelta = batch.readInt32BE(23)
    const records: Plain[] = []
    let before = -1
    for (let left = batch.readInt32BE(57); left > 0; left--) {
      const size = Number(varint(batch.length, 5))
      const end = at + size
      if (size < 0 || end > batch.length) throw new RangeError('size')
      at++
      const timestampMs = baseTimestamp + Number(varint(end, 10))
      const offsetDelta = Number(varint(end, 5))
      if (offsetDelta <= before || offsetDelta > lastOffsetDelta) throw new RangeError('offset delta')
      before = offsetDelta
      const key = field(end)
      const value = field(end)
      const headers = Number(varint(end, 5))
      if (headers < 0 || headers > (end - at) / 2 || (headers === 0 && at !== end))
        throw new RangeError('headers')
      records.push({ timestampMs, offsetDelta, key, value, headers })
      at = end
    }
    return at === batch.length ? records : 'corrupt'
  } catch (error) {
    if (error instanceof RangeError) return 'corrupt'
    throw error
  }
}

function byCursor(batch: Buffer): Plain[] | 'corrupt' {
  const cursor = new RecordCursor()
  const hex = (start: number, end: number) => (start < 0 ? null : cursor.buffer.toString('hex', start, end))
  try {
    const records: Plain[] = []
    cursor.reset(batch, 0)
    while (cursor.next()) {
      const { timestampMs, offsetDelta, headerCount: headers } = cursor
      const key = hex(cursor.keyStart, cursor.keyEnd)
      const value = hex(cursor.valueStart, cursor.valueEnd)
      records.push({ timestampMs, offsetDelta, key, value, headers })
    }
    return records
  } catch (error) {
    if (error instanceof CorruptRecordError) return 'corrupt'
    throw error
  }
}

/** Where the encoding of a length or a delta gets longer, and one to either side. */
const EDGES = [0, 1, 62, 63, 64, 65, 127, 128, 8190, 8191, 8192, 8193]

const bytes = (length: number): Buffer => Buffer.alloc(length, 'x')

describe('a record is read as the format says', () => {
  test('at every edge of keys, values and times', () => {
    const records: RecordInput[] = []
    for (const length of EDGES) {
      for (const timestampMs of [1_000_000, 1_000_063, 1_000_064, 991_809, 1_008_191, 1_008_192, 5]) {
        records.push({ timestampMs, key: null, value: bytes(length) })
        records.push({ timestampMs, key: bytes(length), value: bytes(3) })
        records.push({ timestampMs, key: bytes(length), value: null })
        records.push({ timestampMs, key: null, value: bytes(length), headers: [{ key: 'k', value: null }] })
      }
    }
    const batch = buildBatch(records)
    const read = byCursor(batch)
    expect(read).toEqual(byTheBook(batch))
    expect(read).toHaveLength(records.length)
  })

  test('with offset deltas of one, two and three bytes', () => {
    const batch = buildBatch(
      Array.from({ length: 9000 }, () => ({ timestampMs: 7, key: null, value: bytes(1) })),
    )
    expect(byCursor(batch)).toEqual(byTheBook(batch))
  })

  test('whatever byte of it is another one', () => {
    let refused = 0
    let accepted = 0
    for (const seed of seeds(1, 20)) {
      const random = new Random(seed)
      const records = Array.from({ length: 6 }, () => ({
        timestampMs: 1000 + random.below(200),
        key: random.below(2) === 0 ? null : bytes(random.below(70)),
        value: random.below(6) === 0 ? null : bytes(random.below(140)),
        ...(random.below(5) === 0 ? { headers: [{ key: 'h', value: bytes(2) }] } : {}),
      }))
      const batch = buildBatch(records)
      for (let at = BATCH_OVERHEAD; at < batch.length; at++) {
        const changed = Buffer.from(batch)
        changed[at] = random.below(256)
        const read = byCursor(changed)
        expect(read, `seed ${seed}, byte ${at} set to ${changed[at]}`).toEqual(byTheBook(changed))
        if (read === 'corrupt') refused++
        else accepted++
      }
    }
    expect(refused).toBeGreaterThan(500)
    expect(accepted).toBeGreaterThan(500)
  })
})
