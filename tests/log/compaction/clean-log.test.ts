// A run of the cleaner over one log: what is left, what readers keep, and what a disk that fails or loses power at
// any of its operations leaves.

import { describe, expect, test } from 'vitest'
import { CleaningStopped } from '../../../broker/log/compaction/walk-segment.ts'
import { OffsetMap } from '../../../broker/log/compaction/offset-map.ts'
import { segmentOfFileName } from '../../../broker/log/names.ts'
import { SegmentIndex } from '../../../broker/log/segment-index.ts'
import { scanBatches } from '../../../broker/log/batch-scan.ts'
import { FaultyStorage } from '../../../broker/storage/faulty-storage.ts'
import { MemoryStorage } from '../../../broker/storage/memory-storage.ts'
import {
  CorruptLogError,
  type Storage,
  StorageError,
  type StorageFile,
} from '../../../broker/storage/storage.ts'
import { Random, seeds } from '../../world/random.ts'
import {
  atOnce,
  clean,
  compacted,
  CONFIG,
  fillKeyed,
  openKeyed,
  recordsIn,
  recordsOf,
} from './clean-world.ts'

const filesOf = (storage: Storage): string[] => storage.list('orders-0').map(({ name }) => name)
const unfinished = (storage: Storage): string[] =>
  filesOf(storage).filter((name) => /cleaned|swap/.test(name))

describe('a run', () => {
  test('leaves the last record of each key, in fewer segments, and the next start finds it so', async () => {
    const storage = new MemoryStorage()
    const log = openKeyed(storage)
    fillKeyed(log, 100)
    const before = recordsOf(log)
    const segments = log.describeSegments()
    const until = segments.at(-1)?.baseOffset as bigint
    expect(segments.length).toBeGreaterThan(8)
    const result = await clean(log)
    expect(result.cleanOffset).toBe(until)
    expect(result.bytesAfter).toBeLessThan(result.bytesBefore / 3)
    const expected = compacted(before, until)
    expect(recordsOf(log)).toEqual(expected)
    expect(log.endOffset).toBe(200n)
    for (let offset = 0n; offset < log.endOffset; offset++) {
      const from = expected.filter((text) => BigInt(text.split(' ')[0] as string) >= offset)
      expect(recordsOf(log, offset), `from ${offset}`).toEqual(from)
    }
    log.close()
    for (const cleanShutdown of [true, false]) {
      const again = openKeyed(storage, { cleanShutdown, recoveryPoint: until })
      expect(recordsOf(again)).toEqual(expected)
      fillKeyed(again, 1)
      expect(again.endOffset).toBe(cleanShutdown ? 202n : 204n)
      expected.push(...recordsOf(again).slice(-2))
      again.close()
    }
  })

  test('writes the indexes that Kafka would: an entry an interval, named by the last offset of its batch', async () => {
    const storage = new MemoryStorage()
    const log = openKeyed(storage)
    fillKeyed(log, 60, 100)
    await clean(log)
    const bases = filesOf(storage).flatMap((name) =>
      name.endsWith('.log') ? [segmentOfFileName(name)?.baseOffset as bigint] : [],
    )
    for (const base of bases.slice(0, -1)) {
      const stem = `orders-0/${base.toString().padStart(20, '0')}`
      const expected = new SegmentIndex(base)
      const file = storage.open(`${stem}.log`)
      scanBatches(
        { file, from: 0, expectedOffset: base, gapsAllowed: true, checkCrc: true },
        (buffer, at, position) => expected.addBatch(buffer, at, position, CONFIG.indexIntervalBytes),
      )
      expected.finish()
      expect(expected.offsets.entryCount).toBeGreaterThan(0)
      expect(storage.readFile(`${stem}.index`)).toEqual(expected.offsets.encode())
      expect(storage.readFile(`${stem}.timeindex`)).toEqual(expected.times.encode())
    }
  })

  test('that changes nothing replaces nothing', async () => {
    const storage = new MemoryStorage()
    const log = openKeyed(storage)
    fillKeyed(log, 30, 1000)
    const [first] = log.segmentsBelow(1000n)
    const bounds = { firstUncleanableOffset: first?.nextOffset as bigint }
    await clean(log, bounds)
    expect(log.segmentsBelow(1000n)[0]).toBe(first)
    expect(unfinished(storage)).toEqual([])
  })

  test('goes as far as the map has room for keys, and a batch at least', async () => {
    const log = openKeyed(new MemoryStorage())
    fillKeyed(log, 100, 1000)
    const end = log.describeSegments().at(-1)?.baseOffset as bigint
    const before = recordsOf(log)
    let firstDirtyOffset = 0n
    for (let runs = 0; firstDirtyOffset < end; runs++) {
      const { cleanOffset } = await clean(log, { firstDirtyOffset, map: new OffsetMap(500, runs) })
      expect(cleanOffset).toBeGreaterThan(firstDirtyOffset)
      firstDirtyOffset = cleanOffset
    }
    expect(recordsOf(log)).toEqual(before)
  })

  test('that is stopped, or finds other segments than it began with, leaves the log as it was', async () => {
    for (const disturb of ['stop', 'delete'] as const) {
      const storage = new MemoryStorage()
      const log = openKeyed(storage)
      fillKeyed(log, 100)
      const next = async (): Promise<void> => {
        // The new segment is being written.
        if (unfinished(storage).length === 0) return
        if (disturb === 'stop') throw new CleaningStopped('enough')
        log.deleteSegmentsBelow(30n)
      }
      await expect(clean(log, { pace: { ...atOnce, next } })).rejects.toBeInstanceOf(CleaningStopped)
      expect(unfinished(storage)).toEqual([])
      const from = log.logStartOffset
      expect(recordsOf(log).length).toBe(Number(200n - from))
    }
  })

  test('over damaged bytes names the place, and changes nothing', async () => {
    const storage = new MemoryStorage()
    const log = openKeyed(storage)
    fillKeyed(log, 100)
    const before = recordsOf(log)
    const file = storage.open('orders-0/00000000000000000000.log')
    const byte = Buffer.alloc(1)
    file.read(byte, 0, 1, 300)
    file.writeAt(Buffer.from([(byte[0] as number) ^ 1]), 300)
    await expect(clean(log)).rejects.toBeInstanceOf(CorruptLogError)
    file.writeAt(byte, 300)
    expect(recordsOf(log)).toEqual(before)
    expect(unfinished(storage)).toEqual([])
  })
})

describe('readers', () => {
  test('a cursor goes on where it is: through what it holds, then through what took the place of the rest', async () => {
    for (let reads = 0; reads < 20; reads++) {
      const log = openKeyed(new MemoryStorage())
      fillKeyed(log, 100)
      const before = recordsOf(log)
      const cursor = log.cursor(0n)
      const seen: string[] = []
      const block = Buffer.alloc(400)
      const fill = (): boolean => {
        const filled = cursor.fill(block, log.endOffset)
        seen.push(...recordsIn(block.subarray(0, filled)))
        return filled > 0
      }
      for (let i = 0; i < reads; i++) fill()
      const held = log.segmentAt(cursor.nextOffset)?.nextOffset ?? 0n
      const until = log.describeSegments().at(-1)?.baseOffset as bigint
      await clean(log)
      while (fill());
      cursor.close()
      const after = new Set(compacted(before, until))
      // All that is left was seen, in order, once; of the rest only what the cursor held.
      expect(seen.filter((text) => after.has(text))).toEqual([...after])
      expect(seen.filter((text) => !after.has(text) && BigInt(text.split(' ')[0] as string) >= held)).toEqual(
        [],
      )
      expect(new Set(seen).size).toBe(seen.length)
    }
  })

  test('a fetch that is under way gets what was there when it began', async () => {
    const log = openKeyed(new MemoryStorage())
    fillKeyed(log, 100)
    const expected = log.read(20n, 400, 200n, true)
    const reading = log.readOffThread(20n, 400, 200n, true)
    await clean(log)
    expect((await reading)?.nextOffset).toBe(expected?.nextOffset)
  })

  test('a topic that is compacted no more keeps its gaps, also over a restart', async () => {
    const storage = new MemoryStorage()
    const log = openKeyed(storage)
    fillKeyed(log, 100)
    await clean(log)
    const expected = recordsOf(log)
    log.config = { ...log.config, gapsAllowed: false }
    expect(recordsOf(log)).toEqual(expected)
    log.close()
    for (const cleanShutdown of [true, false]) {
      const again = openKeyed(storage, { cleanShutdown, mayHaveGaps: true })
      expect(recordsOf(again)).toEqual(expected)
      again.close()
    }
  })
})

describe('a disk that fails', () => {
  /** Calls `act` before the nth operation from actAfter(n) on, and all later ones; those of files included. */
  function counted(storage: Storage, act: () => void) {
    let left = Number.POSITIVE_INFINITY
    const wrap = <T extends object>(target: T): T =>
      new Proxy(target, {
        get(_, name) {
          const member = target[name as keyof T]
          if (typeof member !== 'function') return member
          return (...given: unknown[]) => {
            if (--left <= 0) act()
            const result: unknown = (member as (...args: unknown[]) => unknown).apply(target, given)
            return name === 'open' ? wrap(result as StorageFile) : result
          }
        },
      })
    return { storage: wrap(storage), actAfter: (n: number) => void (left = n) }
  }

  test('power that is cut at any operation leaves the old records or the new, and nothing else', async () => {
    let seenOld = 0
    let seenNew = 0
    for (let at = 1, isThrough = false; !isThrough; at++) {
      const disk = new FaultyStorage(new Random(at))
      const watch = counted(disk, () => {
        if (disk.crashes === 0) disk.crash()
        // The process is dead: it writes nothing any more.
        throw new StorageError('', 'power was cut')
      })
      const log = openKeyed(watch.storage)
      fillKeyed(log, 40)
      await log.sync()
      const recoveryPoint = log.durableEndOffset
      const before = recordsOf(log)
      const until = log.describeSegments().at(-1)?.baseOffset as bigint
      const expected = compacted(before, until)
      watch.actAfter(at)
      isThrough = await clean(log).then(
        () => true,
        () => false,
      )
      if (isThrough) disk.crash()
      const names = filesOf(disk)
      for (let starts = 0; starts < 2; starts++) {
        const after = openKeyed(disk, { recoveryPoint })
        const left = recordsOf(after)
        const say = `cut at ${at}: ${names.join(' ')}`
        expect(
          left.filter((text) => !before.includes(text)),
          say,
        ).toEqual([])
        expect(compacted(left, until), say).toEqual(expected)
        expect(after.endOffset, say).toBe(80n)
        expect(unfinished(disk), say).toEqual([])
        if (left.length === before.length) seenOld++
        if (left.length === expected.length) seenNew++
        after.release()
      }
    }
    expect(seenOld).toBeGreaterThan(10)
    expect(seenNew).toBeGreaterThan(2)
  })

  test('all cleaned files have their names on the device before the first is renamed', async () => {
    for (const seed of seeds(1, 10)) {
      const disk = new FaultyStorage(new Random(seed))
      const storage = new Proxy<Storage>(disk, {
        get(target, name: keyof Storage) {
          const method = target[name] as (...given: unknown[]) => unknown
          return (...given: unknown[]) => {
            if (name === 'rename' && disk.crashes === 0 && String(given[1]).endsWith('.swap')) disk.crash()
            if (disk.crashes > 0) throw new StorageError('', 'power was cut')
            return method.apply(target, given)
          }
        },
      })
      const log = openKeyed(storage)
      fillKeyed(log, 40)
      await log.sync()
      await expect(clean(log)).rejects.toBeInstanceOf(StorageError)
      expect(unfinished(disk), `seed ${seed}`).toEqual(
        ['index', 'log', 'timeindex'].map((suffix) => `${'0'.repeat(20)}.${suffix}.cleaned`),
      )
    }
  })

  test('want of room at any operation leaves the log as it was, and the next run succeeds', async () => {
    let refused = 0
    for (const operation of ['open', 'append', 'syncDirectory'] as const) {
      for (let nth = 1; nth < 30; nth++) {
        const disk = new FaultyStorage(new Random(nth))
        const log = openKeyed(disk)
        fillKeyed(log, 40)
        await log.sync()
        const before = recordsOf(log)
        const until = log.describeSegments().at(-1)?.baseOffset as bigint
        disk.failNext(operation, operation === 'append' ? 'ENOSPC' : 'EMFILE', { nth })
        const failed = await clean(log).then(
          () => false,
          (error: unknown) => error instanceof StorageError && error.isTemporary,
        )
        disk.clearFaults()
        if (!failed) continue
        refused++
        expect(unfinished(disk), `${operation} ${nth}`).toEqual([])
        expect(compacted(recordsOf(log), until)).toEqual(compacted(before, until))
        await clean(log)
        expect(recordsOf(log)).toEqual(compacted(before, until))
      }
    }
    expect(refused).toBeGreaterThan(10)
  })
})
