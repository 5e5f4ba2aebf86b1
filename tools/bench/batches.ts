// Record batches as librdkafka sends them under load: up to 10,000 records and 1,000,000 bytes (its
// batch.num.messages and batch.size), no keys, not compressed, without idempotence unless asked for.

import { RecordBatchBuilder } from '../../broker/protocol/record-batch/builder.ts'
import { textLines } from './text.ts'

export const LIBRDKAFKA_BATCH_RECORDS = 10_000
export const LIBRDKAFKA_BATCH_BYTES = 1_000_000

export interface BatchShape {
  valueBytes: number
  /** At most; the size in bytes bounds it too. */
  records: number
}

/** `count` batches of different records, each in memory of its own. */
export function buildBatches(shape: BatchShape, count: number, nowMs: number): Buffer[] {
  const nextLine = textLines(shape.valueBytes)
  const builder = new RecordBatchBuilder(LIBRDKAFKA_BATCH_BYTES + 4096)
  const batches: Buffer[] = []
  while (batches.length < count) {
    builder.reset()
    while (
      builder.recordCount < Math.min(shape.records, LIBRDKAFKA_BATCH_RECORDS) &&
      builder.sizeInBytes + shape.valueBytes + 16 <= LIBRDKAFKA_BATCH_BYTES
    ) {
      // A few milliseconds per batch, as a producer's clock has it.
      builder.append(nowMs + (builder.recordCount >> 10), null, Buffer.from(nextLine(), 'latin1'))
    }
    batches.push(builder.build())
  }
  return batches
}

/**
 * Keyed records, batch by batch: keys are numbers below `keys`, padded to `keyBytes`, in an order that touches
 * every key once before any comes again.
 */
export function keyedBatches(
  keys: number,
  keyBytes: number,
  valueBytes: number,
  nowMs: number,
): (index: number) => Buffer {
  const nextLine = textLines(valueBytes)
  const values = Array.from({ length: 100 }, () => Buffer.from(nextLine(), 'latin1'))
  const builder = new RecordBatchBuilder(LIBRDKAFKA_BATCH_BYTES + 4096)
  // Prime, and so without a divisor that the number of keys has.
  const STEP = 7919
  return (index) => {
    builder.reset()
    const records = Math.floor(LIBRDKAFKA_BATCH_BYTES / (keyBytes + valueBytes + 16))
    for (let i = 0; i < records; i++) {
      const key = String(((index * records + i) * STEP) % keys).padStart(keyBytes, '0')
      builder.append(nowMs + (i >> 10), Buffer.from(key, 'latin1'), values[i % values.length] as Buffer)
    }
    return builder.build()
  }
}
