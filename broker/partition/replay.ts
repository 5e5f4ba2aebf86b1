// The one way from batches that stand in the log to the state beside it: producers, open transactions,
// the abort index and leader epochs. Live markers and recovery go through here, so both build the same.

import type { Log } from '../log/log.ts'
import { readEndTxnMarker } from '../protocol/record-batch/control.ts'
import { NO_PRODUCER_ID } from '../protocol/record-batch/header.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { ProducerMarker, ProducerState } from './producer-state.ts'

/** The marker stands in the log at `offset`: ends the transaction, and indexes it where it was aborted. */
export function applyMarker(
  log: Log,
  producers: ProducerState,
  marker: ProducerMarker,
  offset: bigint,
  nowMs: number,
): void {
  const completed = producers.applyMarker(marker, offset, nowMs)
  if (completed === undefined) return
  const { transactions } = producers
  if (completed.aborted) {
    const { producerId, firstOffset } = completed
    const lastStableOffset = transactions.stableOffsetAfter(completed)
    log.addAbortedTransaction({ producerId, firstOffset, lastOffset: offset, lastStableOffset })
  }
  transactions.complete(completed)
}

/** Brings state that holds everything below `fromOffset` to the log's end. */
export function replayLog(
  log: Log,
  producers: ProducerState,
  epochs: LeaderEpochs,
  fromOffset: bigint,
  nowMs: number,
): void {
  log.replay(fromOffset, (head, buffer, at) => {
    if (head.baseOffset < fromOffset) return
    if (head.partitionLeaderEpoch >= 0) epochs.assign(head.partitionLeaderEpoch, head.baseOffset)
    if (head.producerId === NO_PRODUCER_ID) return
    if (!head.isControl) producers.applyBatch(head, head.baseOffset, nowMs)
    // Compaction leaves an empty control batch where a transaction's records are all gone.
    else if (head.recordCount > 0) {
      const marker = readEndTxnMarker(buffer, at)
      if (marker === undefined) return
      const { producerId, producerEpoch, maxTimestamp: timestamp } = head
      const { isCommit: commit, coordinatorEpoch } = marker
      const ended = { producerId, producerEpoch, coordinatorEpoch, commit, timestamp }
      applyMarker(log, producers, ended, head.baseOffset, nowMs)
    }
  })
}

/** The epochs alone, from all batches: for a log whose epochs' file is missing or damaged. */
export function replayEpochs(log: Log, epochs: LeaderEpochs, fromOffset: bigint): void {
  log.replay(fromOffset, ({ partitionLeaderEpoch, baseOffset }) => {
    if (partitionLeaderEpoch >= 0) epochs.assign(partitionLeaderEpoch, baseOffset)
  })
}
