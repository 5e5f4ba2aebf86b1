// Which batches a producer may append to one partition. `decide…` reads and changes nothing; `apply…` is
// the only mutator, shared by live appends and by the replay after a restart, so both build one state.
//
//   incoming batch of producer p, epoch e, sequences [first, last]         answer
//   p unknown                                                              append, whatever `first` is
//   p unknown, of transaction.version 2, first > 0                         OUT_OF_ORDER_SEQUENCE_NUMBER
//   p unknown, a batch of e with a lower sequence was put off              OUT_OF_ORDER_SEQUENCE_NUMBER
//   e < kept epoch                                                         INVALID_PRODUCER_EPOCH
//   e = kept epoch, [first, last] is one of the five kept batches          duplicate: the kept offsets
//   e = kept epoch, first follows the last sequence (0 after 2^31 - 1)     append
//   e > kept epoch, first = 0                                              append; older batches forgotten
//   else (a gap, or a retry older than the five kept)                      OUT_OF_ORDER_SEQUENCE_NUMBER
//   p has a transaction open, the batch is not transactional               INVALID_TXN_STATE
//
//   marker of producer p, epoch e, coordinator epoch c                     answer
//   e < kept epoch                                                         INVALID_PRODUCER_EPOCH
//   e = kept epoch, of transaction.version 2, p has a transaction open     INVALID_PRODUCER_EPOCH (of the one before)
//   c < kept coordinator epoch                                             TRANSACTION_COORDINATOR_FENCED
//   else                                                                   append; ends p's transaction
//
// Source: Kafka's ProducerAppendInfo, VerificationStateEntry and ProducerStateManager; KIP-98, KIP-360, KIP-890.

import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import { type CompletedTransaction, OpenTransactions } from './open-transactions.ts'
import {
  findKeptBatch,
  KEPT_BATCHES,
  type KeptBatch,
  lastSequenceOf,
  newProducerEntry,
  type ProducerEntry,
} from './producer-entry.ts'
import { followsSequence, incrementSequence } from './sequence.ts'

/** The fields of a batch's head that matter here; `BatchHeader` has them. */
export interface ProducerBatch {
  producerId: bigint
  producerEpoch: number
  /** -1 from a coordinator: then sequences are not checked. */
  baseSequence: number
  lastOffsetDelta: number
  maxTimestamp: bigint
  isTransactional: boolean
}

export interface ProducerMarker {
  producerId: bigint
  producerEpoch: number
  coordinatorEpoch: number
  commit: boolean
  /** Not in the log: a replay takes what stands there. */
  transactionVersion?: number
}

export interface Refusal {
  kind: 'refuse'
  errorCode: ErrorCode
  errorMessage: string
}

export type BatchDecision = { kind: 'append' } | { kind: 'duplicate'; kept: KeptBatch } | Refusal

/** int16: beyond it an epoch cannot be raised. */
const MAX_EPOCH = 32767

/**
 * Producers whose first batch here was put off and has not come again: as many as there may be requests under way,
 * and many times over. One that is forgotten is as it would be in a Kafka that was restarted meanwhile.
 */
export const MAX_PUT_OFF = 10_000

const APPEND: BatchDecision = { kind: 'append' }

export class ProducerState {
  private readonly entries = new Map<bigint, ProducerEntry>()
  readonly transactions = new OpenTransactions()
  /**
   * By producer that is not known yet, the lowest sequence of batches that were put off: the coordinator could not
   * say whether they belong to a transaction. What follows them must not come first, or they would be out of order
   * for ever. At most MAX_PUT_OFF, the oldest first: anybody may name a producer that never comes again.
   */
  private readonly putOff = new Map<bigint, { producerEpoch: number; sequence: number; atMs: number }>()

  get producerCount(): number {
    return this.entries.size
  }

  entry(producerId: bigint): Readonly<ProducerEntry> | undefined {
    return this.entries.get(producerId)
  }

  allEntries(): IterableIterator<Readonly<ProducerEntry>> {
    return this.entries.values()
  }

  /** Whether this producer epoch has a transaction open on the partition. */
  hasOpenTransaction(producerId: bigint, producerEpoch: number): boolean {
    const entry = this.entries.get(producerId)
    return entry?.openSince !== undefined && entry.producerEpoch === producerEpoch
  }

  /**
   * The batch of this sequence was refused without being looked at, and will come again. Of a producer that is
   * known its own sequence says what is due, and a late retry must not be mistaken for it.
   */
  noteBatchPutOff(producerId: bigint, producerEpoch: number, sequence: number, atMs: number): void {
    if (this.entries.has(producerId)) return
    const known = this.putOff.get(producerId)
    const isLater = known !== undefined && known.producerEpoch > producerEpoch
    const isHigher = known?.producerEpoch === producerEpoch && known.sequence <= sequence
    if (isLater || isHigher) return
    // Behind all others, as the newest.
    this.putOff.delete(producerId)
    this.putOff.set(producerId, { producerEpoch, sequence, atMs })
    if (this.putOff.size <= MAX_PUT_OFF) return
    for (const oldest of this.putOff.keys()) return void this.putOff.delete(oldest)
  }

  /** `startsAtZero`: of a producer that begins every epoch anew, so that none of its batches comes from nowhere. */
  decideBatch(batch: ProducerBatch, checkSequence: boolean, startsAtZero = false): BatchDecision {
    const entry = this.entries.get(batch.producerId)
    const { producerEpoch, baseSequence } = batch
    if (entry === undefined) {
      const putOff = this.putOff.get(batch.producerId)
      const comesTooEarly = putOff?.producerEpoch === producerEpoch && baseSequence > putOff.sequence
      if (!checkSequence) return APPEND
      if (comesTooEarly) return outOfOrder(batch, putOff.sequence)
      return startsAtZero && baseSequence !== 0 ? outOfOrder(batch, 0) : APPEND
    }
    if (checkSequence && producerEpoch === entry.producerEpoch) {
      const kept = findKeptBatch(entry, baseSequence, lastSequenceOfBatch(batch))
      if (kept !== undefined) return { kind: 'duplicate', kept }
    }
    if (producerEpoch < entry.producerEpoch) return staleEpoch(batch, entry)
    if (checkSequence) {
      const last = producerEpoch === entry.producerEpoch ? lastSequenceOf(entry) : -1
      if (!followsSequence(last, baseSequence)) {
        return refuse(
          errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
          `producer ${batch.producerId} epoch ${producerEpoch} sent sequence ${baseSequence}, ` +
            `the last one here is ${last} of epoch ${producerEpoch === entry.producerEpoch ? producerEpoch : entry.producerEpoch}`,
        )
      }
    }
    if (entry.openSince !== undefined && !batch.isTransactional) {
      return refuse(
        errorCodes.INVALID_TXN_STATE,
        `producer ${batch.producerId} sent a batch outside its transaction, open since offset ${entry.openSince}`,
      )
    }
    return APPEND
  }

  decideMarker(marker: ProducerMarker): Refusal | undefined {
    const entry = this.entries.get(marker.producerId)
    if (entry === undefined) return undefined
    if (marker.producerEpoch < entry.producerEpoch) return staleEpoch(marker, entry)
    // Its transaction has ended already, or it is the retry of the marker that ended it; 32767 is beyond raising.
    const endsTheNextOne =
      (marker.transactionVersion ?? 0) >= 2 &&
      marker.producerEpoch === entry.producerEpoch &&
      entry.openSince !== undefined &&
      marker.producerEpoch !== MAX_EPOCH
    if (endsTheNextOne) {
      return refuse(
        errorCodes.INVALID_PRODUCER_EPOCH,
        `marker for producer ${marker.producerId} epoch ${marker.producerEpoch}, which has records of that epoch`,
      )
    }
    if (marker.coordinatorEpoch < entry.coordinatorEpoch) {
      return refuse(
        errorCodes.TRANSACTION_COORDINATOR_FENCED,
        `marker for producer ${marker.producerId} from coordinator epoch ${marker.coordinatorEpoch}, ` +
          `${entry.coordinatorEpoch} has written here`,
      )
    }
    return undefined
  }

  /** The batch stands in the log from `baseOffset` on. Never refuses: the log is the truth. */
  applyBatch(batch: ProducerBatch, baseOffset: bigint, nowMs: number): void {
    const entry = this.entryOfEpoch(batch.producerId, batch.producerEpoch)
    this.putOff.delete(batch.producerId)
    entry.batches.push({
      lastSequence: lastSequenceOfBatch(batch),
      lastOffset: baseOffset + BigInt(batch.lastOffsetDelta),
      offsetDelta: batch.lastOffsetDelta,
      timestamp: batch.maxTimestamp,
    })
    if (entry.batches.length > KEPT_BATCHES) entry.batches.shift()
    entry.lastUsedMs = nowMs
    if (batch.isTransactional && entry.openSince === undefined) {
      entry.openSince = baseOffset
      this.transactions.begin(batch.producerId, baseOffset)
    }
  }

  get isEmpty(): boolean {
    return this.entries.size === 0
  }

  /**
   * A batch that stands before the snapshot which this state came from. A snapshot has the last batch of a
   * producer; with those before it a retry that a crash or a stop cut off is known again. Changes nothing else.
   */
  recallBatch(batch: ProducerBatch, baseOffset: bigint): void {
    const entry = this.entries.get(batch.producerId)
    const known = entry?.batches.at(-1)
    if (entry === undefined || known === undefined || entry.producerEpoch !== batch.producerEpoch) return
    const lastSequence = lastSequenceOfBatch(batch)
    const lastOffset = baseOffset + BigInt(batch.lastOffsetDelta)
    if (lastSequence < 0 || lastOffset >= known.lastOffset) return
    const recalled = {
      lastSequence,
      lastOffset,
      offsetDelta: batch.lastOffsetDelta,
      timestamp: batch.maxTimestamp,
    }
    entry.batches.splice(-1, 0, recalled)
    if (entry.batches.length > KEPT_BATCHES) entry.batches.shift()
  }

  /** The marker stands in the log at `offset`. Returns the transaction that it ends, if it had data here. */
  applyMarker(marker: ProducerMarker, offset: bigint, nowMs: number): CompletedTransaction | undefined {
    const entry = this.entryOfEpoch(marker.producerId, marker.producerEpoch)
    this.putOff.delete(marker.producerId)
    entry.coordinatorEpoch = marker.coordinatorEpoch
    entry.lastUsedMs = nowMs
    const completed = this.completedBy(marker, offset)
    entry.openSince = undefined
    return completed
  }

  /** The transaction that a marker at `offset` ends, if its producer has one open here. Changes nothing. */
  completedBy(marker: ProducerMarker, offset: bigint): CompletedTransaction | undefined {
    const { producerId, commit } = marker
    const firstOffset = this.entries.get(producerId)?.openSince
    return firstOffset === undefined
      ? undefined
      : { producerId, firstOffset, markerOffset: offset, aborted: !commit }
  }

  /** From a snapshot, before any replay. */
  restore(entries: readonly ProducerEntry[]): void {
    for (const entry of entries) this.entries.set(entry.producerId, entry)
    const open = entries.filter(({ openSince }) => openSince !== undefined)
    open.sort((a, b) => ((a.openSince as bigint) < (b.openSince as bigint) ? -1 : 1))
    for (const { producerId, openSince } of open) this.transactions.begin(producerId, openSince as bigint)
  }

  /**
   * Forgets producers unused for `expirationMs`, never one with an open transaction; returns how many.
   * Their next batch is accepted whatever its sequence is (KIP-360).
   */
  expire(nowMs: number, expirationMs: number): number {
    const before = this.entries.size
    for (const [producerId, entry] of this.entries) {
      if (entry.openSince === undefined && nowMs - entry.lastUsedMs >= expirationMs) {
        this.entries.delete(producerId)
      }
    }
    for (const [producerId, { atMs }] of this.putOff) {
      if (nowMs - atMs >= expirationMs) this.putOff.delete(producerId)
    }
    return before - this.entries.size
  }

  /** A changed epoch starts its sequences anew, so the batches of the one before count no longer. */
  private entryOfEpoch(producerId: bigint, producerEpoch: number): ProducerEntry {
    let entry = this.entries.get(producerId)
    if (entry === undefined) {
      entry = newProducerEntry(producerId, producerEpoch)
      this.entries.set(producerId, entry)
    } else if (entry.producerEpoch !== producerEpoch) {
      entry.producerEpoch = producerEpoch
      entry.batches = []
    }
    return entry
  }
}

function lastSequenceOfBatch({ baseSequence, lastOffsetDelta }: ProducerBatch): number {
  return baseSequence < 0 ? baseSequence : incrementSequence(baseSequence, lastOffsetDelta)
}

function outOfOrder({ producerId, producerEpoch, baseSequence }: ProducerBatch, expected: number): Refusal {
  return refuse(
    errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
    `producer ${producerId} epoch ${producerEpoch} sent sequence ${baseSequence} before ${expected}`,
  )
}

function staleEpoch(from: { producerId: bigint; producerEpoch: number }, entry: ProducerEntry): Refusal {
  return refuse(
    errorCodes.INVALID_PRODUCER_EPOCH,
    `producer ${from.producerId} epoch ${from.producerEpoch} is older than epoch ${entry.producerEpoch}`,
  )
}

function refuse(errorCode: ErrorCode, errorMessage: string): Refusal {
  return { kind: 'refuse', errorCode, errorMessage }
}
