// A changed byte in any file: a named error or a rebuilt file, never a wrong read.

import { beforeEach, describe, expect, test } from 'vitest'
import type { Log } from '../../broker/log/log.ts'
import type { LogOpenOptions, TailCut } from '../../broker/log/log-config.ts'
import { segmentFileName } from '../../broker/log/names.ts'
import { buildEndTxnMarker } from '../../broker/protocol/record-batch/builder.ts'
import { readBatchHeader, stampBatch } from '../../broker/protocol/record-batch/header.ts'
import { MemoryStorage } from '../../broker/storage/memory-storage.ts'
import { CorruptLogError } from '../../broker/storage/storage.ts'
import { appendRecords, BASE_MS, openLog, readAll, recordsIn } from './log-world.ts'

const CONFIG = { segmentBytes: 100_000, indexIntervalBytes: 1000 }
let storage: MemoryStorage
let ends: number[]

/** Some 180 kB in two segments of batches of random size, closed with indexes written; synced throughout. */
beforeEach(() => {
  storage = new MemoryStorage()
  const log = openLog(storage, CONFIG)
  ends = []
  for (let i = 0; i < 200; i++) {
    appendRecords(log, 3, { valueBytes: 100 + ((i * 37) % 400) })
    if (log.describeSegments().length === 1) ends.push(log.describeSegments()[0]?.sizeInBytes as number)
  }
  expect(log.describeSegments().length).toBe(2)
  log.close()
})

function path(base: number, suffix: string): string {
  return `orders-0/${segmentFileName(BigInt(base), suffix)}`
}

function newestBase(): number {
  const logs = storage.list('orders-0').filter(({ name }) => name.endsWith('.log'))
  return Number(logs[logs.length - 1]?.name.slice(0, 20))
}

function change(file: string, edit: (bytes: Buffer) => Buffer | void): void {
  const bytes = storage.readFile(file) as Buffer
  storage.replaceFileUnsynced(file, edit(bytes) ?? bytes)
}

function flip(file: string, at: number, bit = 0): void {
  change(file, (bytes) => void (bytes[at] = (bytes[at] as number) ^ (1 << bit)))
}

function open(options: Partial<LogOpenOptions> = {}): Log {
  return openLog(storage, CONFIG, options)
}

const clean = { cleanShutdown: true, recoveryPoint: 600n }

describe('a byte of the log, below the recovery point', () => {
  test.each([0, 5, 11, 16, 17, 22, 26, 45, 61, 300])('byte %i of a batch: its place is named', (at) => {
    const position = ends[20] as number
    flip(path(0, '.log'), position + at)
    const attempt = () => open({ recoveryPoint: 600n - 1n })
    // The first segment was synced whole, so start-up does not read it again; reading finds it.
    const log = attempt()
    expect(() => log.replay(0n, () => {})).toThrow(CorruptLogError)
    const cursor = log.cursor(0n)
    expect(() => {
      const target = Buffer.alloc(1 << 20)
      while (cursor.fill(target, 600n) > 0);
    }).toThrow(CorruptLogError)
  })

  test.each([0, 7, 8, 11, 16, 17, 22, 26, 45, 61, 300])(
    'byte %i of a batch in the segment that recovery reads: the partition does not open',
    (at) => {
      const base = newestBase()
      flip(path(base, '.log'), at)
      let error: unknown
      try {
        open({ recoveryPoint: 590n })
      } catch (caught) {
        error = caught
      }
      expect(error).toBeInstanceOf(CorruptLogError)
      expect(error).toMatchObject({ file: path(base, '.log'), position: 0 })
    },
  )

  test('a log that ends below the recovery point has lost something', () => {
    change(path(newestBase(), '.log'), (bytes) => bytes.subarray(0, bytes.length - 700))
    expect(() => open(clean)).toThrow(CorruptLogError)
    expect(() => open({ recoveryPoint: 600n })).toThrow('offsets below 600 were synced')
  })

  test('so has one without any segment', () => {
    for (const { name } of storage.list('orders-0')) storage.removeFile(`orders-0/${name}`)
    expect(() => open({ recoveryPoint: 600n })).toThrow('no segment')
  })

  test('a missing segment in the middle is found when its neighbour is read', () => {
    change(path(0, '.log'), (bytes) => bytes.subarray(0, ends[30] as number))
    const log = open(clean)
    expect(() => readAll(log)).toThrow(CorruptLogError)
  })
})

describe('above the recovery point', () => {
  let cuts: TailCut[]
  let base: number
  const reopen = () => open({ onTailCut: (cut) => cuts.push(cut) })

  beforeEach(() => {
    cuts = []
    base = newestBase()
  })

  test.each([0, 8, 11, 16, 17, 22, 45, 61, 300])(
    'a changed byte (%i) with valid batches behind it is not cut',
    (at) => {
      flip(path(0, '.log'), (ends[20] as number) + at)
      expect(reopen).toThrow(CorruptLogError)
      expect(cuts).toEqual([])
      flip(path(0, '.log'), (ends[20] as number) + at)
      flip(path(base, '.log'), at)
      expect(reopen).toThrow(/valid batch follows/)
    },
  )

  test('a changed byte in the last batch of a rolled segment is not cut either', () => {
    for (const at of [8, 17, 61, 200]) {
      flip(path(0, '.log'), (ends[ends.length - 2] as number) + at)
      expect(reopen, `byte ${at}`).toThrow('a later segment has valid batches')
      flip(path(0, '.log'), (ends[ends.length - 2] as number) + at)
    }
  })

  test('a batch that is cut short goes, and only it', () => {
    const size = (storage.readFile(path(base, '.log')) as Buffer).length
    change(path(base, '.log'), (bytes) => bytes.subarray(0, size - 50))
    const log = reopen()
    expect(log.endOffset).toBe(597n)
    expect(cuts).toMatchObject([
      { file: path(base, '.log'), reason: expect.stringContaining('nothing valid follows') },
    ])
    expect(readAll(log).length).toBe(597)
  })

  test('zeroes behind the last batch go', () => {
    change(path(base, '.log'), (bytes) => Buffer.concat([bytes, Buffer.alloc(5000)]))
    const log = reopen()
    expect(log.endOffset).toBe(600n)
    expect(cuts).toMatchObject([{ bytesCut: 5000 }])
    appendRecords(log, 3)
    expect(readAll(log).length).toBe(603)
  })

  test('a hole that was never written goes with what is behind it', () => {
    change(path(base, '.log'), (bytes) => void bytes.fill(0, 2048, 4096))
    const log = reopen()
    expect(cuts).toMatchObject([{ reason: expect.stringContaining('a hole') }])
    expect(readAll(log)).toEqual(readAll(log).slice(0, Number(log.endOffset)))
    expect(log.endOffset).toBeGreaterThan(BigInt(base))
    expect(log.endOffset).toBeLessThan(600n)
  })

  test('a rolled segment that is short takes the later one with it', () => {
    change(path(0, '.log'), (bytes) => bytes.subarray(0, (ends[30] as number) + 70))
    const log = reopen()
    expect(log.endOffset).toBe(93n)
    expect(log.describeSegments().length).toBe(1)
    expect(storage.exists(path(base, '.log'))).toBe(false)
    expect(readAll(log).length).toBe(93)
  })
})

describe('indexes', () => {
  function everythingIsRight(log: Log): void {
    expect(readAll(log).map(({ value }) => value)).toEqual(Array.from({ length: 600 }, (_, i) => `v${i}`))
    for (let i = 0; i < 600; i += 7) {
      const read = log.read(BigInt(i), 1, 600n, true)
      expect(recordsIn(read?.buffer as Buffer).some(({ offset }) => offset === BigInt(i))).toBe(true)
      expect(log.offsetForTimestamp(BigInt(BASE_MS + i))?.offset).toBe(BigInt(i))
    }
  }

  test.each(['.index', '.timeindex'])(
    'any changed bit of an %s leads to the right records still',
    (suffix) => {
      const file = path(0, suffix)
      const { length } = storage.readFile(file) as Buffer
      expect(length).toBeGreaterThan(100)
      for (let at = 0; at < length; at += 5) {
        flip(file, at, at % 8)
        const log = open(clean)
        everythingIsRight(log)
        log.close()
      }
    },
  )

  test.each(['.index', '.timeindex'])('a missing, cut, longer or foreign %s is made anew', (suffix) => {
    const file = path(0, suffix)
    const original = storage.readFile(file) as Buffer
    const edits: ((bytes: Buffer) => Buffer)[] = [
      (bytes) => bytes.subarray(0, 25),
      (bytes) => bytes.subarray(0, 24),
      () => Buffer.alloc(0),
      () => Buffer.alloc(10 * 1024),
      () => storage.readFile(path(newestBase(), suffix)) as Buffer,
    ]
    for (const edit of edits) {
      change(file, edit)
      const log = open(clean)
      everythingIsRight(log)
      log.close()
      expect(storage.readFile(file)?.equals(original)).toBe(true)
    }
    storage.removeFile(file)
    everythingIsRight(open(clean))
  })

  test('zeroes behind the entries, as a killed Kafka leaves them, end the file', () => {
    for (const suffix of ['.index', '.timeindex']) {
      change(path(0, suffix), (bytes) => Buffer.concat([bytes, Buffer.alloc(120)]))
    }
    everythingIsRight(open(clean))
  })
})

describe('the transaction index', () => {
  test('any changed byte of an entry that matters is an error', () => {
    const log = open(clean)
    const marker = buildEndTxnMarker(7n, 0, false, 0, BASE_MS + 600)
    stampBatch(marker, 0, log.endOffset, 0)
    log.append(marker, readBatchHeader(marker, 0))
    const entry = { producerId: 7n, firstOffset: 590n, lastOffset: 600n, lastStableOffset: 601n }
    log.addAbortedTransaction(entry)
    log.close()
    expect(open({ ...clean, recoveryPoint: 601n }).abortedTransactions(0n, 601n)).toEqual([entry])
    // Version, producer id, marker offset; a changed first offset only makes readers skip by producer later.
    for (const at of [0, 1, 2, 9, 18, 24, 25]) {
      flip(path(newestBase(), '.txnindex'), at)
      const damaged = open({ ...clean, recoveryPoint: 601n })
      expect(() => damaged.abortedTransactions(0n, 601n), `byte ${at}`).toThrow(CorruptLogError)
      flip(path(newestBase(), '.txnindex'), at)
    }
  })
})

test('records that were deleted before they were ever synced, and then lost, leave a log that goes on behind them', () => {
  const cuts: TailCut[] = []
  const log = open({ logStartOffset: 700n, onTailCut: (cut) => cuts.push(cut) })
  expect([log.logStartOffset, log.endOffset, log.durableEndOffset]).toEqual([700n, 700n, 700n])
  expect(cuts).toMatchObject([{ reason: 'ends before offset 600; the log starts at 700' }])
  appendRecords(log, 3)
  expect(readAll(open({ logStartOffset: 700n })).map(({ offset }) => offset)).toEqual([700n, 701n, 702n])
  // After a clean stop, or with a recovery point that says they had been synced, it is damage.
  log.close()
  expect(() => open({ logStartOffset: 800n, cleanShutdown: true })).toThrow(CorruptLogError)
  expect(() => open({ logStartOffset: 800n, recoveryPoint: 710n })).toThrow(CorruptLogError)
})

test('what an interrupted operation left is removed at open', () => {
  for (const name of ['00000000000000000000.log.deleted', 'x.tmp', '00000000000000000999.index']) {
    storage.replaceFileUnsynced(`orders-0/${name}`, Buffer.from('x'))
  }
  open(clean).close()
  const names = storage.list('orders-0').map(({ name }) => name)
  expect(names.filter((name) => /deleted|tmp|999/.test(name))).toEqual([])
})

test('an unfinished compaction whose new segment is damaged takes nothing away', () => {
  storage.replaceFileUnsynced('orders-0/00000000000000000000.log.swap', Buffer.from('x'))
  const before = storage.list('orders-0')
  expect(() => open(clean)).toThrow('00000000000000000000.log.swap at byte 0')
  expect(storage.list('orders-0')).toEqual(before)
})
