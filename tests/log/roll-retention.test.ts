// When a segment is full and when it may go: the two choosers, as tables.

import { describe, expect, test } from 'vitest'
import type { LogConfig } from '../../broker/log/log-config.ts'
import { retentionBound } from '../../broker/log/retention.ts'
import type { RollQuestion } from '../../broker/log/roll.ts'
import { shouldRoll } from '../../broker/log/roll.ts'
import { FaultyStorage } from '../../broker/storage/faulty-storage.ts'
import { MemoryStorage } from '../../broker/storage/memory-storage.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { Random } from '../world/random.ts'
import { appendRecords, BASE_MS, makeBatch, openLog, readAll } from './log-world.ts'

const limits = { segmentBytes: 1000, segmentMs: 500, segmentIndexBytes: 120 }

function question(overrides: Partial<RollQuestion>): RollQuestion {
  return {
    baseOffset: 100n,
    sizeInBytes: 600,
    offsetIndexEntries: 1,
    timeIndexEntries: 1,
    firstTimestamp: 10_000n,
    createdMs: 0,
    jitterMs: 100,
    appendBytes: 100,
    appendLastOffset: 200n,
    appendMaxTimestamp: 10_000n,
    nowMs: 0,
    ...overrides,
  }
}

describe('a segment rolls', () => {
  test.each<[string, Partial<RollQuestion>, string | undefined]>([
    ['up to its size not', { appendBytes: 400 }, undefined],
    ['beyond its size', { appendBytes: 401 }, 'size'],
    ['never while empty for its size', { sizeInBytes: 0, appendBytes: 5000 }, undefined],
    ['at its age by record time not', { appendMaxTimestamp: 10_400n }, undefined],
    ['beyond its age by record time, jitter taken off', { appendMaxTimestamp: 10_401n }, 'time'],
    [
      'by the clock where records have no time',
      { firstTimestamp: -1n, createdMs: 1000, nowMs: 1401 },
      'time',
    ],
    ['by the clock not before', { firstTimestamp: undefined, createdMs: 1000, nowMs: 1400 }, undefined],
    ['with a full offset index', { offsetIndexEntries: 15 }, 'offset index full'],
    ['with one free time entry left', { timeIndexEntries: 9 }, 'time index full'],
    ['up to 2^31 - 1 offsets not', { appendLastOffset: 100n + 0x7fffffffn }, undefined],
    ['beyond 2^31 - 1 offsets', { appendLastOffset: 100n + 0x80000000n }, 'offset delta'],
    ['also while empty', { sizeInBytes: 0, appendLastOffset: 100n + 0x80000000n }, 'offset delta'],
  ])('%s', (_, overrides, reason) => {
    expect(shouldRoll(question(overrides), limits)).toBe(reason)
  })
})

describe('retention', () => {
  const segments = [0, 1, 2, 3].map((i) => ({
    baseOffset: BigInt(i * 10),
    endOffset: BigInt(i * 10 + 10),
    sizeInBytes: 100,
    maxTimestamp: BigInt(1000 + i * 100),
  }))
  const bound = (
    retentionMs: number,
    retentionBytes: number,
    place: Partial<{ nowMs: number; logStartOffset: bigint; highWatermark: bigint }> = {},
  ) =>
    retentionBound(
      segments,
      { retentionMs, retentionBytes },
      { nowMs: 1500, logStartOffset: 0n, highWatermark: 40n, ...place },
    )

  test('without limits keeps all', () => expect(bound(-1, -1)).toBe(0n))
  test('by age: older than, not as old as', () => {
    expect(bound(500, -1)).toBe(0n)
    expect(bound(499, -1)).toBe(10n)
    expect(bound(300, -1)).toBe(20n)
  })
  test('never the newest', () => expect(bound(0, 0)).toBe(30n))
  test('by size: only what is in excess as a whole', () => {
    expect(bound(-1, 400)).toBe(0n)
    expect(bound(-1, 301)).toBe(0n)
    expect(bound(-1, 300)).toBe(10n)
    expect(bound(-1, 150)).toBe(20n)
  })
  test('what lies below the log start goes', () => expect(bound(-1, -1, { logStartOffset: 25n })).toBe(20n))
  test('nothing above the high watermark', () => expect(bound(0, -1, { highWatermark: 15n })).toBe(10n))
  test('without timestamps age says nothing', () => {
    const undated = segments.map((segment) => ({ ...segment, maxTimestamp: -1n }))
    const place = { nowMs: 1e12, logStartOffset: 0n, highWatermark: 40n }
    expect(retentionBound(undated, { retentionMs: 1, retentionBytes: -1 }, place)).toBe(0n)
  })
})

describe('a log that rolls', () => {
  const config: Partial<LogConfig> = { segmentBytes: 1000, indexIntervalBytes: 200 }

  test('tells where, before the first append to the new segment', () => {
    const rolls: [bigint, bigint][] = []
    const log = openLog(new MemoryStorage(), config, { onRoll: (base) => rolls.push([base, log.endOffset]) })
    for (let i = 0; i < 40; i++) appendRecords(log, 3)
    expect(rolls.map(([base]) => base)).toEqual(
      log
        .describeSegments()
        .slice(1)
        .map(({ baseOffset }) => baseOffset),
    )
    expect(rolls.every(([base, end]) => base === end)).toBe(true)
  })

  test('by the time of its records', () => {
    const log = openLog(new MemoryStorage(), { segmentMs: 1000 })
    for (const at of [0, 1000, 1001, 1500]) appendRecords(log, 1, { timestampMs: BASE_MS + at })
    expect(log.describeSegments().map(({ baseOffset }) => baseOffset)).toEqual([0n, 2n])
  })

  test('each segment draws its own share of the jitter', () => {
    const shares = [0, 0.5, 0.9]
    const config = { segmentMs: 1000, segmentJitterMs: 1000 }
    const log = openLog(new MemoryStorage(), config, { random: () => shares.shift() ?? 0 })
    // The first lasts the whole second, the second half of it, the third a tenth.
    for (const at of [0, 1000, 1001, 1501, 1502, 1602, 1603])
      appendRecords(log, 1, { timestampMs: BASE_MS + at })
    expect(log.describeSegments().map(({ baseOffset }) => baseOffset)).toEqual([0n, 2n, 4n, 6n])
  })

  test('deleted segments wait under another name, and go at a stop at the latest', () => {
    const storage = new MemoryStorage()
    const clock = new ManualClock(BASE_MS)
    const log = openLog(storage, { ...config, fileDeleteDelayMs: 1000 }, { clock })
    const deleted = () => storage.list('orders-0').filter(({ name }) => name.endsWith('.deleted')).length
    for (let i = 0; i < 40; i++) appendRecords(log, 3)
    log.deleteSegmentsBelow(70n)
    const first = deleted()
    expect(first).toBeGreaterThan(2)
    clock.tick(999)
    expect(deleted()).toBe(first)
    clock.tick(1)
    expect(deleted()).toBe(0)
    log.deleteSegmentsBelow(110n)
    expect(deleted()).toBeGreaterThan(0)
    log.close()
    expect(deleted()).toBe(0)
    expect(clock.timersSet).toBe(0)
  })

  test('a failing disk at any step of a roll or an append leaves the log as it was', () => {
    for (const operation of ['open', 'append', 'rename'] as const) {
      let failures = 0
      for (let nth = 1; nth <= 6; nth++) {
        const storage = new FaultyStorage(new Random(nth))
        const log = openLog(storage, config)
        while (log.sizeInBytes < 900) appendRecords(log, 3)
        const end = log.endOffset
        storage.failNext(operation, 'ENOSPC', { nth })
        const { batch, head } = makeBatch(end, 3, { valueBytes: 100 })
        let failed = false
        try {
          log.append(batch, head)
        } catch {
          failed = true
          failures++
          expect(log.endOffset, `${operation} ${nth}`).toBe(end)
        }
        storage.clearFaults()
        if (failed) log.append(batch, head)
        expect(readAll(log).length).toBe(Number(end) + 3)
        expect(readAll(openLog(storage, config)).length).toBe(Number(end) + 3)
      }
      expect(failures, operation).toBeGreaterThan(1)
    }
  })

  test('a failed sync ends syncing for good, and the durable end stays', async () => {
    const storage = new FaultyStorage(new Random(1))
    const log = openLog(storage, config)
    appendRecords(log, 3)
    await log.sync()
    appendRecords(log, 3)
    storage.failNext('sync')
    await expect(log.sync()).rejects.toThrow('EIO')
    await expect(log.sync()).rejects.toThrow('EIO')
    expect(log.durableEndOffset).toBe(3n)
  })

  test('offsets may have gaps where that is allowed, and every read finds its way over them', () => {
    const storage = new MemoryStorage()
    const gapped = { ...config, gapsAllowed: true }
    let log = openLog(storage, gapped)
    for (let base = 0n; base < 400n; base += 10n) {
      const { batch, head } = makeBatch(base, 3)
      log.append(batch, head)
    }
    for (let round = 0; round < 2; round++) {
      for (let offset = 0n; offset < log.endOffset; offset++) {
        const expected = offset % 10n < 3n ? offset : (offset / 10n + 1n) * 10n
        expect(readAll(log, offset)[0]?.offset, `offset ${offset}`).toBe(expected)
        const cursor = log.cursor(offset)
        cursor.fill(Buffer.alloc(200), log.endOffset)
        expect(cursor.nextOffset).toBeGreaterThan(offset)
        cursor.close()
      }
      log.close()
      log = openLog(storage, gapped, { cleanShutdown: round === 0 })
    }
  })
})
