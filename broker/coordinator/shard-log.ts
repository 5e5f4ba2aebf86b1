// The port between a coordinator shard and its partition of an internal topic. The runtime is written
// against this alone, so a simulation can lose a log's tail without a disk (design law 1).
//
//   append ──► offsets are assigned at once, bytes are queued
//   high watermark ──► what was appended can no longer be lost; replies up to it may leave
//   marker ──► the partition layer appended an end-of-transaction batch to this partition
//
// Rule: everything a shard is told about its log comes in log order. A marker is reported from inside
// the call that appended it, before any later append, so live state meets facts and markers in exactly
// the order in which a replay will meet them.

import type { ProducerStamp } from './machine.ts'

export interface ShardRecord {
  key: Uint8Array
  /** null is a tombstone. */
  value: Uint8Array | null
}

/** Where one append lies; `lastOffset` is inclusive. */
export interface ShardAppend {
  baseOffset: bigint
  lastOffset: bigint
}

/** What a replay calls back, in log order. Slices are only valid during the call. */
export interface ReplayVisitor {
  /** `producer` is given for records that were written inside a producer's transaction. */
  record(key: Uint8Array, value: Uint8Array | null, producer: ProducerStamp | undefined, offset: bigint): void
  marker(producer: ProducerStamp, committed: boolean): void
}

export interface ShardLog {
  /** Leader epoch under which this broker holds the partition: the coordinator's epoch. */
  readonly epoch: number
  /** Offset the next append gets. */
  readonly endOffset: bigint
  /** First offset that could still be lost (exclusive end of what is safe). */
  readonly highWatermark: bigint

  /**
   * Appends all records as one batch, or none. With `producer` the batch is transactional and stays
   * pending until that producer's marker. Throws CoordinatorError when the log refuses (not leader,
   * too large, storage failed): then nothing was appended.
   */
  append(records: readonly ShardRecord[], producer?: ProducerStamp): ShardAppend

  /** Reads the log from its start to its end as of now. May yield between batches. */
  replay(visitor: ReplayVisitor): Promise<void>

  /** Calls back whenever the high watermark moved up. Returns how to stop. */
  onHighWatermark(callback: () => void): () => void

  /**
   * Calls back for each marker appended to this partition after the subscription, synchronously with its
   * append (see the rule above); `offset` is the marker's own. Returns how to stop.
   */
  onMarker(callback: (producer: ProducerStamp, committed: boolean, offset: bigint) => void): () => void

  /**
   * Calls back once when the log can take no more: leadership lost, directory offline, topic deleted.
   * What was appended but not covered by the high watermark is then of unknown fate. Returns how to stop.
   */
  onClosed(callback: (errorCode: number) => void): () => void
}

/** An expected refusal on its way to the one edge (the facade) that turns it into a reply's error code. */
export class CoordinatorError extends Error {
  readonly errorCode: number

  constructor(errorCode: number, message: string) {
    super(message)
    this.name = 'CoordinatorError'
    this.errorCode = errorCode
  }
}
