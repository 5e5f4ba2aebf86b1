// How far a partition has come, and who waits for it: high watermark, last stable offset, durable end,
// the syncs that move them, and the callbacks that follow them.
// Rules kept: neither watermark goes back (I4), the stable offset never passes the high watermark; callbacks
// run outside of append, after all of the partition's state is consistent.

import type { Log } from '../log/log.ts'
import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import type { GroupCommit } from '../storage/group-commit.ts'
import type { Clock, Timer } from '../time/clock.ts'
import { Flusher } from './flusher.ts'
import { HighWatermark } from './high-watermark.ts'
import { OffsetWaiters, type WaiterCallback } from './offset-waiters.ts'
import type { OpenTransactions } from './open-transactions.ts'
import type { PartitionConfig } from './partition-api.ts'

export class Progress {
  private readonly log: Log
  private readonly transactions: OpenTransactions
  private readonly clock: Clock
  private readonly watermark: HighWatermark
  private readonly flusher: Flusher
  private readonly aboveHighWatermark = new OffsetWaiters()
  private readonly notDurable = new OffsetWaiters()
  private readonly advanceCallbacks = new Set<() => void>()
  private config: PartitionConfig
  private stableOffset: bigint
  private notifying = false
  private intervalTimer: Timer | undefined
  /** Set once: what everybody who waits is answered from then on. */
  private ended: ErrorCode = errorCodes.NONE

  /** The log is recovered, and what recovery kept is durable: all of it may be read. */
  constructor(
    log: Log,
    transactions: OpenTransactions,
    config: PartitionConfig,
    clock: Clock,
    commit: GroupCommit,
  ) {
    this.log = log
    this.transactions = transactions
    this.config = config
    this.clock = clock
    this.watermark = new HighWatermark(config.durability, log.endOffset)
    this.flusher = new Flusher(log, commit, (endOffset) => {
      if (this.watermark.onDurable(endOffset)) this.moveStableOffset()
      this.notifySoon()
    })
    transactions.onHighWatermark(log.endOffset)
    this.stableOffset = this.stableOffsetNow()
  }

  get highWatermark(): bigint {
    return this.watermark.value
  }

  get lastStableOffset(): bigint {
    return this.stableOffset
  }

  get durableEndOffset(): bigint {
    return this.watermark.durableEnd
  }

  /** The log has grown from `baseOffset` on, and the producers' state knows it. */
  afterAppend(baseOffset: bigint, forceDurable: boolean): void {
    if (this.watermark.onAppend(baseOffset, this.log.endOffset, forceDurable)) {
      this.moveStableOffset()
      this.notifySoon()
    }
    const { durability, flushMessages, flushMs } = this.config
    if (durability === 'memory') return
    if (durability === 'fsync' || forceDurable) this.flusher.request()
    else if (durability === 'interval') {
      if (this.log.endOffset - this.watermark.durableEnd >= BigInt(flushMessages)) this.flusher.request()
      else this.syncWithin(flushMs)
    }
  }

  /** The log start offset was raised: a transaction that began below it holds nothing back any more. */
  afterStartMoved(): void {
    this.moveStableOffset()
    this.notifySoon()
  }

  setConfig(config: PartitionConfig): void {
    this.config = config
    if (this.watermark.setDurability(config.durability, this.log.durableEndOffset)) this.moveStableOffset()
    if (config.durability === 'fsync') this.flusher.request()
    this.notifySoon()
  }

  /** Everything appended so far shall become durable, whatever the topic's durability is. */
  requestSync(): void {
    if (this.config.durability !== 'memory') this.flusher.request()
  }

  /** Calls back once the high watermark is beyond `offset`: at once where it is. Returns the canceller. */
  onHighWatermark(offset: bigint, callback: WaiterCallback): () => void {
    return this.waitFor(offset, this.highWatermark, this.aboveHighWatermark, callback)
  }

  /** The same for the durable end; asks for the sync that is missing. */
  onDurable(offset: bigint, callback: WaiterCallback): () => void {
    if (offset >= this.durableEndOffset) this.requestSync()
    return this.waitFor(offset, this.durableEndOffset, this.notDurable, callback)
  }

  onAdvance(callback: () => void): () => void {
    this.advanceCallbacks.add(callback)
    return () => void this.advanceCallbacks.delete(callback)
  }

  /** Nothing more will come: answers everybody who waits. Called once. */
  end(errorCode: ErrorCode): void {
    this.ended = errorCode
    this.intervalTimer?.cancel()
    this.aboveHighWatermark.fail(errorCode)
    this.notDurable.fail(errorCode)
    this.advanceCallbacks.clear()
  }

  /** No further syncs; resolves when none is under way. */
  async stopSyncing(): Promise<void> {
    this.intervalTimer?.cancel()
    await this.flusher.stop()
  }

  private waitFor(
    offset: bigint,
    reached: bigint,
    waiters: OffsetWaiters,
    callback: WaiterCallback,
  ): () => void {
    if (this.ended === errorCodes.NONE && offset >= reached) return waiters.add(offset, callback)
    callback(this.ended)
    return () => {}
  }

  private syncWithin(flushMs: number): void {
    this.intervalTimer ??= this.clock.setTimer(flushMs, () => {
      this.intervalTimer = undefined
      this.flusher.request()
    })
  }

  private moveStableOffset(): void {
    this.transactions.onHighWatermark(this.highWatermark)
    const stable = this.stableOffsetNow()
    if (stable < this.stableOffset || stable > this.highWatermark) {
      throw new Error(
        `${this.log.path}: last stable offset ${this.stableOffset} to ${stable}, high watermark ${this.highWatermark}`,
      )
    }
    this.stableOffset = stable
  }

  private stableOffsetNow(): bigint {
    const unstable = this.transactions.firstUnstableOffset
    if (unstable === undefined || unstable >= this.highWatermark) return this.highWatermark
    return unstable < this.log.logStartOffset ? this.log.logStartOffset : unstable
  }

  private notifySoon(): void {
    if (this.notifying) return
    this.notifying = true
    queueMicrotask(() => {
      if (this.notifying) this.notify()
    })
  }

  private notify(): void {
    this.notifying = false
    if (this.ended !== errorCodes.NONE) return
    this.aboveHighWatermark.release(this.highWatermark)
    this.notDurable.release(this.durableEndOffset)
    for (const callback of Array.from(this.advanceCallbacks)) callback()
  }
}
