// One acquisition: what of the batches that were read from the log a member is given. First what is available among the
// records in flight, then what nobody has had.
//
// Rules kept: a record that was delivered often may be what breaks its consumers, so it comes in ever smaller numbers,
// and for the last time alone. Source: Kafka's SharePartition.acquire and what it calls.

import {
  type AcquiredRecords,
  cut,
  endOfBatchAt,
  joined,
  type OffsetRange,
  without,
} from './offset-ranges.ts'
import {
  type InFlightBatch,
  joinRuns,
  lengthOf,
  type RecordRun,
  recordStates,
  runsWithin,
} from './record-runs.ts'
import type { RecordsInFlight } from './records-in-flight.ts'
import { acquiredRecords, isFree, lock } from './run-changes.ts'

const { AVAILABLE, ACQUIRED } = recordStates

export interface AcquireRequest {
  memberId: string
  /** Never more than `maxRecords` (KIP-1206); else whole batches of the log, as a rule. */
  isRecordLimit: boolean
  /** How many records an answered range is to have; a batch of the log is not cut for it. */
  batchSize: number
  maxRecords: number
  /** Where the log was read from. */
  fetchOffset: bigint
  /** Batches of the log that were read, in their order. */
  batches: readonly OffsetRange[]
  /** Those of them that belong to aborted transactions, for a reader of committed records. */
  aborted: readonly OffsetRange[]
}

export interface AcquireLimits {
  readonly deliveryCountLimit: number
  readonly partitionMaxRecordLocks: number
  readonly lockExpiresAtMs: number
}

export class Acquisition {
  private readonly records: RecordsInFlight
  private readonly request: AcquireRequest
  private readonly limits: AcquireLimits
  private readonly acquired: AcquiredRecords[] = []
  /** What of the log is looked at. */
  private readonly first: bigint
  private readonly last: bigint
  private left: number

  /** `batches` are not empty, and reach above the start. */
  constructor(records: RecordsInFlight, request: AcquireRequest, limits: AcquireLimits) {
    this.records = records
    this.request = request
    this.limits = limits
    this.first = (request.batches[0] as OffsetRange).firstOffset
    const room = this.room((request.batches.at(-1) as OffsetRange).lastOffset)
    this.left = room.maxRecords
    this.last = room.lastOffset
  }

  run(): AcquiredRecords[] {
    if (this.left <= 0) return []
    const { fetchOffset, aborted } = this.request
    // What the log no longer has where it was read (compaction, retention) is done with.
    if (fetchOffset < this.first) {
      this.records.archive({ firstOffset: fetchOffset, lastOffset: this.first - 1n }, AVAILABLE)
      this.records.advance()
    }
    this.takeAll()
    if (aborted.length === 0 || this.acquired.length === 0) return this.acquired
    for (const range of aborted) this.records.archive(range, ACQUIRED)
    this.records.advance()
    return without(this.acquired, aborted)
  }

  /** Where records in flight are as many as may be, only those among them that are available can be had. */
  private room(lastOffset: bigint): { maxRecords: number; lastOffset: bigint } {
    const { maxRecords, fetchOffset } = this.request
    const { endOffset, count } = this.records
    const free = this.limits.partitionMaxRecordLocks - count
    if (free > 0) return { maxRecords: Math.min(maxRecords, free), lastOffset }
    if (fetchOffset > endOffset) return { maxRecords: 0, lastOffset }
    const within = Number(endOffset - fetchOffset) + 1
    const last = lastOffset < endOffset ? lastOffset : endOffset
    return { maxRecords: Math.min(maxRecords, within), lastOffset: last }
  }

  private takeAll(): void {
    const overlapping = this.records.overlapping(this.first, this.last)
    for (const batch of overlapping) {
      if (this.left <= 0) break
      const isThrottled = this.isThrottled(batch)
      // A record that was delivered often comes without others.
      if (isThrottled && this.acquired.length > 0) return
      const count = this.takeOf(batch, isThrottled)
      this.left -= count
      if (isThrottled && count > 0) return
    }
    const next = overlapping.at(-1)?.lastOffset
    const newFrom = next === undefined ? this.first : next + 1n
    if (this.left > 0 && newFrom <= this.last) this.takeNew(newFrom)
  }

  private isThrottled(batch: InFlightBatch): boolean {
    const from = throttleFrom(this.limits.deliveryCountLimit)
    return batch.runs.some(
      (run) =>
        isFree(run) &&
        run.deliveryCount >= from &&
        (!batch.isSplit || (run.lastOffset >= this.first && run.firstOffset <= this.last)),
    )
  }

  /** Returns how many. */
  private takeOf(batch: InFlightBatch, isThrottled: boolean): number {
    const { isRecordLimit, batches } = this.request
    const isWithin = batch.firstOffset >= this.first && batch.lastOffset <= this.last
    const isTooLong = isRecordLimit && lengthOf(batch) > this.left
    const isWhole = isWithin && !batch.isSplit && !isTooLong && !isThrottled && !batch.isUnread
    if (isWhole) {
      const run = batch.runs[0] as RecordRun
      if (!isFree(run)) return 0
      this.lock(run, this.acquired)
      return lengthOf(run)
    }
    let last = this.last
    if (batch.isUnread && !isRecordLimit) {
      const first = batch.firstOffset > this.first ? batch.firstOffset : this.first
      const aligned = endOfBatchAt(batches, first + BigInt(this.left) - 1n)
      if (aligned < last) last = aligned
    }
    if (!batch.isSplit && !isFree(batch.runs[0] as RecordRun)) return 0
    return this.takeSome(batch, last)
  }

  private takeSome(batch: InFlightBatch, lastOffset: bigint): number {
    const { deliveryCountLimit } = this.limits
    const throttledFrom = throttleFrom(deliveryCountLimit)
    const sizeOfBatch = lengthOf(batch)
    const own: AcquiredRecords[] = []
    let count = 0
    let most = this.request.isRecordLimit ? this.left : Infinity
    for (const run of runsWithin(batch, this.first, lastOffset)) {
      if (count >= most) break
      if (!isFree(run)) continue
      const isLast = deliveryCountLimit > 2 && run.deliveryCount === deliveryCountLimit - 1
      if (isLast && count > 0) break
      if (run.deliveryCount >= throttledFrom) {
        const halvings = run.deliveryCount - throttledFrom + 1
        most = Math.min(most, Math.max(1, Math.floor(sizeOfBatch / 2 ** halvings)))
        if (count >= most) break
      }
      const take = isLast ? 1 : Math.min(lengthOf(run), most - count)
      const isWhole = take === lengthOf(run)
      const end = run.firstOffset + BigInt(take) - 1n
      for (const taken of isWhole ? [run] : runsWithin(batch, run.firstOffset, end)) this.lock(taken, own)
      count += take
      if (!isWhole || isLast) break
    }
    batch.isSplit = true
    this.acquired.push(...joined(own))
    joinRuns(batch)
    return count
  }

  /** Records that nobody has had. */
  private takeNew(fromOffset: bigint): void {
    const { isRecordLimit, batches, batchSize } = this.request
    const { nextOffset } = this.records
    const first = fromOffset < nextOffset ? nextOffset : fromOffset
    let last = this.last
    if (first > last) return
    if (BigInt(this.left) < last - first + 1n) {
      const aligned = endOfBatchAt(batches, first + BigInt(this.left) - 1n)
      if (aligned < last) last = aligned
    }
    this.records.skipTo(first)
    const ranges = isRecordLimit
      ? [{ firstOffset: first, lastOffset: last }]
      : cut(first, last, batches, batchSize)
    for (const range of ranges) {
      const batch = this.records.append(range)
      const most = isRecordLimit ? Math.min(this.left, lengthOf(range)) : lengthOf(range)
      for (const run of runsWithin(batch, range.firstOffset, range.firstOffset + BigInt(most) - 1n))
        this.lock(run, this.acquired)
      if (batch.isSplit) this.records.freed()
    }
  }

  private lock(run: RecordRun, acquired: AcquiredRecords[]): void {
    lock(run, this.request.memberId, this.limits.lockExpiresAtMs)
    acquired.push(acquiredRecords(run))
  }
}

/** From how many deliveries on records are given out in smaller numbers. */
function throttleFrom(deliveryCountLimit: number): number {
  return Math.max(2, Math.ceil(deliveryCountLimit / 2))
}
