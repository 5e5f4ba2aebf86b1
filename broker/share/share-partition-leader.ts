// A share partition in use: the machine, its place in the log, the writing of its state and the timer of its locks.
// Whoever waits for records is called back when there may be some, or when it has ended.

import type { Partition } from '../partition/partition.ts'
import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { AcknowledgementBatch, AcquiredRecords } from './offset-ranges.ts'
import type { AcquireRequest } from './acquisition.ts'
import { RecordDensity } from './record-density.ts'
import type { StateBatch } from './run-changes.ts'
import { SharePartition, type ShareLimits, type StateChange } from './share-partition.ts'
import {
  isFenced,
  memberErrorCode,
  type SharePartitionKey,
  type ShareStateStore,
  type StateOutcome,
} from './state-store.ts'

export interface ShareGroupSettings extends ShareLimits {
  readonly isolation: 'read_uncommitted' | 'read_committed'
  /** Where a group begins that has not read yet: a place, or how long before now. */
  readonly autoOffsetReset: { kind: 'earliest' | 'latest' } | { kind: 'by_duration'; durationMs: number }
}

export interface LeaderServices {
  clock: Clock
  store: ShareStateStore
  settings: (groupId: string) => ShareGroupSettings
  /** It can be used no more: it is to be loaded anew. */
  onEnded: (leader: SharePartitionLeader) => void
}

const OK: StateOutcome = { errorCode: errorCodes.NONE, errorMessage: null }

export class SharePartitionLeader {
  readonly key: SharePartitionKey
  readonly partition: Partition
  readonly leaderEpoch: number
  /** For whoever reads its log. */
  readonly density = new RecordDensity()
  private readonly services: LeaderServices
  private machine: SharePartition | undefined
  private stateEpoch = 0
  private ended: StateOutcome | undefined
  private isBusy = false
  private readonly passedOver = new Set<() => void>()
  private lockTimer: { timer: Timer; atMs: number } | undefined
  private readonly callbacks = new Set<() => void>()
  private readonly unsubscribe: () => void

  constructor(key: SharePartitionKey, partition: Partition, services: LeaderServices) {
    this.key = key
    this.partition = partition
    this.leaderEpoch = partition.leaderEpoch
    this.services = services
    this.unsubscribe = partition.onEnd((errorCode) => this.end({ errorCode, errorMessage: null }))
  }

  /** What it has ended with; undefined while it can be used or is being loaded. */
  get failure(): StateOutcome | undefined {
    return this.ended
  }

  /** For tests and assertions; undefined until it is loaded. */
  get state(): SharePartition | undefined {
    return this.machine
  }

  async load(): Promise<void> {
    try {
      const kept = await this.services.store.read(this.key, this.leaderEpoch)
      if (this.ended !== undefined) return
      const errorCode = memberErrorCode(kept.errorCode)
      if (errorCode !== errorCodes.NONE) {
        this.end({ errorCode, errorMessage: kept.errorMessage })
        return
      }
      this.stateEpoch = kept.stateEpoch
      const startOffset = kept.startOffset >= 0n ? kept.startOffset : this.resetOffset()
      this.machine = new SharePartition(startOffset, kept.batches, () =>
        this.services.settings(this.key.groupId),
      )
      this.changed()
    } catch (error) {
      this.end({
        errorCode: errorCodes.UNKNOWN_SERVER_ERROR,
        errorMessage: error instanceof Error ? error.message : String(error),
      })
    }
  }

  /** Calls back when there may be something to acquire, or when it has ended. Returns how to stop. */
  onChange(callback: () => void): () => void {
    this.callbacks.add(callback)
    return () => void this.callbacks.delete(callback)
  }

  /**
   * Where to read for an acquisition; undefined where there is none to make, or another fetch is at it. Then `again` is
   * called once, when that one has let go.
   */
  beginFetch(again?: () => void): bigint | undefined {
    if (this.machine === undefined || this.ended !== undefined) return undefined
    if (this.isBusy) {
      if (again !== undefined) this.passedOver.add(again)
      return undefined
    }
    if (!this.machine.canAcquire) return undefined
    this.isBusy = true
    return this.machine.nextFetchOffset
  }

  /**
   * `hasChanged`: something was acquired, or is not to be read again. A fetch that has only looked must not wake itself:
   * it would look again without end.
   */
  endFetch(hasChanged: boolean): void {
    this.isBusy = false
    const waiting = [...this.passedOver]
    this.passedOver.clear()
    for (const again of waiting) again()
    if (hasChanged) this.changed()
  }

  /** Who was passed over waits no more. */
  forget(again: () => void): void {
    this.passedOver.delete(again)
  }

  acquire(request: AcquireRequest): AcquiredRecords[] {
    if (this.machine === undefined || this.ended !== undefined) return []
    const acquired = this.machine.acquire(request, this.services.clock.now())
    if (acquired.length > 0) this.armLockTimer(this.services.settings(this.key.groupId).recordLockDurationMs)
    return acquired
  }

  /** The log no longer has what was to be read. */
  logStartMoved(): void {
    this.machine?.moveStart(this.partition.logStartOffset)
  }

  /** Resolves when what is acknowledged is safe. */
  acknowledge(memberId: string, batches: readonly AcknowledgementBatch[]): Promise<StateOutcome> {
    if (this.ended !== undefined) return Promise.resolve(this.ended)
    if (this.machine === undefined)
      return Promise.resolve({ errorCode: errorCodes.LEADER_NOT_AVAILABLE, errorMessage: null })
    const nowMs = this.services.clock.now()
    const change = this.machine.acknowledge(memberId, batches, nowMs)
    if ('errorCode' in change)
      return Promise.resolve({
        errorCode: change.errorCode as ErrorCode,
        errorMessage: change.errorMessage,
      })
    this.armLockTimerAt(this.machine.nextLockExpiryMs)
    return this.carryOut(change)
  }

  release(memberId: string): Promise<StateOutcome> {
    if (this.ended !== undefined) return Promise.resolve(this.ended)
    return this.machine === undefined ? Promise.resolve(OK) : this.carryOut(this.machine.release(memberId))
  }

  /** Whoever waits for it hears that it is gone. */
  end(outcome: StateOutcome): void {
    if (this.ended !== undefined) return
    this.ended = outcome
    this.unsubscribe()
    this.lockTimer?.timer.cancel()
    this.lockTimer = undefined
    this.services.onEnded(this)
    this.changed()
    this.callbacks.clear()
  }

  private resetOffset(): bigint {
    const { autoOffsetReset: reset } = this.services.settings(this.key.groupId)
    const timestamp = timestampOf(reset, this.services.clock.now())
    const { errorCode, offset } = this.partition.listOffset(timestamp, 'read_uncommitted', this.leaderEpoch)
    if (errorCode !== errorCodes.NONE) throw new Error(`no offset to begin with: error ${errorCode}`)
    // Nothing is as young as that: the group begins with what comes.
    return offset >= 0n ? offset : this.partition.highWatermark
  }

  private async carryOut(change: StateChange): Promise<StateOutcome> {
    if (change.batches.length === 0) return OK
    const outcome = await this.write(change.batches)
    this.machine?.complete(change, outcome.errorCode === errorCodes.NONE, this.services.clock.now())
    if (this.machine !== undefined) this.armLockTimerAt(this.machine.nextLockExpiryMs)
    if (isFenced(outcome.errorCode)) this.end(outcome)
    this.changed()
    return outcome
  }

  private async write(batches: readonly StateBatch[]): Promise<StateOutcome> {
    const { machine, stateEpoch, leaderEpoch } = this
    if (machine === undefined) throw new Error('a share partition is written before it is loaded')
    const { startOffset, deliveryCompleteCount } = machine
    const state = { stateEpoch, leaderEpoch, startOffset, deliveryCompleteCount, batches }
    try {
      const { errorCode, errorMessage } = await this.services.store.write(this.key, state)
      return { errorCode: memberErrorCode(errorCode), errorMessage }
    } catch (error) {
      return {
        errorCode: errorCodes.UNKNOWN_SERVER_ERROR,
        errorMessage: error instanceof Error ? error.message : String(error),
      }
    }
  }

  private armLockTimer(afterMs: number): void {
    this.armLockTimerAt(this.services.clock.now() + afterMs)
  }

  /** One timer for all locks, at the first that expires. */
  private armLockTimerAt(atMs: number): void {
    if (this.ended !== undefined || atMs === Infinity) return
    if (this.lockTimer !== undefined) {
      if (this.lockTimer.atMs <= atMs) return
      this.lockTimer.timer.cancel()
    }
    const { clock } = this.services
    const afterMs = Math.max(0, atMs - clock.now())
    this.lockTimer = { atMs, timer: clock.setTimer(afterMs, () => this.locksExpired()) }
  }

  private locksExpired(): void {
    this.lockTimer = undefined
    const { machine } = this
    if (machine === undefined || this.ended !== undefined) return
    const expired = machine.expireLocks(this.services.clock.now())
    this.armLockTimerAt(machine.nextLockExpiryMs)
    if (expired.length === 0) return
    // Records that were archived by it are passed over once that is kept; if it is not, they are the next time.
    void this.write(expired).then((outcome) => {
      machine.advance()
      if (isFenced(outcome.errorCode)) this.end(outcome)
      this.changed()
    })
    this.changed()
  }

  private changed(): void {
    // A fetch that hears of it stops listening only later, in a turn of its own.
    for (const callback of this.callbacks) callback()
  }
}

const LATEST_TIMESTAMP = -1n
const EARLIEST_TIMESTAMP = -2n

function timestampOf(reset: ShareGroupSettings['autoOffsetReset'], nowMs: number): bigint {
  switch (reset.kind) {
    case 'earliest':
      return EARLIEST_TIMESTAMP
    case 'latest':
      return LATEST_TIMESTAMP
    case 'by_duration':
      return BigInt(Math.max(0, nowMs - reset.durationMs))
  }
}
