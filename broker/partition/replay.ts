// The one way from batches that stand in the log to the state beside it: producers, open transactions,
// the abort index and leader epochs. Live markers and recovery go through here, so both build the same.

import type { Log } from '../log/log.ts'
import type { SegmentDescription } from '../log/retention.ts'
import type { AbortedTransaction } from '../log/txn-index.ts'
import { readEndTxnMarker } from '../protocol/record-batch/control.ts'
import { NO_PRODUCER_ID } from '../protocol/record-batch/header.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { ProducerMarker, ProducerState } from './producer-state.ts'

/** What the transaction index is told of a marker at `offset`; undefined where it aborts nothing. Changes nothing. */
export function abortedBy(
  producers: ProducerState,
  marker: ProducerMarker,
  offset: bigint,
): AbortedTransaction | undefined {
  const completed = producers.completedBy(marker, offset)
  if (completed === undefined || !completed.aborted) return undefined
  const { producerId, firstOffset } = completed
  const lastStableOffset = producers.transactions.stableOffsetAfter(completed)
  return { producerId, firstOffset, lastOffset: offset, lastStableOffset }
}

/** The marker stands in the log at `offset`: ends the transaction. */
export function applyMarker(
  producers: ProducerState,
  marker: ProducerMarker,
  offset: bigint,
  nowMs: number,
): void {
  const completed = producers.applyMarker(marker, offset, nowMs)
  if (completed !== undefined) producers.transactions.complete(completed)
}

/** How far before a snapshot batches are recalled: a few requests of every producer, and quickly read. */
const RECALL_BYTES = 512 * 1024

/** The offset about RECALL_BYTES before `offset`, by what the segments hold on average. */
export function recallFrom(segments: readonly SegmentDescription[], offset: bigint): bigint {
  let from = offset
  let roomBytes = RECALL_BYTES
  for (const { baseOffset, endOffset, sizeInBytes } of segments.toReversed()) {
    if (baseOffset >= offset || endOffset === baseOffset) continue
    const until = endOffset < offset ? endOffset : offset
    const bytes = (sizeInBytes * Number(until - baseOffset)) / Number(endOffset - baseOffset)
    if (bytes > roomBytes) return until - BigInt(Math.floor((Number(until - baseOffset) * roomBytes) / bytes))
    from = baseOffset
    roomBytes -= bytes
  }
  return from
}

/**
 * Brings state that holds everything below `fromOffset` to the log's end. Batches from `recalledFrom` on, at or
 * below it, only tell of retries to come.
 */
export function replayLog(
  log: Log,
  producers: ProducerState,
  epochs: LeaderEpochs,
  fromOffset: bigint,
  nowMs: number,
  recalledFrom = fromOffset,
): void {
  log.replay(recalledFrom, (head, buffer, at) => {
    if (head.baseOffset < fromOffset) {
      if (head.producerId !== NO_PRODUCER_ID && !head.isControl) producers.recallBatch(head, head.baseOffset)
      return
    }
    if (head.partitionLeaderEpoch >= 0) epochs.assign(head.partitionLeaderEpoch, head.baseOffset)
    if (head.producerId === NO_PRODUCER_ID) return
    if (!head.isControl) producers.applyBatch(head, head.baseOffset, nowMs)
    else {
      const marker = readEndTxnMarker(buffer, at)
      if (marker === undefined) return
      const { producerId, producerEpoch } = head
      const { isCommit: commit, coordinatorEpoch } = marker
      const ended = { producerId, producerEpoch, coordinatorEpoch, commit }
      const aborted = abortedBy(producers, ended, head.baseOffset)
      applyMarker(producers, ended, head.baseOffset, nowMs)
      if (aborted !== undefined) log.addAbortedTransaction(aborted)
    }
  })
}

/** The epochs alone, from all batches: for a log whose epochs' file is missing or damaged. */
export function replayEpochs(log: Log, epochs: LeaderEpochs, fromOffset: bigint): void {
  log.replay(fromOffset, ({ partitionLeaderEpoch, baseOffset }) => {
    if (partitionLeaderEpoch >= 0) epochs.assign(partitionLeaderEpoch, baseOffset)
  })
}
