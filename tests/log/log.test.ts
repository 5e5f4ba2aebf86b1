// The log as its users see it: what goes in comes out, segments roll, old ones go, the end can be cut.

import { beforeEach, describe, expect, test } from 'vitest'
import type { Log } from '../../broker/log/log.ts'
import { MemoryStorage } from '../../broker/storage/memory-storage.ts'
import { appendRecords, BASE_MS, makeBatch, openLog, readAll, recordsIn } from './log-world.ts'

let storage: MemoryStorage
let log: Log

beforeEach(() => {
  storage = new MemoryStorage()
  log = openLog(storage, { segmentBytes: 1000, indexIntervalBytes: 200 })
})

function fill(batches: number, perBatch = 3): void {
  for (let i = 0; i < batches; i++) appendRecords(log, perBatch)
}

function valuesFrom(offset: bigint): string[] {
  return readAll(log, offset).map((record) => record.value)
}

function expected(from: number, until: number): string[] {
  return Array.from({ length: until - from }, (_, i) => `v${from + i}`)
}

describe('reading', () => {
  test('an empty log has nothing to read', () => {
    expect(log.endOffset).toBe(0n)
    expect(log.read(0n, 1000, 0n, true)).toBeUndefined()
  })

  test('every offset of many segments is found', () => {
    fill(40)
    expect(log.describeSegments().length).toBeGreaterThan(3)
    for (let offset = 0n; offset < log.endOffset; offset++) {
      expect(readAll(log, offset)[0]).toEqual({ offset, value: `v${offset}` })
    }
    expect(valuesFrom(0n)).toEqual(expected(0, 120))
  })

  test('a read gives whole batches up to the limit, or one where it must', () => {
    fill(5)
    const { batch } = makeBatch(0n, 3)
    expect(log.read(0n, batch.length * 2 + 10, 15n, false)?.buffer.length).toBe(batch.length * 2)
    expect(log.read(0n, 10, 15n, false)).toBeUndefined()
    expect(recordsIn(log.read(4n, 10, 15n, true)?.buffer as Buffer).map((r) => r.offset)).toEqual([
      3n,
      4n,
      5n,
    ])
  })

  test('a read never goes beyond the bound, also within a batch', () => {
    fill(5)
    expect(log.read(0n, 10_000, 7n, true)?.nextOffset).toBe(6n)
    expect(log.read(6n, 10_000, 7n, true)).toBeUndefined()
    expect(log.read(6n, 10_000, 9n, true)?.nextOffset).toBe(9n)
    expect(() => log.read(16n, 10, 99n, true)).toThrow(RangeError)
  })

  test('off the event loop the same bytes come', async () => {
    fill(40)
    const there = log.read(50n, 500, log.endOffset, true)
    expect(await log.readOffThread(50n, 500, log.endOffset, true)).toEqual(there)
  })

  test('the buffer is no slice of a pool', () => {
    fill(1)
    const read = log.read(0n, 10_000, 3n, true)
    expect(read?.buffer.buffer.byteLength).toBe(read?.buffer.length)
  })
})

test('several batches go in with one call', () => {
  const first = makeBatch(0n, 2)
  const second = makeBatch(2n, 5)
  log.appendAll([first.batch, second.batch], [first.head, second.head])
  expect(valuesFrom(0n)).toEqual(expected(0, 7))
})

test('an append at a wrong offset is a bug and changes nothing', () => {
  fill(1)
  const { batch, head } = makeBatch(5n, 1)
  expect(() => log.append(batch, head)).toThrow('batch at offset 5 where 3 comes next')
  expect(log.endOffset).toBe(3n)
})

test('a closed log opens with what it held, indexes as they were written', () => {
  fill(40)
  log.close()
  log = openLog(
    storage,
    { segmentBytes: 1000, indexIntervalBytes: 200 },
    { cleanShutdown: true, recoveryPoint: 120n },
  )
  expect(valuesFrom(0n)).toEqual(expected(0, 120))
  fill(2)
  expect(valuesFrom(118n)).toEqual(expected(118, 126))
})

test('without a clean shutdown it opens with the same', () => {
  fill(40)
  log = openLog(storage, { segmentBytes: 1000, indexIntervalBytes: 200 })
  expect(valuesFrom(0n)).toEqual(expected(0, 120))
  expect(log.durableEndOffset).toBe(0n)
})

test('sync moves the durable end', async () => {
  fill(3)
  expect(log.durableEndOffset).toBe(0n)
  const synced = log.sync()
  fill(1)
  await synced
  expect(log.durableEndOffset).toBeGreaterThanOrEqual(9n)
  await log.sync()
  expect(log.durableEndOffset).toBe(12n)
})

describe('the cursor', () => {
  function drain(fromOffset: bigint, room: number, until = log.endOffset): string[] {
    const target = Buffer.alloc(room)
    const cursor = log.cursor(fromOffset)
    const values: string[] = []
    for (let count = cursor.fill(target, until); count > 0; count = cursor.fill(target, until)) {
      values.push(...recordsIn(target.subarray(0, count)).map((record) => record.value))
    }
    cursor.close()
    return values
  }

  test('reads all segments in order, whatever the room', () => {
    fill(40)
    for (const room of [120, 300, 1000, 5000, 100_000]) expect(drain(0n, room)).toEqual(expected(0, 120))
    expect(drain(61n, 5000)).toEqual(expected(60, 120))
  })

  test('stops at the batch that begins at or above the bound', () => {
    fill(40)
    expect(drain(0n, 5000, 61n)).toEqual(expected(0, 63))
    expect(drain(0n, 5000, 60n)).toEqual(expected(0, 60))
  })

  test('names the room that a batch needs', () => {
    const { batch } = appendRecords(log, 3)
    expect(() => log.cursor(0n).fill(Buffer.alloc(70), 3n)).toThrow(`a batch of ${batch.length} bytes`)
  })

  test('goes on with what was appended since', () => {
    const target = Buffer.alloc(5000)
    const cursor = log.cursor(0n)
    expect(cursor.fill(target, 10n)).toBe(0)
    fill(20)
    expect(cursor.fill(target, 60n)).toBeGreaterThan(0)
    fill(20)
    while (cursor.fill(target, 120n) > 0);
    expect(cursor.nextOffset).toBe(120n)
  })
})

describe('deletion', () => {
  test('whole segments below the bound go, and the log starts later', () => {
    fill(40)
    const second = log.describeSegments()[2]?.baseOffset as bigint
    expect(log.deleteSegmentsBelow(second + 1n)).toBe(2)
    expect(log.logStartOffset).toBe(second)
    expect(valuesFrom(second)).toEqual(expected(Number(second), 120))
    expect(() => log.read(0n, 10, 120n, true)).toThrow(RangeError)
  })

  test('the newest segment stays', () => {
    fill(40)
    log.deleteSegmentsBelow(1000n)
    expect(log.describeSegments().length).toBe(1)
    expect(log.endOffset).toBe(120n)
  })

  test('a pin keeps its segments', () => {
    fill(40)
    const third = log.describeSegments()[2]?.baseOffset as bigint
    const pin = log.pin(third)
    expect(log.deleteSegmentsBelow(1000n)).toBe(2)
    pin.release()
    expect(log.deleteSegmentsBelow(1000n)).toBeGreaterThan(0)
  })

  test('a cursor inside a deleted segment reads it to its end; the file goes when it leaves', () => {
    fill(40)
    const cursor = log.cursor(0n)
    const target = Buffer.alloc(130)
    cursor.fill(target, 120n)
    log.deleteSegmentsBelow(1000n)
    const deleted = () => storage.list('orders-0').filter((entry) => entry.name.endsWith('.deleted'))
    expect(deleted().length).toBeGreaterThan(0)
    expect(cursor.fill(target, 120n)).toBeGreaterThan(0)
    cursor.close()
    expect(deleted()).toEqual([])
  })
})

describe('truncation', () => {
  test.each([119, 60, 61, 62, 1, 0])('to offset %i leaves what is whole below it', (offset) => {
    fill(40)
    const end = log.truncateTo(BigInt(offset))
    expect(end).toBe(BigInt(Math.floor(offset / 3) * 3))
    expect(valuesFrom(0n)).toEqual(expected(0, Number(end)))
    fill(10)
    expect(valuesFrom(0n)).toEqual(expected(0, Number(end) + 30))
  })

  test('fully, and anew at another offset', () => {
    fill(10)
    log.truncateFullyAndStartAt(500n)
    expect([log.logStartOffset, log.endOffset]).toEqual([500n, 500n])
    fill(1)
    expect(valuesFrom(500n)).toEqual(expected(500, 503))
  })
})

describe('timestamps', () => {
  test('every timestamp is found in its record', () => {
    fill(40)
    for (let i = 0; i < 120; i++) {
      expect(log.offsetForTimestamp(BigInt(BASE_MS + i))?.offset).toBe(BigInt(i))
    }
    expect(log.offsetForTimestamp(BigInt(BASE_MS + 120))).toBeUndefined()
    expect(log.offsetForTimestamp(0n)?.offset).toBe(0n)
    expect(log.offsetOfMaxTimestamp()).toEqual({
      offset: 119n,
      timestamp: BigInt(BASE_MS + 119),
      leaderEpoch: 0,
    })
  })

  test('disordered timestamps: the first that is late enough', () => {
    for (const at of [50, 10, 90, 20, 80, 30, 95, 5]) {
      for (let i = 0; i < 5; i++) appendRecords(log, 1, { timestampMs: BASE_MS + at })
    }
    const firstAtOrAfter = (at: number) => log.offsetForTimestamp(BigInt(BASE_MS + at))?.offset
    expect([0, 51, 90, 91, 95].map(firstAtOrAfter)).toEqual([0n, 10n, 10n, 30n, 30n])
    expect(firstAtOrAfter(96)).toBeUndefined()
    expect(log.offsetOfMaxTimestamp()?.offset).toBe(30n)
  })

  test('the largest is one of those that are left, wherever the log starts', () => {
    const times = Array.from({ length: 40 }, (_, i) => ((i * 7919) % 97) + (i < 20 ? 100 : 0))
    for (let i = 0; i < times.length; i += 2) {
      const [first = 0, second = 0] = times.slice(i)
      appendRecords(log, 2, { timestampMs: BASE_MS + first, stepMs: second - first })
    }
    for (let start = 0; start < times.length; start++) {
      log.raiseLogStartOffset(BigInt(start))
      const left = times.slice(start)
      const largest = Math.max(...left)
      expect(log.offsetOfMaxTimestamp(), `start ${start}`).toMatchObject({
        offset: BigInt(start + left.indexOf(largest)),
        timestamp: BigInt(BASE_MS + largest),
      })
    }
    log.raiseLogStartOffset(log.endOffset)
    expect(log.offsetOfMaxTimestamp()).toBeUndefined()
  })
})

describe('aborted transactions', () => {
  const entry = (firstOffset: bigint, lastOffset: bigint) => ({
    producerId: 7n,
    firstOffset,
    lastOffset,
    lastStableOffset: lastOffset + 1n,
  })

  test('are found where they overlap the range', () => {
    fill(40)
    log.addAbortedTransaction(entry(4n, 10n))
    log.addAbortedTransaction(entry(50n, 100n))
    log.addAbortedTransaction(entry(50n, 100n))
    expect(log.abortedTransactions(0n, 4n)).toEqual([])
    expect(log.abortedTransactions(0n, 5n)).toEqual([entry(4n, 10n)])
    expect(log.abortedTransactions(11n, 120n)).toEqual([entry(50n, 100n)])
    expect(log.abortedTransactions(101n, 120n)).toEqual([])
  })
})
