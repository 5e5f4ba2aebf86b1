// What the tests of record batches share: seeded records, reading a batch back as objects, options of a
// topic that allows everything.
import type { RecordInput } from '../../../broker/protocol/record-batch/builder.ts'
import { RecordCursor } from '../../../broker/protocol/record-batch/cursor.ts'
import type { CheckOptions } from '../../../broker/protocol/record-batch/validate.ts'
import type { Random } from '../../world/random.ts'

export const NOW_MS = 1_700_000_000_000

export const anyTopic: CheckOptions = {
  depth: 'records',
  fromClient: true,
  nowMs: NOW_MS,
  isCompacted: false,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: Number.POSITIVE_INFINITY,
  timestampAfterMaxMs: Number.POSITIVE_INFINITY,
  maxMessageBytes: 16 * 1024 * 1024,
}

export interface ReadRecord {
  offset: bigint
  timestampMs: number
  key: Buffer | null
  value: Buffer | null
  headers: { key: string; value: Uint8Array | null }[]
}

export function readRecords(batch: Buffer, at = 0): ReadRecord[] {
  const cursor = new RecordCursor()
  cursor.reset(batch, at)
  const records: ReadRecord[] = []
  while (cursor.next()) {
    records.push({
      offset: cursor.offset(),
      timestampMs: cursor.timestampMs,
      key: cursor.key(),
      value: cursor.value(),
      headers: cursor.headers(),
    })
  }
  return records
}

export function record(value: string, options: Partial<RecordInput> = {}): RecordInput {
  return { timestampMs: NOW_MS, key: null, value: Buffer.from(value), ...options }
}

/** Records with empty, null, short and long fields, headers, and timestamps out of order. */
export function randomRecords(random: Random, count: number): RecordInput[] {
  const field = () => {
    if (random.chance(0.1)) return null
    return random.bytes(random.pick([0, 1, 5, 63, 64, 100, 200]))
  }
  return Array.from({ length: count }, () => ({
    timestampMs: NOW_MS + (random.chance(0.5) ? 0 : random.between(-1_600_000_000_000, 2_000_000_000_000)),
    key: field(),
    value: field(),
    headers: Array.from({ length: random.chance(0.3) ? random.between(1, 4) : 0 }, (_, i) => ({
      key: random.pick(['', 'trace-id', 'ключ', `h${i}`]),
      value: field(),
    })),
  }))
}
