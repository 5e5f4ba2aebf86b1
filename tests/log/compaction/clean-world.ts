// A log of keyed records in small segments, and a run of the cleaner over all of it but the newest segment.

import { cleanLog, type CleaningResult, type CleaningRun } from '../../../broker/log/compaction/clean-log.ts'
import { OffsetMap } from '../../../broker/log/compaction/offset-map.ts'
import type { CleaningPace } from '../../../broker/log/compaction/walk-segment.ts'
import type { Log } from '../../../broker/log/log.ts'
import { buildBatch } from '../../../broker/protocol/record-batch/builder.ts'
import { RecordCursor } from '../../../broker/protocol/record-batch/cursor.ts'
import { batchSizeInBytes, readBatchHeader } from '../../../broker/protocol/record-batch/header.ts'
import type { Storage } from '../../../broker/storage/storage.ts'
import { openLog } from '../log-world.ts'

export const CONFIG = { segmentBytes: 1000, indexIntervalBytes: 200, gapsAllowed: true }

export const atOnce: CleaningPace = { blockBytes: 300, isDue: () => false, next: () => Promise.resolve() }

/** `count` batches of two records; keys repeat every `keys` records. */
export function fillKeyed(log: Log, count: number, keys = 7): void {
  for (let i = 0; i < count; i++) {
    const baseOffset = log.endOffset
    const records = [0n, 1n].map((at) => ({
      timestampMs: 1_700_000_000_000 + Number(baseOffset + at),
      key: Buffer.from(`k${(baseOffset + at) % BigInt(keys)}`),
      value: Buffer.from(`v${baseOffset + at}`),
    }))
    const batch = buildBatch(records, { baseOffset, partitionLeaderEpoch: 0 })
    log.append(batch, readBatchHeader(batch, 0))
  }
}

export function openKeyed(storage: Storage, options: Parameters<typeof openLog>[2] = {}): Log {
  return openLog(storage, CONFIG, options)
}

export function clean(log: Log, more: Partial<CleaningRun> = {}): Promise<CleaningResult> {
  const segments = log.describeSegments()
  return cleanLog(log, {
    firstDirtyOffset: log.logStartOffset,
    firstUncleanableOffset: segments.at(-1)?.baseOffset ?? 0n,
    map: new OffsetMap(1 << 20, 1),
    producers: () => new Map(),
    earliestMs: undefined,
    newHorizonMs: undefined,
    pace: atOnce,
    ...more,
  })
}

/** Offset, key and value of every record, as fetches from `fromOffset` on give them. */
export function recordsOf(log: Log, fromOffset = log.logStartOffset): string[] {
  const records: string[] = []
  for (let offset = fromOffset; offset < log.endOffset; ) {
    const read = log.read(offset, 500, log.endOffset, true)
    if (read === undefined) return records
    records.push(...recordsIn(read.buffer).filter((text) => BigInt(text.split(' ')[0] as string) >= offset))
    offset = read.nextOffset
  }
  return records
}

export function recordsIn(buffer: Buffer): string[] {
  const records: string[] = []
  const cursor = new RecordCursor()
  for (let at = 0; at < buffer.length; at += batchSizeInBytes(buffer, at)) {
    cursor.reset(buffer, at)
    while (cursor.next())
      records.push(`${cursor.offset()} ${cursor.key()?.toString()} ${cursor.value()?.toString()}`)
  }
  return records
}

/** Of records as they were: the last of each key below `until`, and all from there on. */
export function compacted(records: readonly string[], until: bigint): string[] {
  const last = new Map<string, string>()
  const isBelow = (text: string): boolean => BigInt(text.split(' ')[0] as string) < until
  for (const text of records.filter(isBelow)) last.set(text.split(' ')[1] as string, text)
  return records.filter((text) => !isBelow(text) || last.get(text.split(' ')[1] as string) === text)
}
