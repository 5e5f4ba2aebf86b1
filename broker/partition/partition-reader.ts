// What readers of one partition are answered: batches up to their watermark, the aborted transactions
// among them, and places in the log. Reads only; failures of storage are thrown to the caller.
// Rules kept: nothing at or above the high watermark is told, nothing at or above the last stable offset
// to read_committed (I4).

import type { Log } from '../log/log.ts'
import type { LogRead } from '../log/log-read.ts'
import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import { lookUpOffset } from './offset-lookup.ts'
import type { EpochEndOffset, Isolation, OffsetLookup, PartitionRead, ReadOptions } from './partition-api.ts'
import type { Progress } from './progress.ts'

const NOTHING = Buffer.alloc(0)

export class PartitionReader {
  private readonly log: Log
  private readonly epochs: LeaderEpochs
  private readonly progress: Progress

  constructor(log: Log, epochs: LeaderEpochs, progress: Progress) {
    this.log = log
    this.epochs = epochs
    this.progress = progress
  }

  read(options: ReadOptions): PartitionRead {
    if (!this.isInRange(options)) return this.answer(options, errorCodes.OFFSET_OUT_OF_RANGE)
    const until = this.visibleEnd(options.isolation)
    if (options.fromOffset >= until) return this.answer(options, errorCodes.NONE)
    const found = this.log.read(
      options.fromOffset,
      options.maxBytes,
      until,
      options.minOneBatch,
      options.allocate,
    )
    return this.answer(options, errorCodes.NONE, found)
  }

  async readOffThread(options: ReadOptions): Promise<PartitionRead> {
    if (!this.isInRange(options)) return this.answer(options, errorCodes.OFFSET_OUT_OF_RANGE)
    const until = this.visibleEnd(options.isolation)
    if (options.fromOffset >= until) return this.answer(options, errorCodes.NONE)
    const found = await this.log.readOffThread(
      options.fromOffset,
      options.maxBytes,
      until,
      options.minOneBatch,
      options.allocate,
    )
    return this.answer(options, errorCodes.NONE, found)
  }

  listOffset(timestamp: bigint, isolation: Isolation, leaderEpoch: number): OffsetLookup {
    const found = lookUpOffset(this.log, this.epochs, leaderEpoch, timestamp, this.visibleEnd(isolation))
    return { errorCode: errorCodes.NONE, ...found }
  }

  offsetForLeaderEpoch(epoch: number, leaderEpoch: number): EpochEndOffset {
    // A follower without an epoch asks for -1, and no epoch ends there.
    const found = epoch < 0 ? undefined : this.epochs.endOffsetOf(epoch, leaderEpoch, this.log.endOffset)
    return {
      errorCode: errorCodes.NONE,
      leaderEpoch: found?.epoch ?? -1,
      endOffset: found?.endOffset ?? -1n,
    }
  }

  private visibleEnd(isolation: Isolation): bigint {
    return isolation === 'read_committed' ? this.progress.lastStableOffset : this.progress.highWatermark
  }

  /** Between the watermark and the log's end there is nothing to see yet, which is no error. */
  private isInRange({ fromOffset }: ReadOptions): boolean {
    return fromOffset >= this.log.logStartOffset && fromOffset <= this.log.endOffset
  }

  private answer(options: ReadOptions, errorCode: ErrorCode, found?: LogRead): PartitionRead {
    const committed = options.isolation === 'read_committed'
    return {
      errorCode,
      records: found?.buffer ?? NOTHING,
      nextOffset: errorCode === errorCodes.NONE ? (found?.nextOffset ?? options.fromOffset) : -1n,
      highWatermark: errorCode === errorCodes.NONE ? this.progress.highWatermark : -1n,
      lastStableOffset: errorCode === errorCodes.NONE ? this.progress.lastStableOffset : -1n,
      logStartOffset: this.log.logStartOffset,
      abortedTransactions: committed ? this.abortedAmong(options.fromOffset, found) : null,
    }
  }

  private abortedAmong(fromOffset: bigint, found: LogRead | undefined): PartitionRead['abortedTransactions'] {
    if (found === undefined) return []
    return this.log
      .abortedTransactions(fromOffset, found.nextOffset)
      .map(({ producerId, firstOffset }) => ({ producerId, firstOffset }))
  }
}
