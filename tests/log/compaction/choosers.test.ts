// What is cleaned, in which pieces, and what a marker is still good for: the choosers as tables.

import { describe, expect, test } from 'vitest'
import { CleanedTransactions } from '../../../broker/log/compaction/cleaned-transactions.ts'
import {
  type CleanableSegment,
  cleanableRange,
  type CompactedLog,
  type CompactionLimits,
  filthiest,
  isCleanable,
} from '../../../broker/log/compaction/cleanable.ts'
import { OffsetMap } from '../../../broker/log/compaction/offset-map.ts'
import { groupSegments } from '../../../broker/log/compaction/segment-groups.ts'
import { controlTypes } from '../../../broker/protocol/record-batch/control.ts'
import { Random } from '../../world/random.ts'

/** Five segments of ten offsets and 100 bytes; record n is from 1000 + n. The newest is the last. */
const segments: CleanableSegment[] = [0, 1, 2, 3, 4].map((i) => ({
  baseOffset: BigInt(i * 10),
  endOffset: BigInt(i * 10 + 10),
  sizeInBytes: 100,
  maxTimestamp: BigInt(1009 + i * 10),
  firstTimestamp: BigInt(1000 + i * 10),
  createdMs: 0,
}))
const log: CompactedLog = { segments, logStartOffset: 0n, stableBound: 50n, cleanOffset: undefined }
const limits: CompactionLimits = {
  minCleanableDirtyRatio: 0.5,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
}

describe('what may be cleaned', () => {
  const range = (
    overLog: Partial<CompactedLog> = {},
    overLimits: Partial<CompactionLimits> = {},
    nowMs = 2000,
    earliestMs: number | undefined = nowMs,
  ) =>
    cleanableRange({ ...log, ...overLog }, { ...limits, ...overLimits }, nowMs, {
      earliestMs,
      latestMs: nowMs,
    })

  test('all but the newest segment, where nothing was cleaned before', () => {
    expect(range()).toEqual({
      firstDirtyOffset: 0n,
      firstUncleanableOffset: 40n,
      cleanableBytes: 400,
      dirtyRatio: 1,
      isOverdue: false,
    })
  })

  test('what is clean counts for the ratio alone', () => {
    expect(range({ cleanOffset: 30n })).toMatchObject({ cleanableBytes: 100, dirtyRatio: 0.25 })
    expect(isCleanable(range({ cleanOffset: 20n }), limits)).toBe(false)
    expect(isCleanable(range({ cleanOffset: 10n }), limits)).toBe(true)
  })

  test('never the segment that holds the last stable offset, nor one above it', () => {
    expect(range({ stableBound: 25n }).firstUncleanableOffset).toBe(20n)
    expect(range({ stableBound: 5n })).toMatchObject({ firstUncleanableOffset: 0n, cleanableBytes: 0 })
  })

  test('a clean offset that the log does not have counts for nothing', () => {
    expect(range({ cleanOffset: 51n }).firstDirtyOffset).toBe(0n)
    expect(range({ cleanOffset: 5n, logStartOffset: 12n }).firstDirtyOffset).toBe(12n)
  })

  test('not what is younger than min.compaction.lag.ms, by the earliest time it may be', () => {
    expect(range({}, { minCompactionLagMs: 975 }).firstUncleanableOffset).toBe(20n)
    expect(range({}, { minCompactionLagMs: 975 }, 2000, 1990).firstUncleanableOffset).toBe(10n)
    expect(
      cleanableRange(log, { ...limits, minCompactionLagMs: 1 }, 2000, {
        earliestMs: undefined,
        latestMs: undefined,
      }).firstUncleanableOffset,
    ).toBe(0n)
  })

  test('where records have no time, the age of the segment counts', () => {
    const undated = segments.map((segment) => ({ ...segment, maxTimestamp: -1n, createdMs: 1900 }))
    expect(range({ segments: undated }, { minCompactionLagMs: 101 }).firstUncleanableOffset).toBe(0n)
    expect(range({ segments: undated }, { minCompactionLagMs: 100 }).firstUncleanableOffset).toBe(40n)
  })

  test('what waits for longer than max.compaction.lag.ms is cleaned whatever the ratio is', () => {
    const overdue = { maxCompactionLagMs: 969 }
    expect(range({ cleanOffset: 30n }, overdue)).toMatchObject({ isOverdue: true, dirtyRatio: 0.25 })
    expect(isCleanable(range({ cleanOffset: 30n }, overdue), { ...limits, ...overdue })).toBe(true)
    expect(range({ cleanOffset: 30n }, { maxCompactionLagMs: 970 }).isOverdue).toBe(false)
    expect(range({ cleanOffset: 40n }, overdue).isOverdue).toBe(false)
  })

  test('the dirtiest goes first', () => {
    const of = (cleanOffset: bigint) => ({ limits, range: range({ cleanOffset }), cleanOffset })
    expect(filthiest([of(10n), of(0n), of(30n)])?.cleanOffset).toBe(0n)
    expect(filthiest([of(30n), of(40n)])).toBeUndefined()
  })
})

describe('segments are cleaned into one', () => {
  const sized = (...sizes: number[]) =>
    sizes.map((sizeInBytes, i) => ({
      baseOffset: BigInt(i * 10),
      endOffset: BigInt(i * 10 + 10),
      sizeInBytes,
      offsetIndexBytes: sizeInBytes / 10,
      timeIndexBytes: sizeInBytes / 10,
    }))
  const sizesOf = (groups: { sizeInBytes: number }[][]) =>
    groups.map((group) => group.map(({ sizeInBytes }) => sizeInBytes))

  test('as long as they fit into one segment', () => {
    const groups = groupSegments(sized(100, 50, 50, 200, 10, 0, 10), {
      segmentBytes: 200,
      segmentIndexBytes: 99,
    })
    expect(sizesOf(groups)).toEqual([[100, 50, 50], [200], [10, 0, 10]])
  })
  test('as long as their indexes do', () => {
    expect(sizesOf(groupSegments(sized(100, 50, 50), { segmentBytes: 200, segmentIndexBytes: 15 }))).toEqual([
      [100, 50],
      [50],
    ])
  })
  test('as long as offsets stay within 2^31 of the base; empty ones have none', () => {
    const far = [
      { ...(sized(10)[0] as ReturnType<typeof sized>[0]) },
      { ...(sized(10)[0] as ReturnType<typeof sized>[0]), baseOffset: 10n, endOffset: 0x80000001n },
    ]
    expect(groupSegments(far, { segmentBytes: 200, segmentIndexBytes: 99 }).length).toBe(2)
    const empty = far.map((segment, i) => (i === 1 ? { ...segment, sizeInBytes: 0 } : segment))
    expect(groupSegments(empty, { segmentBytes: 200, segmentIndexBytes: 99 }).length).toBe(1)
  })
})

describe('transactions that a run walks through', () => {
  const aborted = { producerId: 7n, firstOffset: 10n, lastOffset: 20n, lastStableOffset: 21n }
  const nobody = () => {
    throw new Error('nothing is kept')
  }

  test('aborted data goes, and its marker stays while there was some', () => {
    const kept: unknown[] = []
    const seen = new CleanedTransactions([aborted])
    expect(seen.onData(7n, true, 5n)).toBe(false)
    expect(seen.onControl(7n, controlTypes.commit, 6n, nobody)).toBe(false)
    expect(seen.onData(7n, true, 12n)).toBe(true)
    expect(seen.onData(8n, true, 13n)).toBe(false)
    expect(seen.onData(7n, false, 14n)).toBe(false)
    expect(seen.onControl(7n, controlTypes.abort, 20n, (one) => kept.push(one))).toBe(false)
    expect(kept).toEqual([aborted])
    expect(seen.onData(7n, true, 22n)).toBe(false)
  })
  test('a marker without data may go', () => {
    const seen = new CleanedTransactions([aborted])
    expect(seen.onControl(7n, controlTypes.abort, 20n, nobody)).toBe(true)
    expect(seen.onControl(8n, controlTypes.abort, 21n, nobody)).toBe(true)
    expect(seen.onControl(9n, controlTypes.commit, 22n, nobody)).toBe(true)
    expect(seen.onControl(9n, undefined, 23n, nobody)).toBe(true)
    expect(seen.onControl(9n, controlTypes.leaderChange, 24n, nobody)).toBe(false)
  })
})

describe('the offset map', () => {
  const key = (text: string) => Buffer.from(`..${text}...`)

  test('knows the last offset of every key, whatever keys there are', () => {
    for (const seed of [1, 2, 3]) {
      const random = new Random(seed)
      const map = new OffsetMap(1 << 24, seed)
      const expected = new Map<string, number>()
      for (let offset = 0; offset < 20_000; offset++) {
        const text = `k${random.below(6000)}`.repeat(random.below(3))
        expected.set(text, offset)
        const bytes = key(text)
        map.put(bytes, 2, bytes.length - 3, offset)
      }
      expect(map.size).toBe(expected.size)
      for (const [text, offset] of expected) expect(map.get(key(text), 2, text.length + 2), text).toBe(offset)
      expect(map.get(key('unknown'), 2, 9)).toBe(-1)
    }
  })

  test('is full when its memory is used up, and lets go of nothing', () => {
    const map = new OffsetMap(10_000, 1)
    let count = 0
    for (; !map.isFull; count++) {
      const bytes = key(`key-${count}`)
      map.put(bytes, 2, bytes.length - 3, count)
    }
    expect(map.usedBytes).toBeGreaterThanOrEqual(10_000)
    expect(map.usedBytes).toBeLessThan(10_100)
    expect(count).toBeGreaterThan(150)
    for (let i = 0; i < count; i++) expect(map.get(key(`key-${i}`), 2, `key-${i}`.length + 2)).toBe(i)
  })
})
