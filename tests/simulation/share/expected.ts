// What members of a share group were told, record by record, and what must follow from it:
//
// - a record is with one member at a time, who knows of it and for how long, and nobody else can say what became of it;
// - it is never delivered more often than the limit, the last time alone, and never where its transaction was aborted;
// - one whose acknowledgement was answered is never delivered again, after a crash neither;
// - none is passed over that nobody has accepted, rejected, or had as often as may be.

import { recordStates } from '../../../broker/share/record-runs.ts'
import type { AcquiredRecords } from '../../../broker/share/offset-ranges.ts'
import type { SharePartition } from '../../../broker/share/share-partition.ts'

export interface Limits {
  lockMs: number
  deliveryCount: number
  /** Most that may be in flight. */
  inFlight: number
}

interface Held {
  readonly memberId: string
  untilMs: number
}

export class Expected {
  /** Answered as acknowledged: gone for good. */
  readonly done = new Set<number>()
  /** Of aborted transactions. */
  readonly aborted = new Set<number>()
  private readonly limits: Limits
  private readonly held = new Map<number, Held>()
  private readonly deliveries = new Map<number, number>()
  /** Acknowledged, and never answered: it may count, or not. */
  private readonly inDoubt = new Set<number>()
  private readonly hadBy = new Map<string, Set<number>>()
  private logStart = 0
  /** Below it everything was looked at: what is over stays so. */
  private passed = 0

  constructor(limits: Limits) {
    this.limits = limits
  }

  /** Those that a member has now, in order. */
  ownOf(memberId: string): number[] {
    return [...this.held]
      .filter(([, holder]) => holder.memberId === memberId)
      .map(([offset]) => offset)
      .sort((a, b) => a - b)
  }

  /** Those that it had once, and has no more. */
  lostBy(memberId: string): number[] {
    return [...(this.hadBy.get(memberId) ?? [])].filter(
      (offset) => this.held.get(offset)?.memberId !== memberId,
    )
  }

  acquired(ranges: readonly AcquiredRecords[], memberId: string, end: number, nowMs: number): number {
    const all = ranges.flatMap(({ firstOffset, lastOffset, deliveryCount }) =>
      range(firstOffset, lastOffset).map((offset) => ({ offset, deliveryCount })),
    )
    for (const { offset, deliveryCount } of all) {
      const holder = this.held.get(offset)
      if (this.done.has(offset)) throw new Error(`record ${offset} is acknowledged, and delivered again`)
      if (this.aborted.has(offset)) throw new Error(`record ${offset} is aborted, and delivered`)
      if (holder !== undefined && holder.untilMs > nowMs)
        throw new Error(`record ${offset} is with ${holder.memberId}, and delivered to ${memberId}`)
      if (deliveryCount > this.limits.deliveryCount)
        throw new Error(`record ${offset} is delivered ${deliveryCount} times`)
      if (deliveryCount === this.limits.deliveryCount && all.length > 1)
        throw new Error(`record ${offset} is delivered for the last time with others`)
      if (offset >= end) throw new Error(`record ${offset} is not in the log yet`)
      this.held.set(offset, { memberId, untilMs: nowMs + this.limits.lockMs })
      this.deliveries.set(offset, (this.deliveries.get(offset) ?? 0) + 1)
      const had = this.hadBy.get(memberId) ?? new Set()
      this.hadBy.set(memberId, had.add(offset))
    }
    return all.length
  }

  renewed(offset: number, memberId: string, nowMs: number): void {
    const holder = this.held.get(offset)
    if (holder?.memberId === memberId) holder.untilMs = nowMs + this.limits.lockMs
  }

  /** Answered. */
  released(offset: number, memberId: string): void {
    if (this.held.get(offset)?.memberId === memberId) this.held.delete(offset)
  }

  /** Answered. */
  finished(offset: number, memberId: string): void {
    this.done.add(offset)
    this.released(offset, memberId)
  }

  doubted(offset: number): void {
    this.inDoubt.add(offset)
  }

  /** What a member that is gone has had; `back` where that could not be written. */
  gone(memberId: string): { back: (nowMs: number) => void } {
    const had = [...this.held].filter(([, holder]) => holder.memberId === memberId)
    for (const [offset] of had) this.held.delete(offset)
    return {
      back: (nowMs) => {
        for (const [offset, holder] of had)
          if (holder.untilMs > nowMs && !this.held.has(offset) && !this.done.has(offset))
            this.held.set(offset, holder)
      },
    }
  }

  /** Returns how many locks are over. */
  expire(nowMs: number): number {
    const before = this.held.size
    for (const [offset, { untilMs }] of this.held) if (untilMs <= nowMs) this.held.delete(offset)
    return before - this.held.size
  }

  /** Locks are not kept: everybody's records are free. */
  forgetLocks(): void {
    this.held.clear()
  }

  /** The log has lost its beginning. */
  logStartsAt(offset: number): void {
    this.logStart = offset
    for (const held of this.held.keys()) if (held < offset) this.held.delete(held)
  }

  check(state: SharePartition, nowMs: number): void {
    const start = Number(state.startOffset)
    const known = new Set<number>()
    let next: number | undefined
    for (const run of state.allRuns()) {
      if (next !== undefined && Number(run.firstOffset) !== next)
        throw new Error(`a hole before ${run.firstOffset}`)
      if (run.deliveryCount > this.limits.deliveryCount)
        throw new Error(`${run.deliveryCount} deliveries are counted`)
      const isAcquired = run.state === recordStates.ACQUIRED
      for (const offset of range(run.firstOffset, run.lastOffset)) {
        const holder = this.held.get(offset)
        if (isAcquired && run.lockExpiresAtMs > nowMs) {
          if (holder?.memberId !== run.memberId)
            throw new Error(`record ${offset} is locked for ${run.memberId}, who does not know`)
          if (holder.untilMs !== run.lockExpiresAtMs)
            throw new Error(`record ${offset} is locked until ${run.lockExpiresAtMs}, not ${holder.untilMs}`)
        }
        if (isAcquired || run.pending !== null) known.add(offset)
      }
      next = Number(run.lastOffset) + 1
    }
    if (next !== undefined && next - start > this.limits.inFlight)
      throw new Error(`${next - start} records are in flight`)
    for (const [offset, { memberId, untilMs }] of this.held)
      if (untilMs > nowMs && !known.has(offset))
        throw new Error(`record ${offset} is with ${memberId}, of which nothing is known`)
    this.checkPassed(start)
  }

  /** Nothing below the start was lost. */
  private checkPassed(start: number): void {
    for (let offset = Math.max(this.passed, this.logStart); offset < start; offset++) {
      const isOver =
        this.done.has(offset) ||
        this.aborted.has(offset) ||
        this.inDoubt.has(offset) ||
        (this.deliveries.get(offset) ?? 0) >= this.limits.deliveryCount
      if (!isOver) throw new Error(`record ${offset} is passed over, and nobody is done with it`)
    }
    this.passed = Math.max(this.passed, start)
  }
}

function range(firstOffset: bigint, lastOffset: bigint): number[] {
  const [first, last] = [Number(firstOffset), Number(lastOffset)]
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}
