// What the log tests share: batches that say in their values which offsets they have, and a log over any
// storage with small segments.

import { Log } from '../../broker/log/log.ts'
import type { LogConfig, LogOpenOptions } from '../../broker/log/log-config.ts'
import { defaultLogConfig } from '../../broker/log/log-config.ts'
import { buildBatch } from '../../broker/protocol/record-batch/builder.ts'
import { RecordCursor } from '../../broker/protocol/record-batch/cursor.ts'
import type { BatchHeader } from '../../broker/protocol/record-batch/header.ts'
import { batchSizeInBytes, readBatchHeader } from '../../broker/protocol/record-batch/header.ts'
import type { Storage } from '../../broker/storage/storage.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'

export const BASE_MS = 1_700_000_000_000

export interface MadeBatch {
  batch: Buffer
  head: BatchHeader
}

/** A batch of `count` records from `baseOffset` on; record n has value `v<offset>` and padding. */
export function makeBatch(
  baseOffset: bigint,
  count: number,
  options: { timestampMs?: number; stepMs?: number; valueBytes?: number } = {},
): MadeBatch {
  const { timestampMs = BASE_MS + Number(baseOffset), stepMs = 1, valueBytes = 0 } = options
  const records = Array.from({ length: count }, (_, i) => ({
    timestampMs: timestampMs + i * stepMs,
    key: null,
    value: Buffer.from(`v${baseOffset + BigInt(i)}`.padEnd(valueBytes, '.')),
  }))
  const batch = buildBatch(records, { baseOffset, partitionLeaderEpoch: 0 })
  return { batch, head: readBatchHeader(batch, 0) }
}

export function appendRecords(log: Log, count: number, options?: Parameters<typeof makeBatch>[2]): MadeBatch {
  const made = makeBatch(log.endOffset, count, options)
  log.append(made.batch, made.head)
  return made
}

export function openLog(
  storage: Storage,
  overrides: Partial<LogConfig> = {},
  options: Partial<LogOpenOptions> = {},
): Log {
  return Log.open(
    storage,
    'orders-0',
    { ...defaultLogConfig, ...overrides },
    {
      clock: new ManualClock(BASE_MS),
      recoveryPoint: 0n,
      logStartOffset: 0n,
      cleanShutdown: false,
      ...options,
    },
  )
}

/** Offset and value of each record in segment bytes. */
export function recordsIn(buffer: Buffer): { offset: bigint; value: string }[] {
  const records: { offset: bigint; value: string }[] = []
  const cursor = new RecordCursor()
  for (let at = 0; at < buffer.length; at += batchSizeInBytes(buffer, at)) {
    cursor.reset(buffer, at)
    while (cursor.next()) {
      records.push({ offset: cursor.offset(), value: textOf(cursor) })
    }
  }
  return records
}

/** The value without its padding. */
function textOf(cursor: RecordCursor): string {
  const padding = cursor.buffer.indexOf('.', cursor.valueStart)
  const end = padding < 0 ? cursor.valueEnd : Math.min(padding, cursor.valueEnd)
  return cursor.buffer.toString('latin1', cursor.valueStart, end)
}

/** All records from an offset on, read as a consumer would. */
export function readAll(log: Log, fromOffset: bigint = log.logStartOffset, maxBytes = 1 << 20) {
  const records: { offset: bigint; value: string }[] = []
  for (let offset = fromOffset; offset < log.endOffset; ) {
    const read = log.read(offset, maxBytes, log.endOffset, true)
    if (read === undefined) throw new Error(`nothing at ${offset}, the log ends at ${log.endOffset}`)
    records.push(...recordsIn(read.buffer).filter((record) => record.offset >= offset))
    offset = read.nextOffset
  }
  return records
}
