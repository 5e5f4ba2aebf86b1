// A coordinator's log over the partition that keeps it. One append is one record batch; committed offsets
// and transaction decisions are durable before they are answered, whatever the topic's durability is.

import { errorCodes, errorText } from '../protocol/errors.ts'
import type { Partition } from '../partition/partition.ts'
import type { MarkerCallback } from '../partition/partition-writer.ts'
import { RecordBatchBuilder } from '../protocol/record-batch/builder.ts'
import { readEndTxnMarker } from '../protocol/record-batch/control.ts'
import { RecordCursor } from '../protocol/record-batch/cursor.ts'
import {
  batchSizeInBytes,
  type BatchHeader,
  lastOffsetOf,
  readBatchHeader,
} from '../protocol/record-batch/header.ts'
import type { Clock } from '../time/clock.ts'
import type { ProducerStamp } from './machine.ts'
import {
  CoordinatorError,
  type ReplayVisitor,
  type ShardAppend,
  type ShardLog,
  type ShardRecord,
} from './shard-log.ts'

/** Read and decoded between two turns of the event loop while loading. */
const LOAD_CHUNK_BYTES = 256 * 1024

export class PartitionShardLog implements ShardLog {
  readonly epoch: number
  private readonly partition: Partition
  private readonly clock: Clock
  private readonly builder = new RecordBatchBuilder()
  private readonly watermarkCallbacks = new Set<() => void>()
  private readonly watermarkMoved = (errorCode: number): void => {
    // An error means that the partition has ended; that is told by onClosed.
    if (errorCode === errorCodes.NONE) for (const callback of this.watermarkCallbacks) callback()
  }

  /** For the time that this broker leads the partition in its present epoch. */
  constructor(partition: Partition, clock: Clock) {
    this.partition = partition
    this.clock = clock
    this.epoch = partition.leaderEpoch
  }

  get endOffset(): bigint {
    return this.partition.endOffset
  }

  get highWatermark(): bigint {
    return this.partition.highWatermark
  }

  append(records: readonly ShardRecord[], producer?: ProducerStamp): ShardAppend {
    const nowMs = this.clock.now()
    this.builder.reset()
    for (const { key, value } of records) this.builder.append(nowMs, key, value)
    const batch = this.builder.build(producer === undefined ? {} : { ...producer, isTransactional: true })
    const { errorCode, errorMessage, baseOffset, lastOffset } = this.partition.append(batch, {
      nowMs,
      fromClient: false,
      forceDurable: true,
      currentLeaderEpoch: this.epoch,
    })
    if (errorCode !== errorCodes.NONE) throw this.refused(errorCode, errorMessage)
    this.partition.onHighWatermark(lastOffset, this.watermarkMoved)
    return { baseOffset, lastOffset }
  }

  async replay(visitor: ReplayVisitor): Promise<void> {
    // One that could not be opened has no offsets: it must not pass for an empty one.
    if (this.partition.hasEnded) throw this.refused(await this.partition.whenCommitted(0n), null)
    const endOffset = this.partition.endOffset
    const offset = this.partition.logStartOffset
    if (offset >= endOffset) return
    // The cleaner waits: half of the log from before it and half from after it would be a state that never was.
    const pin = this.partition.parts?.log.pin(offset)
    try {
      // What recovery kept is made safe first: nothing that could still be lost becomes state.
      const waited = await this.partition.whenCommitted(endOffset - 1n)
      if (waited !== errorCodes.NONE) throw this.refused(waited, null)
      await this.replayBatches(offset, endOffset, visitor)
    } finally {
      pin?.release()
    }
  }

  onHighWatermark(callback: () => void): () => void {
    this.watermarkCallbacks.add(callback)
    return () => void this.watermarkCallbacks.delete(callback)
  }

  onMarker(callback: (producer: ProducerStamp, committed: boolean, offset: bigint) => void): () => void {
    const forward: MarkerCallback = ({ producerId, producerEpoch, commit }, offset) => {
      callback({ producerId, producerEpoch }, commit, offset)
      this.partition.onHighWatermark(offset, this.watermarkMoved)
    }
    return this.partition.onMarker(forward)
  }

  onClosed(callback: (errorCode: number) => void): () => void {
    return this.partition.onEnd(callback)
  }

  private async replayBatches(from: bigint, endOffset: bigint, visitor: ReplayVisitor): Promise<void> {
    const cursor = new RecordCursor()
    let offset = from
    while (offset < endOffset) {
      const { records, errorCode } = await this.partition.readOffThread({
        fromOffset: offset,
        maxBytes: LOAD_CHUNK_BYTES,
        isolation: 'read_uncommitted',
        minOneBatch: true,
      })
      if (errorCode !== errorCodes.NONE) throw this.refused(errorCode, null)
      // Compaction may have taken the last batches.
      if (records.length === 0) return
      let at = 0
      while (at < records.length && offset < endOffset) {
        replayBatch(records, at, cursor, visitor)
        offset = lastOffsetOf(records, at) + 1n
        at += batchSizeInBytes(records, at)
      }
    }
  }

  private refused(errorCode: number, errorMessage: string | null): CoordinatorError {
    return new CoordinatorError(errorCode, `${this.partition.name}: ${errorMessage ?? errorText(errorCode)}`)
  }
}

function replayBatch(buffer: Buffer, at: number, cursor: RecordCursor, visitor: ReplayVisitor): void {
  const head: BatchHeader = readBatchHeader(buffer, at)
  const { producerId, producerEpoch } = head
  if (head.isControl) {
    const marker = readEndTxnMarker(buffer, at)
    if (marker !== undefined) visitor.marker({ producerId, producerEpoch }, marker.isCommit)
    return
  }
  const producer = head.isTransactional ? { producerId, producerEpoch } : undefined
  cursor.reset(buffer, at)
  while (cursor.next()) {
    const key = cursor.key()
    if (key === null) throw new Error(`record ${cursor.offset()} of a coordinator's log has no key`)
    visitor.record(key, cursor.value(), producer, cursor.offset())
  }
}
