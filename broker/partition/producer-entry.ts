// What a partition remembers of one producer: its epoch, its last five batches, its open transaction.
// Plain data and the two questions asked of it. Source: Kafka's ProducerStateEntry.

import type { ProducerSnapshotEntry } from '../log/producer-snapshot.ts'
import { decrementSequence } from './sequence.ts'

/** A client may have this many requests in flight, so a retry can be this far behind (KIP-98). */
export const KEPT_BATCHES = 5

export interface KeptBatch {
  /** -1 where the batch had no sequence (a coordinator's own records). */
  lastSequence: number
  lastOffset: bigint
  /** Last offset minus base offset: the batch's size in offsets, and in sequences, minus one. */
  offsetDelta: number
  /** The batch's max timestamp as stored, in ms. */
  timestamp: bigint
}

export interface ProducerEntry {
  readonly producerId: bigint
  producerEpoch: number
  /** Oldest first; only batches of the present epoch. */
  batches: KeptBatch[]
  /** Of the coordinator that wrote the last marker; -1 = none yet. */
  coordinatorEpoch: number
  /** First offset of the transaction that is open here. */
  openSince: bigint | undefined
  /**
   * By the broker's clock: a producer may write records dated long ago, and still be at work. Kafka keeps the
   * records' own time, and so forgets such a producer at its next start.
   */
  lastUsedMs: number
}

export function newProducerEntry(producerId: bigint, producerEpoch: number): ProducerEntry {
  return {
    producerId,
    producerEpoch,
    batches: [],
    coordinatorEpoch: -1,
    openSince: undefined,
    lastUsedMs: 0,
  }
}

function baseSequenceOf(batch: KeptBatch): number {
  return batch.lastSequence < 0
    ? batch.lastSequence
    : decrementSequence(batch.lastSequence, batch.offsetDelta)
}

/** Sequence of the last record of this epoch, -1 when the epoch has written none. */
export function lastSequenceOf(entry: ProducerEntry): number {
  return entry.batches.at(-1)?.lastSequence ?? -1
}

/** The kept batch with exactly these sequences. Older ones are forgotten: their retry is out of order. */
export function findKeptBatch(
  entry: ProducerEntry,
  baseSequence: number,
  lastSequence: number,
): KeptBatch | undefined {
  return entry.batches.find(
    (batch) => batch.lastSequence === lastSequence && baseSequenceOf(batch) === baseSequence,
  )
}

/** As a snapshot file has it: of the five batches only the last one. */
export function toSnapshot(entry: Readonly<ProducerEntry>): ProducerSnapshotEntry {
  const last = entry.batches.at(-1)
  return {
    producerId: entry.producerId,
    epoch: entry.producerEpoch,
    lastSequence: last?.lastSequence ?? -1,
    lastOffset: last?.lastOffset ?? -1n,
    offsetDelta: last?.offsetDelta ?? 0,
    timestamp: BigInt(entry.lastUsedMs),
    coordinatorEpoch: entry.coordinatorEpoch,
    currentTxnFirstOffset: entry.openSince ?? -1n,
  }
}

export function fromSnapshot(snapshot: ProducerSnapshotEntry): ProducerEntry {
  const { lastSequence, lastOffset, offsetDelta, timestamp, currentTxnFirstOffset } = snapshot
  return {
    producerId: snapshot.producerId,
    producerEpoch: snapshot.epoch,
    batches: lastOffset < 0n ? [] : [{ lastSequence, lastOffset, offsetDelta, timestamp }],
    coordinatorEpoch: snapshot.coordinatorEpoch,
    openSince: currentTxnFirstOffset < 0n ? undefined : currentTxnFirstOffset,
    lastUsedMs: Number(timestamp),
  }
}
