// Kafka's rules for a produced batch, each with a batch that breaks this rule alone.
import { describe, expect, test } from 'vitest'
import { errorCodes } from '../../../broker/protocol/errors.ts'
import { buildBatch, buildEndTxnMarker } from '../../../broker/protocol/record-batch/builder.ts'
import {
  ATTRIBUTES_AT,
  BASE_SEQUENCE_AT,
  CODECS,
  LAST_OFFSET_DELTA_AT,
  LENGTH_AT,
  LOG_APPEND_TIME_BIT,
  MAGIC_AT,
  PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT,
  RECORD_COUNT_AT,
  recomputeCrc,
} from '../../../broker/protocol/record-batch/header.ts'
import {
  type BatchFacts,
  type CheckOptions,
  checkBatch,
  splitBatches,
} from '../../../broker/protocol/record-batch/validate.ts'
import { anyTopic, NOW_MS, record } from './samples.ts'

const abc = [record('a'), record('b'), record('c')]

function check(batch: Buffer, options: Partial<CheckOptions> = {}) {
  return checkBatch(batch, 0, batch.length, { ...anyTopic, ...options })
}

/** A good batch with one thing changed and the checksum made right again. */
function changed(change: (batch: Buffer) => void, batch = buildBatch(abc)): Buffer {
  change(batch)
  recomputeCrc(batch, 0)
  return batch
}

describe('exactly one batch of format v2', () => {
  test('a good one passes, with every codec', () => {
    for (const codec of CODECS) expect(check(buildBatch(abc, { codec })), codec).toBeUndefined()
  })

  test('none at all', () => {
    expect(check(Buffer.alloc(0))?.errorCode).toBe(errorCodes.INVALID_RECORD)
  })

  test('two of them', () => {
    const two = Buffer.concat([buildBatch(abc), buildBatch(abc)])
    expect(check(two)).toMatchObject({
      errorCode: errorCodes.INVALID_RECORD,
      message: 'exactly one record batch is needed, there are more',
    })
  })

  test('something behind it', () => {
    for (const length of [1, 12, 17, 100]) {
      const trailed = Buffer.concat([buildBatch(abc), Buffer.alloc(length)])
      expect(check(trailed)?.errorCode, `${length} bytes`).toBe(errorCodes.CORRUPT_MESSAGE)
    }
  })

  test('a length that is not that of the bytes', () => {
    const length = buildBatch(abc).length - 12
    const wrong = (value: number) => changed((batch) => batch.writeInt32BE(value, LENGTH_AT), undefined)
    const withLength = (value: number) => {
      const batch = buildBatch(abc)
      batch.writeInt32BE(value, LENGTH_AT)
      return check(batch)?.errorCode
    }
    expect(withLength(length + 1)).toBe(errorCodes.INVALID_RECORD)
    expect(withLength(2 ** 31 - 1)).toBe(errorCodes.INVALID_RECORD)
    for (const value of [-(2 ** 31), -1, 0, 13, 48])
      expect(withLength(value)).toBe(errorCodes.CORRUPT_MESSAGE)
    expect(check(wrong(length - 1))?.errorCode).toBe(errorCodes.CORRUPT_MESSAGE)
  })

  test('other magics', () => {
    const withMagic = (magic: number) =>
      check(changed((batch) => batch.writeInt8(magic, MAGIC_AT)))?.errorCode
    expect([0, 1].map(withMagic)).toEqual([87, 87])
    expect([3, -1].map(withMagic)).toEqual([2, 2])
  })

  test('a codec that does not exist', () => {
    expect(check(changed((batch) => batch.writeInt16BE(5, ATTRIBUTES_AT)))?.errorCode).toBe(76)
  })

  test('more than max.message.bytes, as it is stored', () => {
    const zeros = [record('', { value: Buffer.alloc(100_000) })]
    expect(check(buildBatch(zeros), { maxMessageBytes: 100_000 })?.errorCode).toBe(10)
    expect(check(buildBatch(zeros, { codec: 'zstd' }), { maxMessageBytes: 100_000 })).toBeUndefined()
  })

  test('a base offset other than 0 from a producer', () => {
    const batch = buildBatch(abc, { baseOffset: 1n })
    expect(check(batch)?.errorCode).toBe(87)
    expect(check(batch, { fromClient: false })).toBeUndefined()
  })
})

describe('the head', () => {
  test('count and last offset delta belong together', () => {
    const withCounts = (count: number, delta: number) =>
      check(
        changed((batch) => {
          batch.writeInt32BE(count, RECORD_COUNT_AT)
          batch.writeInt32BE(delta, LAST_OFFSET_DELTA_AT)
        }),
      )?.errorCode
    expect(withCounts(3, 3)).toBe(87)
    expect(withCounts(0, -1)).toBe(87)
    expect(withCounts(-1, -2)).toBe(87)
    expect(withCounts(-(2 ** 31), 2 ** 31 - 1)).toBe(87)
    // Right in the head, but not what the records are.
    expect(withCounts(4, 3)).toBe(87)
    expect(withCounts(2, 1)).toBe(87)
    expect(withCounts(2 ** 31 - 1, 2 ** 31 - 2)).toBe(87)
    expect(withCounts(3, 2)).toBeUndefined()
  })

  test('control records are not for producers', () => {
    const marker = buildEndTxnMarker(1n, 0, true, 0, NOW_MS)
    expect(check(marker)?.errorCode).toBe(87)
    expect(check(marker, { fromClient: false })).toBeUndefined()
  })

  test('a producer id comes with an epoch and a sequence, a transaction with a producer id', () => {
    const producer = { producerId: 5n, producerEpoch: 0, baseSequence: 0 }
    expect(check(buildBatch(abc, { ...producer, isTransactional: true }))).toBeUndefined()
    expect(check(buildBatch(abc, { ...producer, baseSequence: -1 }))?.errorCode).toBe(87)
    expect(check(buildBatch(abc, { ...producer, producerEpoch: -1 }))?.errorCode).toBe(87)
    expect(check(buildBatch(abc, { ...producer, producerId: -2n }))?.errorCode).toBe(87)
    expect(check(buildBatch(abc, { isTransactional: true }))?.errorCode).toBe(87)
  })

  test('the positions that these tests change are the right ones', () => {
    const batch = buildBatch(abc, { producerId: 77n, producerEpoch: 78, baseSequence: 79 })
    expect([
      batch.readBigInt64BE(PRODUCER_ID_AT),
      batch.readInt16BE(PRODUCER_EPOCH_AT),
      batch.readInt32BE(BASE_SEQUENCE_AT),
    ]).toEqual([77n, 78, 79])
  })
})

describe('the records', () => {
  // Record of one byte: length 14 (0x0e), attributes, time, offset, key -1 (0x01), value length 2, value, headers.
  const first = 61
  test.each<[string, number, number]>([
    ['offset deltas out of order', first + 8 + 3, 0x00],
    ['an offset delta beyond the last', first + 8 + 3, 0x06],
    ['a negative record length', first, 0x01],
    ['a record length that is one too small', first, 0x0c],
    ['a record length that is one too large', first, 0x10],
    ['a record length beyond the batch', first, 0x7e],
    ['a key longer than its record', first + 4, 0x7e],
    ['a value longer than its record', first + 5, 0x7e],
    ['a negative number of headers', first + 7, 0x01],
    ['headers that are not there', first + 7, 0x02],
  ])('%s', (_name, at, byte) => {
    const batch = changed((good) => {
      expect(good[at]).not.toBe(byte)
      good[at] = byte
    })
    expect(check(batch)?.errorCode).toBe(87)
    expect(check(batch, { depth: 'header' })).toBeUndefined()
  })

  test('malformed headers', () => {
    const withHeader = () => buildBatch([record('v', { headers: [{ key: 'k', value: Buffer.from('w') }] })])
    expect(check(withHeader())).toBeUndefined()
    for (const [at, byte] of [
      [-4, 0x01],
      [-4, 0x7e],
      [-2, 0x7e],
      [-2, 0x00],
    ] as const) {
      const batch = changed((good) => good.writeUInt8(byte, good.length + at), withHeader())
      expect(check(batch)?.errorCode, `${at}: ${byte}`).toBe(87)
    }
  })

  test('null keys on a compacted topic are refused by name, compressed or not', () => {
    const records = [
      record('a', { key: Buffer.from('k') }),
      record('b'),
      record('c', { key: Buffer.alloc(0) }),
      record('d'),
    ]
    for (const codec of CODECS) {
      const refusal = check(buildBatch(records, { codec }), { isCompacted: true })
      expect(refusal?.errorCode).toBe(87)
      expect(refusal?.recordErrors.map((error) => error.batchIndex)).toEqual([1, 3])
      expect(check(buildBatch(records, { codec }))).toBeUndefined()
    }
  })

  test('many bad records are not all named', () => {
    const records = Array.from({ length: 5000 }, () => record('v'))
    expect(check(buildBatch(records), { isCompacted: true })?.recordErrors.length).toBe(1000)
  })
})

describe('timestamps', () => {
  const hour = 3_600_000
  const limits = { timestampBeforeMaxMs: hour, timestampAfterMaxMs: 10 }
  const at = (...times: number[]) => buildBatch(times.map((timestampMs) => record('v', { timestampMs })))

  test('within the limits, at them, or none at all', () => {
    expect(check(at(NOW_MS - hour, NOW_MS, NOW_MS + 10, -1), limits)).toBeUndefined()
  })

  test('beyond the limits', () => {
    const refusal = check(at(NOW_MS, NOW_MS - hour - 1, NOW_MS + 11), limits)
    expect(refusal?.errorCode).toBe(errorCodes.INVALID_TIMESTAMP)
    expect(refusal?.recordErrors.map((error) => error.batchIndex)).toEqual([1, 2])
    expect(check(at(NOW_MS, NOW_MS + 11), { ...limits, depth: 'header' })?.errorCode).toBe(32)
  })

  test('do not matter where the broker stamps them, nor in batches of its own', () => {
    const facts: BatchFacts = { maxTimestampMs: 0, offsetDeltaOfMaxTimestamp: -1 }
    const batch = at(1, NOW_MS * 2)
    const stamped: CheckOptions = { ...anyTopic, ...limits, timestampType: 'LogAppendTime' }
    expect(checkBatch(batch, 0, batch.length, stamped, facts)).toBeUndefined()
    expect(facts).toMatchObject({ maxTimestampMs: NOW_MS, offsetDeltaOfMaxTimestamp: 0 })
    expect(check(batch, { ...limits, fromClient: false })).toBeUndefined()
  })

  test('of the type LogAppendTime are the broker’s to set', () => {
    const batch = changed((good) => good.writeInt16BE(LOG_APPEND_TIME_BIT, ATTRIBUTES_AT))
    expect(check(batch)?.errorCode).toBe(32)
    expect(check(batch, { fromClient: false })).toBeUndefined()
  })

  test('a head that lies about the largest one is found out', () => {
    const batch = at(5, 9, 9, 7)
    batch.writeBigInt64BE(1n, 35)
    recomputeCrc(batch, 0)
    const facts: BatchFacts = { maxTimestampMs: 0, offsetDeltaOfMaxTimestamp: 0 }
    expect(checkBatch(batch, 0, batch.length, anyTopic, facts)).toBeUndefined()
    expect(facts).toMatchObject({ maxTimestampMs: 9, offsetDeltaOfMaxTimestamp: 1 })
  })
})

describe('splitting', () => {
  test('gives the start of every whole batch and leaves out the one cut off', () => {
    const one = buildBatch(abc)
    const all = Buffer.concat([Buffer.alloc(3), one, one, one])
    expect(splitBatches(all, 3, all.length)).toEqual([3, 3 + one.length, 3 + 2 * one.length])
    expect(splitBatches(all, 3, all.length - 1)).toEqual([3, 3 + one.length])
    expect(splitBatches(all, 3, 3 + one.length + 5)).toEqual([3])
  })

  test('stops at a length that no batch has', () => {
    expect(() => splitBatches(Buffer.alloc(100), 0, 100)).toThrow('size 12')
  })
})
