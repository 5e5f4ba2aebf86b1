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
