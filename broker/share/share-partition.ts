// One share partition without log, clock and network (design law 1): which of its records are available, with a member,
// or done with. What is answered for good is written first: `acknowledge`, `release` begin a change and say what is to
// be written, `complete` ends it.
//
//              acquire                 accept
//   available ────────► acquired ──────────────► acknowledged
//       ▲                  │ │ reject, gap, or released for the last time
//       └──────────────────┘ └─────────────────► archived
//        release, lock expired
//
// Rules kept: a record is with one member at a time; it is delivered no more than `deliveryCountLimit` times; what is
// acknowledged is never available again; `startOffset` never goes back. Source: Kafka's SharePartition, but for runs
// instead of single records, and for holes that are filled when the state is loaded.

import { acknowledge, type ChangeRefused } from './acknowledgement.ts'
import { Acquisition, type AcquireRequest } from './acquisition.ts'
import type { AcknowledgementBatch, AcquiredRecords } from './offset-ranges.ts'
import { joinRuns, NO_LOCK, type RecordRun, recordStates } from './record-runs.ts'
import { RecordsInFlight } from './records-in-flight.ts'
import { begin, expire, isFree, type StateBatch, takeBack } from './run-changes.ts'

const { AVAILABLE, ACQUIRED } = recordStates

/** What a group is held to; read anew at each use, for it may change while everything runs. */
export interface ShareLimits {
  readonly deliveryCountLimit: number
  readonly partitionMaxRecordLocks: number
  readonly recordLockDurationMs: number
  readonly renewAcknowledgeEnable: boolean
}

/** A change that counts once it is written. */
export interface StateChange {
  readonly changeId: number
  /** Empty: there is nothing to write, and nothing to complete. */
  readonly batches: readonly StateBatch[]
}

export class SharePartition {
  private readonly limits: () => ShareLimits
  private readonly records: RecordsInFlight
  private lastChangeId = 0

  /** `kept`: states at or above `startOffset`, in their order. Throws where they are not. */
  constructor(startOffset: bigint, kept: readonly StateBatch[], limits: () => ShareLimits) {
    this.limits = limits
    this.records = new RecordsInFlight(startOffset, kept)
  }

  /** Everything below is done with. */
  get startOffset(): bigint {
    return this.records.startOffset
  }

  /** Last offset in flight; where nothing is in flight, the next offset to fetch. */
  get endOffset(): bigint {
    return this.records.endOffset
  }

  /** Records in flight that are done with: what lag does not count. */
  get deliveryCompleteCount(): number {
    return this.records.deliveryCompleteCount
  }

  /** Runs as they are now, for tests and assertions; not to be changed. */
  allRuns(): Iterable<RecordRun> {
    return this.records.runs()
  }

  /** Where to read from: the first available record, or what nobody has read. */
  get nextFetchOffset(): bigint {
    return this.records.nextFetchOffset
  }

  get canAcquire(): boolean {
    const { nextFetchOffset, nextOffset, count } = this.records
    return nextFetchOffset !== nextOffset || count < this.limits().partitionMaxRecordLocks
  }

  /** When the first lock expires; Infinity where none does. */
  get nextLockExpiryMs(): number {
    let expiresAtMs = NO_LOCK
    for (const run of this.records.runs()) {
      if (run.state === ACQUIRED) expiresAtMs = Math.min(expiresAtMs, run.lockExpiresAtMs)
    }
    return expiresAtMs
  }

  /** Gives a member what is available of the batches that were read, and what is new in them. */
  acquire(request: AcquireRequest, nowMs: number): AcquiredRecords[] {
    const lastRead = request.batches.at(-1)
    if (lastRead === undefined || request.maxRecords <= 0) return []
    if (lastRead.lastOffset < this.records.startOffset) return []
    const { deliveryCountLimit, partitionMaxRecordLocks, recordLockDurationMs } = this.limits()
    const lockExpiresAtMs = nowMs + recordLockDurationMs
    const limits = { deliveryCountLimit, partitionMaxRecordLocks, lockExpiresAtMs }
    return new Acquisition(this.records, request, limits).run()
  }

  /** All of the batches or none of them. Renewed locks count at once, they are not written. */
  acknowledge(
    memberId: string,
    batches: readonly AcknowledgementBatch[],
    nowMs: number,
  ): StateChange | ChangeRefused {
    const changeId = ++this.lastChangeId
    const { renewAcknowledgeEnable, recordLockDurationMs, deliveryCountLimit } = this.limits()
    const lockExpiresAtMs = nowMs + recordLockDurationMs
    const limits = { renewAcknowledgeEnable, deliveryCountLimit, lockExpiresAtMs }
    const written = acknowledge(this.records, memberId, batches, changeId, limits)
    return 'errorCode' in written ? written : { changeId, batches: written }
  }

  /** The member is gone: what it holds is available again. */
  release(memberId: string): StateChange {
    const changeId = ++this.lastChangeId
    const { deliveryCountLimit } = this.limits()
    const written: StateBatch[] = []
    for (const run of this.records.runs()) {
      if (run.state === ACQUIRED && run.memberId === memberId)
        written.push(begin(run, AVAILABLE, changeId, deliveryCountLimit))
    }
    return { changeId, batches: written }
  }

  /** Ends what `acknowledge` or `release` began; `isWritten` false takes it back. */
  complete({ changeId, batches }: StateChange, isWritten: boolean, nowMs: number): void {
    if (batches.length === 0) return
    for (const batch of this.records.all()) {
      let isTouched = false
      for (const run of batch.runs) {
        if (run.pending?.changeId !== changeId) continue
        isTouched = true
        if (isWritten) run.lockExpiresAtMs = NO_LOCK
        else takeBack(run, nowMs)
        run.pending = null
        if (run.state === AVAILABLE) this.records.freed()
      }
      if (isTouched) joinRuns(batch)
    }
    this.records.advance()
  }

  /** Locks that have expired by now; what is returned is to be written, and counts at once. */
  expireLocks(nowMs: number): StateBatch[] {
    const { deliveryCountLimit } = this.limits()
    const written: StateBatch[] = []
    for (const batch of this.records.all()) {
      let isTouched = false
      for (const run of batch.runs) {
        if (run.state !== ACQUIRED || run.lockExpiresAtMs > nowMs) continue
        written.push(expire(run, deliveryCountLimit))
        if (isFree(run)) this.records.freed()
        isTouched = true
      }
      if (isTouched) joinRuns(batch)
    }
    return written
  }

  /** Moves the start over what is done with. */
  advance(): void {
    this.records.advance()
  }

  /** The log begins later than what is in flight: what lies before is gone. */
  moveStart(logStartOffset: bigint): void {
    this.records.moveStart(logStartOffset)
  }
}
