// Records of one operator on their way into a topic: bytes are copied into one growing batch per partition,
// and a batch goes to the transaction as soon as it is large enough. Everything is a function of the rows and
// the batch id, so that a rerun writes the same records to the same partitions in the same order.

import { RecordBatchBuilder } from '../../broker/protocol/record-batch/builder.ts'
import type { OutputRecord, TopicWriter } from '../graph/contracts/output.ts'
import type { BatchStamp } from '../graph/contracts/rows.ts'
import { RawRecord } from '../source/raw-record.ts'
import { partitionOfKey } from './murmur2.ts'
import { TextBytes } from './text-bytes.ts'

/** Half of the broker's default max.message.bytes: few appends, and room for a record that is larger. */
const BATCH_BYTES = 512 * 1024
/** Records without a key change partition after as much (Kafka's sticky partitioner with its batch.size). */
const STICKY_BYTES = 16 * 1024
/** More than the varints and lengths of a record can take. */
const RECORD_OVERHEAD = 64

/** Where finished batches go. */
export interface Appends {
  readonly isFull: boolean
  append(topic: string, partition: number, batch: Buffer): void
  drained(): Promise<void>
}

export class BatchTopicWriter implements TopicWriter {
  private readonly topic: string
  private readonly partitions: number
  private readonly timeMs: number
  private readonly queue: Appends
  private readonly builders: (RecordBatchBuilder | undefined)[] = []
  private readonly text = new TextBytes()
  /** Where records without a key go, and how many bytes went there in a row. */
  private sticky: number
  private stuckBytes = 0
  /** Records taken in this batch. */
  records = 0

  constructor(topic: string, partitions: number, batch: BatchStamp, queue: Appends) {
    if (!(partitions > 0)) throw new Error(`topic '${topic}' has ${partitions} partitions`)
    this.topic = topic
    this.partitions = partitions
    this.timeMs = batch.timeMs
    this.queue = queue
    this.sticky = batch.batchId % partitions
  }

  get isFull(): boolean {
    return this.queue.isFull
  }

  write(record: OutputRecord): void {
    this.records++
    if (record instanceof RawRecord && record.headerCount === 0) this.writeRaw(record)
    else this.writeRecord(record)
  }

  async flush(): Promise<void> {
    for (let partition = 0; partition < this.partitions; partition++) this.cut(partition)
    await this.queue.drained()
  }

  // Key and value go from the block they were read from into the batch: no view, no string.
  private writeRaw(record: RawRecord): void {
    const { buffer, keyStart, keyEnd, valueStart, valueEnd } = record
    const sizeInBytes = Math.max(0, keyEnd - keyStart) + Math.max(0, valueEnd - valueStart)
    const partition =
      keyStart < 0 ? this.nextSticky(sizeInBytes) : partitionOfKey(buffer, keyStart, keyEnd, this.partitions)
    this.builderFor(partition, sizeInBytes).appendFrom(
      record.timestampMs,
      buffer,
      keyStart,
      keyEnd,
      valueStart,
      valueEnd,
    )
  }

  private writeRecord({ key = null, value, headers, timestampMs, partition }: OutputRecord): void {
    const { text } = this
    text.reset()
    text.add(key)
    const keyEnd = text.end
    text.add(value)
    const keyStart = key === null ? -1 : 0
    const valueStart = value === null ? -1 : keyEnd
    const target = this.choose(partition, keyStart, keyEnd, text)
    const timeMs = timestampMs ?? this.timeMs
    if (headers === undefined || headers.length === 0) {
      const builder = this.builderFor(target, text.end)
      builder.appendFrom(timeMs, text.bytes, keyStart, keyEnd, valueStart, text.end)
      return
    }
    const keyBytes = key === null ? null : text.bytes.subarray(0, keyEnd)
    const valueBytes = value === null ? null : text.bytes.subarray(keyEnd, text.end)
    const recordHeaders = headers.map(([name, bytes]) => ({ key: name, value: bytes }))
    const headerBytes = headers.reduce(
      (sum, [name, bytes]) => sum + name.length * 3 + (bytes?.length ?? 0) + 10,
      0,
    )
    this.builderFor(target, text.end + headerBytes).append(timeMs, keyBytes, valueBytes, recordHeaders)
  }

  private choose(partition: number | undefined, keyStart: number, keyEnd: number, text: TextBytes): number {
    if (partition !== undefined) {
      if (Number.isInteger(partition) && partition >= 0 && partition < this.partitions) return partition
      throw new RangeError(
        `a record for partition ${partition} of topic '${this.topic}', which has ${this.partitions}`,
      )
    }
    if (keyStart < 0) return this.nextSticky(text.end)
    return partitionOfKey(text.bytes, 0, keyEnd, this.partitions)
  }

  private nextSticky(sizeInBytes: number): number {
    if (this.partitions === 1) return 0
    if (this.stuckBytes >= STICKY_BYTES) {
      this.sticky = (this.sticky + 1) % this.partitions
      this.stuckBytes = 0
    }
    this.stuckBytes += sizeInBytes
    return this.sticky
  }

  private builderFor(partition: number, sizeInBytes: number): RecordBatchBuilder {
    let builder = this.builders[partition]
    if (builder === undefined) this.builders[partition] = builder = new RecordBatchBuilder()
    if (builder.sizeInBytes + sizeInBytes + RECORD_OVERHEAD > BATCH_BYTES) this.cut(partition)
    return builder
  }

  private cut(partition: number): void {
    const builder = this.builders[partition]
    if (builder === undefined || builder.recordCount === 0) return
    const batch = builder.build()
    builder.reset()
    this.queue.append(this.topic, partition, batch)
  }
}
