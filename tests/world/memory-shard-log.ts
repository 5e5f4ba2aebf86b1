// A coordinator shard's log in memory, for simulations: what is appended is volatile until `sync`, a crash
// loses the unsynced tail (all of it, or all but its first batches: a torn tail), appends can be refused.
// One append is one batch, so it is lost or kept whole, as the batch's checksum makes it on a real disk.

import type { ProducerStamp } from '../../broker/coordinator/machine.ts'
import {
  CoordinatorError,
  type ReplayVisitor,
  type ShardAppend,
  type ShardLog,
  type ShardRecord,
} from '../../broker/coordinator/shard-log.ts'

export type MemoryBatch =
  | { baseOffset: bigint; lastOffset: bigint; records: ShardRecord[]; producer: ProducerStamp | undefined }
  | { baseOffset: bigint; lastOffset: bigint; marker: ProducerStamp; committed: boolean }

export class MemoryShardLog implements ShardLog {
  epoch = 0
  batches: MemoryBatch[] = []
  endOffset = 0n
  highWatermark = 0n
  /** Every append and marker is synced at once, as a log with an instant disk. */
  autoSync: boolean
  /** The next so many appends are refused. */
  refuseAppends = 0
  refusal: { errorCode: number; message: string }
  private readonly watermarkCallbacks = new Set<() => void>()
  private readonly markerCallbacks = new Set<
    (producer: ProducerStamp, committed: boolean, offset: bigint) => void
  >()
  private readonly closedCallbacks = new Set<(errorCode: number) => void>()

  constructor(options: { autoSync?: boolean; refusalErrorCode?: number } = {}) {
    this.autoSync = options.autoSync ?? true
    // 20: NOT_ENOUGH_REPLICAS_AFTER_APPEND would be a lie; 19 is refused before the append.
    this.refusal = {
      errorCode: options.refusalErrorCode ?? 19,
      message: 'the append was refused by the test',
    }
  }

  append(records: readonly ShardRecord[], producer?: ProducerStamp): ShardAppend {
    if (records.length === 0) throw new Error('append of no records')
    this.refuseIfTold()
    const baseOffset = this.endOffset
    const lastOffset = baseOffset + BigInt(records.length - 1)
    this.batches.push({ baseOffset, lastOffset, records: [...records], producer })
    this.appended(lastOffset)
    return { baseOffset, lastOffset }
  }

  /** What the partition layer does for WriteTxnMarkers. */
  appendMarker(marker: ProducerStamp, committed: boolean): bigint {
    this.refuseIfTold()
    const offset = this.endOffset
    this.batches.push({ baseOffset: offset, lastOffset: offset, marker, committed })
    this.endOffset = offset + 1n
    for (const callback of this.markerCallbacks) callback(marker, committed, offset)
    if (this.autoSync) this.sync()
    return offset
  }

  replay(visitor: ReplayVisitor): Promise<void> {
    try {
      for (const batch of this.batches) replayBatch(batch, visitor)
    } catch (error) {
      return Promise.reject(error as Error)
    }
    return Promise.resolve()
  }

  /** Makes the first `batchCount` unsynced batches safe, all of them by default. */
  sync(batchCount = Number.POSITIVE_INFINITY): void {
    const unsynced = this.batches.filter((batch) => batch.lastOffset >= this.highWatermark)
    const last = unsynced[Math.min(batchCount, unsynced.length) - 1]
    if (last === undefined) return
    this.highWatermark = last.lastOffset + 1n
    for (const callback of this.watermarkCallbacks) callback()
  }

  get unsyncedBatches(): number {
    let count = 0
    for (let i = this.batches.length - 1; i >= 0; i--) {
      if ((this.batches[i] as MemoryBatch).lastOffset < this.highWatermark) break
      count++
    }
    return count
  }

  /**
   * The process dies: subscribers are gone, of the unsynced tail only the first `keepUnsynced` batches
   * reached the disk; recovery syncs what it kept. The next leader epoch begins. Returns the batches lost.
   */
  crash(keepUnsynced = 0): number {
    const lost = Math.max(0, this.unsyncedBatches - keepUnsynced)
    this.batches.length -= lost
    const last = this.batches.at(-1)
    this.endOffset = last === undefined ? 0n : last.lastOffset + 1n
    this.highWatermark = this.endOffset
    this.watermarkCallbacks.clear()
    this.markerCallbacks.clear()
    this.closedCallbacks.clear()
    this.epoch++
    return lost
  }

  /** Leadership lost or directory offline, while the process lives on. */
  end(errorCode: number): void {
    for (const callback of this.closedCallbacks) callback(errorCode)
  }

  onHighWatermark(callback: () => void): () => void {
    return subscribe(this.watermarkCallbacks, callback)
  }

  onMarker(callback: (producer: ProducerStamp, committed: boolean, offset: bigint) => void): () => void {
    return subscribe(this.markerCallbacks, callback)
  }

  onClosed(callback: (errorCode: number) => void): () => void {
    return subscribe(this.closedCallbacks, callback)
  }

  private refuseIfTold(): void {
    if (this.refuseAppends === 0) return
    this.refuseAppends--
    throw new CoordinatorError(this.refusal.errorCode, this.refusal.message)
  }

  private appended(lastOffset: bigint): void {
    this.endOffset = lastOffset + 1n
    if (this.autoSync) this.sync()
  }
}

/** Feeds one batch to a visitor: a simulation's shadow state follows the log batch by batch. */
export function replayBatch(batch: MemoryBatch, visitor: ReplayVisitor): void {
  if ('marker' in batch) visitor.marker(batch.marker, batch.committed)
  else {
    let offset = batch.baseOffset
    for (const { key, value } of batch.records) visitor.record(key, value, batch.producer, offset++)
  }
}

function subscribe<T>(callbacks: Set<T>, callback: T): () => void {
  callbacks.add(callback)
  return () => void callbacks.delete(callback)
}
