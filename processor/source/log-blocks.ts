// Blocks of a receiver as record batches of a topic, each in a transaction of its own: what a receiver stored is in
// the log before it is part of a batch, whatever becomes of the process (Spark's write-ahead log of receivers). A
// second instance of the job takes the transactional id, and the first one's receiver can write no more.

import { RecordBatchBuilder } from '../../broker/protocol/record-batch/builder.ts'
import type { Clock } from '../../broker/time/clock.ts'
import type { OutputSession } from '../ports.ts'
import type { BlockSink } from './receiver-supervisor.ts'
import type { RowCodec } from './row-codec.ts'

/** Below the broker's default max.message.bytes of 1 MiB. */
const LARGEST_ROW_BYTES = 1_000_000
const BATCH_BYTES = 512 * 1024
const LIMIT_BYTES = 8 * 1024 * 1024

export class LogBlocks<T> implements BlockSink<T> {
  readonly limit = LIMIT_BYTES
  private readonly topic: string
  private readonly codec: RowCodec<T>
  private readonly session: OutputSession
  private readonly clock: Clock
  private builder = new RecordBatchBuilder()
  private batches: Buffer[] = []

  constructor(topic: string, codec: RowCodec<T>, session: OutputSession, clock: Clock) {
    this.topic = topic
    this.codec = codec
    this.session = session
    this.clock = clock
  }

  add(rows: Iterable<T>): number {
    const all = [...rows]
    // A codec may use its buffer again for the next row.
    const encode =
      all.length > 1 ? (row: T) => Buffer.from(this.codec.encode(row)) : (row: T) => this.codec.encode(row)
    return this.addBytes(all.map(encode))
  }

  addBytes(rows: Iterable<Uint8Array>): number {
    // So may whoever yields one row after the other.
    const all = Array.isArray(rows) ? (rows as Uint8Array[]) : Array.from(rows, (row) => Buffer.from(row))
    let size = 0
    for (const { length } of all) {
      if (length > LARGEST_ROW_BYTES) {
        throw new RangeError(`a row of ${length} bytes: a record has at most ${LARGEST_ROW_BYTES}`)
      }
      size += length
    }
    for (const bytes of all) this.append(bytes)
    return size
  }

  cut(): () => Promise<void> {
    this.finish()
    const { batches } = this
    this.batches = []
    return () => this.write(batches)
  }

  private append(bytes: Uint8Array): void {
    if (this.builder.recordCount > 0 && this.builder.sizeInBytes + bytes.length > BATCH_BYTES) this.finish()
    this.builder.append(this.clock.now(), null, bytes)
  }

  private finish(): void {
    if (this.builder.recordCount === 0) return
    this.batches.push(this.builder.build())
    this.builder.reset()
  }

  private async write(batches: readonly Buffer[]): Promise<void> {
    this.session.begin()
    try {
      await Promise.all(batches.map((batch) => this.session.append(this.topic, 0, batch)))
      await this.session.commit()
    } catch (error) {
      await this.session.abort().catch(() => undefined)
      throw error
    }
  }
}
