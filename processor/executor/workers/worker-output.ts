// How a worker's output operator writes into a topic: record batches are built here and go to the driver, which
// appends them in the batch's one transaction. Where the driver wants records, they go as rows.

import type { BatchOutput, OutputRecord, TopicWriter } from '../../graph/contracts/output.ts'
import type { BatchStamp } from '../../graph/contracts/rows.ts'
import { recordCountOf } from '../../../broker/protocol/record-batch/header.ts'
import { discardingOutput } from '../../sink/batch-output.ts'
import { BatchTopicWriter, type Appends } from '../../sink/topic-writer.ts'
import type { DriverCalls } from './calls.ts'
import type { Link } from './link.ts'
import { transferable } from './transferable.ts'
import { BLOCK_ROWS, encodeRows } from '../../rdd/row-block.ts'

/** Bytes that may wait at the driver: it appends the workers' batches in their order. */
const LIMIT_BYTES = 32 * 1024 * 1024

export class WorkerOutput implements BatchOutput {
  private readonly link: Link<DriverCalls>
  private readonly stamp: BatchStamp
  private bytesUnderWay = 0
  private failure: { error: unknown } | undefined
  private waiters: (() => void)[] = []

  constructor(link: Link<DriverCalls>, stamp: BatchStamp) {
    this.link = link
    this.stamp = stamp
  }

  async writer(operatorId: string, topic: string): Promise<TopicWriter> {
    const terms = await this.link.call('writer', { operatorId, topic })
    switch (terms.type) {
      case 'discard':
        return await discardingOutput.writer(operatorId, topic)
      case 'records':
        return this.recordWriter(operatorId, terms.writer)
      case 'batches':
        return new BatchTopicWriter(topic, terms.partitions, this.stamp, this.appends(terms.writer))
    }
  }

  /** The driver has handed on as much. */
  taken(bytes: number): void {
    this.bytesUnderWay -= bytes
    if (this.bytesUnderWay <= LIMIT_BYTES / 2) this.wake()
  }

  /** The batch is given up: whoever waits here does so no longer. */
  fail(error: unknown): void {
    this.failure ??= { error }
    this.wake()
  }

  private appends(writer: number): Appends {
    const isFull = () => this.bytesUnderWay >= LIMIT_BYTES || this.failure !== undefined
    return {
      get isFull() {
        return isFull()
      },
      append: (_topic, partition, batch) => {
        this.bytesUnderWay += batch.length
        const records = recordCountOf(batch, 0)
        this.link.note('batch', { writer, partition, batch, records }, transferable(batch))
      },
      drained: () => this.drained(),
    }
  }

  private async drained(): Promise<void> {
    while (this.bytesUnderWay > LIMIT_BYTES / 2 && this.failure === undefined) {
      await new Promise<void>((resolve) => this.waiters.push(resolve))
    }
    if (this.failure !== undefined) throw this.failure.error
  }

  private wake(): void {
    for (const resolve of this.waiters.splice(0)) resolve()
  }

  private recordWriter(operatorId: string, writer: number): TopicWriter {
    let records: OutputRecord[] = []
    const { link } = this
    return {
      get isFull() {
        return records.length >= BLOCK_ROWS
      },
      write: (record) => void records.push(plainRecord(record)),
      flush: () => {
        const block = encodeRows(operatorId, records)
        records = []
        link.note('records', { writer, block })
        return Promise.resolve()
      },
    }
  }
}

// A record may be a view that moves on (RawRecord); what is undefined is left out.
function plainRecord({ key, value, headers, timestampMs, partition }: OutputRecord): OutputRecord {
  return {
    value,
    ...(key !== undefined && { key }),
    ...(headers !== undefined && { headers }),
    ...(timestampMs !== undefined && { timestampMs }),
    ...(partition !== undefined && { partition }),
  }
}
