// What is appended to one partition: a producer's batch, a coordinator's own, the marker that ends a transaction.
//
//   check, producer state, stamp ── log.append ── apply ── progress ── waiters, listeners
//
// Rules kept: an append is done when the call returns, or not at all; where it breaks off halfway the partition is
// offline, for log and state are apart. Where nothing has run out but room, only that append is refused.

import type { AbortedTransaction } from '../log/txn-index.ts'
import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import { buildEndTxnMarker } from '../protocol/record-batch/builder.ts'
import {
  type BatchHeader,
  NO_PRODUCER_ID,
  readBatchHeader,
  stampBatch,
} from '../protocol/record-batch/header.ts'
import { isTemporary } from '../storage/storage.ts'
import { appended, refuseAppend, refuseByLog } from './partition-answers.ts'
import type { AppendOptions, AppendResult, MarkerOptions, PartitionConfig } from './partition-api.ts'
import type { PartitionParts } from './partition-parts.ts'
import { prepareBatch } from './prepare-batch.ts'
import type { Progress } from './progress.ts'
import { abortedBy, applyMarker } from './replay.ts'

export type MarkerCallback = (marker: MarkerOptions, offset: bigint) => void

/** Whom it writes for, as it is at that moment. */
export interface WrittenPartition {
  readonly config: PartitionConfig
  readonly leaderEpoch: number
  readonly offlineReason: Error | undefined
  fail(reason: Error): void
  /** The code that stands for a failure of storage; anything else is a bug and goes on its way. */
  failureCode(error: unknown): ErrorCode
}

export class PartitionWriter {
  private readonly parts: PartitionParts
  private readonly progress: Progress
  private readonly partition: WrittenPartition
  private readonly onRefusing: (reason: Error) => void
  private readonly markerCallbacks = new Set<MarkerCallback>()
  private refusing: Error | undefined

  /** `onRefusing` is called for the first append that found no room, and again after one that did. */
  constructor(
    parts: PartitionParts,
    progress: Progress,
    partition: WrittenPartition,
    onRefusing: (reason: Error) => void,
  ) {
    this.parts = parts
    this.progress = progress
    this.partition = partition
    this.onRefusing = onRefusing
  }

  /** There was no room for the last append. */
  get refusal(): Error | undefined {
    return this.refusing
  }

  append(records: Buffer, options: AppendOptions): AppendResult {
    const { log, producers } = this.parts
    const prepared = prepareBatch(records, this.partition.config, options)
    if ('errorCode' in prepared) return refuseByLog(log.logStartOffset, prepared)
    const { batch, head, logAppendTimeMs } = prepared
    const fromProducer = head.producerId !== NO_PRODUCER_ID
    if (fromProducer) {
      const decision = producers.decideBatch(head, options.fromClient, options.startsAtZero === true)
      if (decision.kind === 'refuse') return refuseByLog(log.logStartOffset, decision)
      if (decision.kind === 'duplicate') {
        const { lastOffset, offsetDelta, timestamp } = decision.kept
        const baseOffset = lastOffset - BigInt(offsetDelta)
        return appended(log.logStartOffset, baseOffset, lastOffset, timestamp, true)
      }
    }
    const failed = this.guarded(() => {
      this.appendToLog(batch, head)
      if (fromProducer) producers.applyBatch(head, head.baseOffset, options.nowMs)
    })
    if (failed !== undefined) {
      // It comes again when there is room: none of its producer's that follow may overtake it.
      const { producerId, producerEpoch, baseSequence } = head
      if (fromProducer) producers.noteBatchPutOff(producerId, producerEpoch, baseSequence, options.nowMs)
      return failed
    }
    this.progress.afterAppend(head.baseOffset, options.forceDurable === true)
    return appended(log.logStartOffset, head.baseOffset, log.endOffset - 1n, logAppendTimeMs)
  }

  appendMarker(marker: MarkerOptions): AppendResult {
    const { log, producers } = this.parts
    const decision = producers.decideMarker(marker)
    if (decision !== undefined) return refuseAppend(decision.errorCode, decision.errorMessage)
    const { producerId, producerEpoch, commit, coordinatorEpoch, nowMs } = marker
    const batch = buildEndTxnMarker(producerId, producerEpoch, commit, coordinatorEpoch, nowMs)
    const head = readBatchHeader(batch, 0)
    const failed = this.guarded(() => {
      this.appendToLog(batch, head, abortedBy(producers, marker, log.endOffset))
      applyMarker(producers, marker, head.baseOffset, nowMs)
    })
    if (failed !== undefined) return failed
    this.progress.afterAppend(head.baseOffset, true)
    for (const callback of Array.from(this.markerCallbacks)) callback(marker, head.baseOffset)
    return appended(log.logStartOffset, head.baseOffset, head.baseOffset, -1n)
  }

  onMarker(callback: MarkerCallback): () => void {
    this.markerCallbacks.add(callback)
    return () => void this.markerCallbacks.delete(callback)
  }

  private appendToLog(batch: Buffer, head: BatchHeader, aborted?: AbortedTransaction): void {
    const { log, epochs, files } = this.parts
    const { leaderEpoch } = this.partition
    head.baseOffset = log.endOffset
    head.partitionLeaderEpoch = leaderEpoch
    stampBatch(batch, 0, head.baseOffset, head.partitionLeaderEpoch)
    log.append(batch, head, aborted)
    if (epochs.assign(leaderEpoch, head.baseOffset)) files.writeEpochs(epochs)
  }

  /** What is answered where the append breaks off. */
  private guarded(append: () => void): AppendResult | undefined {
    const { partition } = this
    const { log } = this.parts
    const { endOffset } = log
    try {
      append()
      this.refusing = undefined
      return undefined
    } catch (error) {
      if (isTemporary(error) && log.endOffset === endOffset) {
        if (this.refusing === undefined) this.onRefusing(error)
        this.refusing = error
        return refuseAppend(errorCodes.KAFKA_STORAGE_ERROR, error.message)
      }
      partition.fail(error as Error)
      return refuseAppend(partition.failureCode(error), partition.offlineReason?.message)
    }
  }
}
