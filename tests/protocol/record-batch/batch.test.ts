import { describe, expect, test } from 'vitest'
import {
  buildBatch,
  buildEndTxnMarker,
  RecordBatchBuilder,
} from '../../../broker/protocol/record-batch/builder.ts'
import {
  controlTypes,
  readControlType,
  readEndTxnMarker,
} from '../../../broker/protocol/record-batch/control.ts'
import { RecordCursor } from '../../../broker/protocol/record-batch/cursor.ts'
import {
  CODECS,
  isCrcValid,
  readBatchHeader,
  stampBatch,
  stampMaxTimestamp,
  stampProducer,
} from '../../../broker/protocol/record-batch/header.ts'
import { type BatchFacts, checkBatch } from '../../../broker/protocol/record-batch/validate.ts'
import { Random, seeds } from '../../world/random.ts'
import { anyTopic, NOW_MS, randomRecords, readRecords, record } from './samples.ts'

describe('what was built is read back', () => {
  test.each(seeds(1, 25))('with every codec, seed %i', (seed) => {
    const random = new Random(seed)
    const records = randomRecords(random, random.between(1, 60))
    for (const codec of CODECS) {
      const batch = buildBatch(records, { codec })
      expect(readRecords(batch), codec).toEqual(records.map((r, i) => ({ ...r, offset: BigInt(i) })))
      const facts: BatchFacts = { maxTimestampMs: 0, offsetDeltaOfMaxTimestamp: 0 }
      expect(checkBatch(batch, 0, batch.length, anyTopic, facts), codec).toBeUndefined()
      const times = records.map((r) => r.timestampMs)
      expect(facts.maxTimestampMs).toBe(Math.max(...times))
      expect(facts.offsetDeltaOfMaxTimestamp).toBe(times.indexOf(Math.max(...times)))
      expect(readBatchHeader(batch, 0).maxTimestamp).toBe(BigInt(Math.max(...times)))
    }
  })

  test('out of the middle of a larger buffer, up to the end of the batch and no further', () => {
    const batch = buildBatch([record('one'), record('two')], { codec: 'none' })
    const within = Buffer.concat([Buffer.alloc(7, 0xff), batch, Buffer.alloc(9, 0x02)])
    expect(readRecords(within, 7).map((r) => r.value?.toString())).toEqual(['one', 'two'])
    expect(checkBatch(within, 7, 7 + batch.length, anyTopic)).toBeUndefined()
  })

  test('when records are handed from a cursor to a builder', () => {
    const random = new Random(7)
    const records = randomRecords(random, 50).map((r) => ({ ...r, headers: [] }))
    const batch = buildBatch(records, { codec: 'gzip' })
    const cursor = new RecordCursor()
    const builder = new RecordBatchBuilder(0)
    cursor.reset(batch, 0)
    while (cursor.next()) {
      const { timestampMs, buffer, keyStart, keyEnd, valueStart, valueEnd } = cursor
      builder.appendFrom(timestampMs, buffer, keyStart, keyEnd, valueStart, valueEnd)
    }
    expect(builder.build().toString('hex')).toBe(buildBatch(records).toString('hex'))
    expect(() => builder.appendFrom(0, batch, 0, batch.length + 1, -1, -1)).toThrow(RangeError)
  })
})

describe('a builder', () => {
  test('knows its size, and is used again without touching what it built', () => {
    const builder = new RecordBatchBuilder(64)
    builder.append(NOW_MS, null, Buffer.alloc(300, 1))
    expect(builder.recordCount).toBe(1)
    const first = builder.build()
    expect(builder.sizeInBytes).toBe(first.length)
    builder.reset()
    expect([builder.recordCount, builder.sizeInBytes]).toEqual([0, 61])
    builder.append(5, Buffer.from('k'), null)
    const second = builder.build()
    expect(readRecords(first)[0]?.value?.equals(Buffer.alloc(300, 1))).toBe(true)
    expect(readRecords(second)).toEqual([
      { offset: 0n, timestampMs: 5, key: Buffer.from('k'), value: null, headers: [] },
    ])
  })

  test('does not build a batch of no records', () => {
    expect(() => new RecordBatchBuilder().build()).toThrow('0 records')
  })

  test('a refused timestamp leaves no half a record behind', () => {
    const builder = new RecordBatchBuilder()
    builder.append(1, null, Buffer.from('a'))
    expect(() => builder.append(0.5, null, Buffer.from('b'))).toThrow()
    builder.append(2, null, Buffer.from('c'))
    expect(readRecords(builder.build()).map((r) => r.value?.toString())).toEqual(['a', 'c'])
  })
})

describe('a stamp', () => {
  test('of the leader changes offset and epoch and leaves the checksum right', () => {
    const batch = buildBatch([record('a'), record('b')])
    stampBatch(batch, 0, 2n ** 40n, 17)
    expect(isCrcValid(batch, 0)).toBe(true)
    expect(readBatchHeader(batch, 0)).toMatchObject({ baseOffset: 2n ** 40n, partitionLeaderEpoch: 17 })
    expect(readRecords(batch).map((r) => r.offset)).toEqual([2n ** 40n, 2n ** 40n + 1n])
  })

  test('of the producer renews the checksum and keeps the codec', () => {
    const batch = buildBatch([record('a')], { codec: 'zstd' })
    stampProducer(batch, 0, { producerId: 9n, producerEpoch: 3, baseSequence: 40, isTransactional: true })
    expect(readBatchHeader(batch, 0)).toMatchObject({
      producerId: 9n,
      producerEpoch: 3,
      baseSequence: 40,
      isTransactional: true,
      codec: 'zstd',
    })
    expect(checkBatch(batch, 0, batch.length, anyTopic)).toBeUndefined()
  })

  test('of the append time is the time of every record', () => {
    const batch = buildBatch([record('a', { timestampMs: 1 }), record('b', { timestampMs: 2 })])
    stampMaxTimestamp(batch, 0, 'LogAppendTime', NOW_MS)
    expect(isCrcValid(batch, 0)).toBe(true)
    expect(readBatchHeader(batch, 0).timestampType).toBe('LogAppendTime')
    expect(readRecords(batch).map((r) => r.timestampMs)).toEqual([NOW_MS, NOW_MS])
    stampMaxTimestamp(batch, 0, 'CreateTime', 2)
    expect(readRecords(batch).map((r) => r.timestampMs)).toEqual([1, 2])
  })

  test('of the max timestamp that is there already changes nothing', () => {
    const batch = buildBatch([record('a')])
    const before = Buffer.from(batch)
    stampMaxTimestamp(batch, 0, 'CreateTime', NOW_MS)
    expect(batch.equals(before)).toBe(true)
  })
})

describe('control batches', () => {
  test.each([true, false])('a marker with commit %s is read back', (isCommit) => {
    const marker = buildEndTxnMarker(5n, 2, isCommit, 44, NOW_MS)
    expect(readEndTxnMarker(marker, 0)).toEqual({ isCommit, coordinatorEpoch: 44 })
    expect(readControlType(marker, 0)).toBe(isCommit ? controlTypes.commit : controlTypes.abort)
  })

  test('data and other control records are no markers', () => {
    const data = buildBatch([record('x')])
    expect(readEndTxnMarker(data, 0)).toBeUndefined()
    expect(readControlType(data, 0)).toBeUndefined()
    const leaderChange = buildBatch([record('', { key: Buffer.from([0, 0, 0, 2]) })], { isControl: true })
    expect(readEndTxnMarker(leaderChange, 0)).toBeUndefined()
    expect(readControlType(leaderChange, 0)).toBe(controlTypes.leaderChange)
  })

  test('short keys and values are corrupt', () => {
    const shortKey = buildBatch([record('', { key: Buffer.from([0, 0, 0]) })], { isControl: true })
    expect(() => readControlType(shortKey, 0)).toThrow('key of 3 bytes')
    const shortValue = buildBatch([record('12345', { key: Buffer.from([0, 0, 0, 1]) })], { isControl: true })
    expect(() => readEndTxnMarker(shortValue, 0)).toThrow('value of 5 bytes')
  })
})
