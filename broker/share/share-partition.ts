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

import { errorCodes } from '../protocol/errors.ts'
import {
  type AcknowledgementBatch,
  type AcquiredRecords,
  byType,
  cut,
  endOfBatchAt,
  joined,
  type OffsetRange,
  without,
} from './offset-ranges.ts'
import {
  cutAt,
  floorIndex,
  type InFlightBatch,
  isTerminal,
  joinRuns,
  lengthOf,
  newBatch,
  NO_LOCK,
  NO_MEMBER,
  type RecordRun,
  type RecordState,
  recordStates,
  runsWithin,
} from './record-runs.ts'

const { AVAILABLE, ACQUIRED, ACKNOWLEDGED, ARCHIVED } = recordStates

/** As the share coordinator keeps it. */
export interface StateBatch extends OffsetRange {
  deliveryState: number
  deliveryCount: number
}

/** What a group is held to; read anew at each use, for it may change while everything runs. */
export interface ShareLimits {
  readonly deliveryCountLimit: number
  readonly partitionMaxRecordLocks: number
  readonly recordLockDurationMs: number
  readonly renewAcknowledgeEnable: boolean
}

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

/** Acknowledge types of the protocol, by their numbers. */
export const acknowledgeTypes = { GAP: 0, ACCEPT: 1, RELEASE: 2, REJECT: 3, RENEW: 4 } as const

/** A change that counts once it is written. */
export interface StateChange {
  readonly changeId: number
  /** Empty: there is nothing to write, and nothing to complete. */
  readonly batches: readonly StateBatch[]
}

export interface ChangeRefused {
  errorCode: number
  errorMessage: string
}

const stateAfter: Readonly<Record<number, RecordState>> = {
  [acknowledgeTypes.GAP]: ARCHIVED,
  [acknowledgeTypes.ACCEPT]: ACKNOWLEDGED,
  [acknowledgeTypes.RELEASE]: AVAILABLE,
  [acknowledgeTypes.REJECT]: ARCHIVED,
}

export class SharePartition {
  private readonly limits: () => ShareLimits
  /** In the order of their offsets, none of them below `start`. */
  private inFlight: InFlightBatch[] = []
  private start: bigint
  /** Last offset in flight; where nothing is in flight, the next offset to fetch. */
  private end: bigint
  private lastChangeId = 0
  /** False: nothing is available, the next offset to fetch is behind all that is in flight. */
  private mayHaveAvailable = false

  /** `batches`: kept states at or above `startOffset`, in their order. Throws where they are not. */
  constructor(startOffset: bigint, batches: readonly StateBatch[], limits: () => ShareLimits) {
    this.limits = limits
    this.start = startOffset
    this.end = startOffset
    let next = startOffset
    for (const { firstOffset, lastOffset, deliveryState, deliveryCount } of batches) {
      if (firstOffset < next || lastOffset < firstOffset) {
        throw new Error(`a kept state of ${firstOffset} to ${lastOffset} where ${next} is expected`)
      }
      if (firstOffset > next) this.inFlight.push(unread(next, firstOffset - 1n))
      const state = stateOf(deliveryState)
      const free = { memberId: NO_MEMBER, lockExpiresAtMs: NO_LOCK }
      this.inFlight.push(newBatch({ firstOffset, lastOffset, state, deliveryCount, ...free }))
      next = lastOffset + 1n
    }
    if (this.inFlight.length > 0) this.end = next - 1n
    this.mayHaveAvailable = true
    this.advance()
  }

  /** Everything below is done with. */
  get startOffset(): bigint {
    return this.start
  }

  /** Last offset in flight; where nothing is in flight, the next offset to fetch. */
  get endOffset(): bigint {
    return this.end
  }

  /** Records in flight that are done with: what lag does not count. */
  get deliveryCompleteCount(): number {
    let count = 0
    for (const run of this.allRuns()) if (isTerminal(run.state)) count += lengthOf(run)
    return count
  }

  /** Runs as they are now, for tests and assertions; not to be changed. */
  *allRuns(): Iterable<RecordRun> {
    for (const { runs } of this.inFlight) yield* runs
  }

  /** Where to read from: the first available record, or what nobody has read. */
  get nextFetchOffset(): bigint {
    if (this.inFlight.length === 0) return this.end
    if (this.mayHaveAvailable) {
      for (const run of this.allRuns()) if (isFree(run)) return run.firstOffset
      this.mayHaveAvailable = false
    }
    return this.end + 1n
  }

  get canAcquire(): boolean {
    if (this.inFlight.length > 0 && this.nextFetchOffset !== this.end + 1n) return true
    return this.recordsInFlight < this.limits().partitionMaxRecordLocks
  }

  /** When the first lock expires; Infinity where none does. */
  get nextLockExpiryMs(): number {
    let expiresAtMs = NO_LOCK
    for (const run of this.allRuns()) {
      if (run.state === ACQUIRED) expiresAtMs = Math.min(expiresAtMs, run.lockExpiresAtMs)
    }
    return expiresAtMs
  }

  /** Gives a member what is available of the batches that were read, and what is new in them. */
  acquire(request: AcquireRequest, nowMs: number): AcquiredRecords[] {
    const { batches, maxRecords, fetchOffset, aborted } = request
    const firstRead = batches[0]
    const lastRead = batches.at(-1)
    if (firstRead === undefined || lastRead === undefined || maxRecords <= 0) return []
    if (lastRead.lastOffset < this.start) return []
    const room = this.room(fetchOffset, maxRecords, lastRead.lastOffset)
    if (room.maxRecords <= 0) return []
    this.archiveMissing(fetchOffset, firstRead.firstOffset)
    const lockExpiresAtMs = nowMs + this.limits().recordLockDurationMs
    const acquired = this.acquireWithin(request, firstRead.firstOffset, room, lockExpiresAtMs)
    if (aborted.length === 0 || acquired.length === 0) return acquired
    for (const range of aborted) this.archive(range, ACQUIRED)
    this.advance()
    return without(acquired, aborted)
  }

  /** All of the batches or none of them. Renewed locks count at once, they are not written. */
  acknowledge(
    memberId: string,
    batches: readonly AcknowledgementBatch[],
    nowMs: number,
  ): StateChange | ChangeRefused {
    const changeId = ++this.lastChangeId
    const written: StateBatch[] = []
    for (const batch of batches) {
      const refused = this.acknowledgeBatch(memberId, batch, changeId, written, nowMs)
      if (refused === undefined) continue
      this.complete({ changeId, batches: written }, false, nowMs)
      return refused
    }
    return { changeId, batches: written }
  }

  /** The member is gone: what it holds is available again. */
  release(memberId: string): StateChange {
    const changeId = ++this.lastChangeId
    const { deliveryCountLimit } = this.limits()
    const written: StateBatch[] = []
    for (const run of this.allRuns()) {
      if (run.state === ACQUIRED && run.memberId === memberId)
        written.push(begin(run, AVAILABLE, changeId, deliveryCountLimit))
    }
    return { changeId, batches: written }
  }

  /** Ends what `acknowledge` or `release` began; `isWritten` false takes it back. */
  complete({ changeId, batches }: StateChange, isWritten: boolean, nowMs: number): void {
    if (batches.length === 0) return
    for (const batch of this.inFlight) {
      let isTouched = false
      for (const run of batch.runs) {
        if (run.pending?.changeId !== changeId) continue
        isTouched = true
        if (isWritten) run.lockExpiresAtMs = NO_LOCK
        else takeBack(run, nowMs)
        run.pending = null
        if (run.state === AVAILABLE) this.mayHaveAvailable = true
      }
      if (isTouched) joinRuns(batch)
    }
    this.advance()
  }

  /** Locks that have expired by now; what is returned is to be written, and counts at once. */
  expireLocks(nowMs: number): StateBatch[] {
    const { deliveryCountLimit } = this.limits()
    const written: StateBatch[] = []
    for (const batch of this.inFlight) {
      let isTouched = false
      for (const run of batch.runs) {
        if (run.state !== ACQUIRED || run.lockExpiresAtMs > nowMs) continue
        run.state = run.deliveryCount >= deliveryCountLimit ? ARCHIVED : AVAILABLE
        run.memberId = NO_MEMBER
        run.lockExpiresAtMs = NO_LOCK
        if (run.state === AVAILABLE) this.mayHaveAvailable = true
        written.push(stateBatch(run))
        isTouched = true
      }
      if (isTouched) joinRuns(batch)
    }
    return written
  }

  /** Moves the start over what is done with. */
  advance(): void {
    while (this.inFlight.length > 0) {
      const batch = this.inFlight[0] as InFlightBatch
      const open = batch.runs.findIndex((run) => !isTerminal(run.state) || run.pending !== null)
      if (open !== 0)
        this.dropBelow(open < 0 ? batch.lastOffset + 1n : (batch.runs[open] as RecordRun).firstOffset)
      if (open >= 0) return
    }
  }

  /** The log begins later than what is in flight: what lies before is gone. */
  moveStart(logStartOffset: bigint): void {
    if (logStartOffset <= this.start) return
    this.dropBelow(logStartOffset)
    this.advance()
  }

  private get recordsInFlight(): number {
    return this.inFlight.length === 0 ? 0 : Number(this.end - this.start) + 1
  }

  private dropBelow(offset: bigint): void {
    let whole = 0
    while ((this.inFlight[whole]?.lastOffset ?? offset) < offset) whole++
    this.inFlight.splice(0, whole)
    const first = this.inFlight[0]
    if (first !== undefined && first.firstOffset < offset) {
      first.runs = runsWithin(first, offset, first.lastOffset)
      first.firstOffset = offset
    }
    this.start = offset
    if (first === undefined && this.end < offset) this.end = offset
  }

  /** Where records in flight are as many as may be, only those among them that are available can be had. */
  private room(
    fetchOffset: bigint,
    maxRecords: number,
    lastOffset: bigint,
  ): { maxRecords: number; lastOffset: bigint } {
    const free = this.limits().partitionMaxRecordLocks - this.recordsInFlight
    if (free > 0) return { maxRecords: Math.min(maxRecords, free), lastOffset }
    if (fetchOffset > this.end) return { maxRecords: 0, lastOffset }
    const within = Number(this.end - fetchOffset) + 1
    const last = lastOffset < this.end ? lastOffset : this.end
    return { maxRecords: Math.min(maxRecords, within), lastOffset: last }
  }

  /** What the log no longer has where it was read (compaction, retention) is done with. */
  private archiveMissing(fetchOffset: bigint, firstReadOffset: bigint): void {
    if (fetchOffset >= firstReadOffset) return
    this.archive({ firstOffset: fetchOffset, lastOffset: firstReadOffset - 1n }, AVAILABLE)
    this.advance()
  }

  private archive({ firstOffset, lastOffset }: OffsetRange, from: RecordState): void {
    for (const batch of this.inFlight) {
      if (batch.firstOffset > lastOffset || batch.lastOffset < firstOffset) continue
      for (const run of runsWithin(batch, firstOffset, lastOffset)) {
        if (run.state !== from || run.pending !== null) continue
        run.state = ARCHIVED
        run.memberId = NO_MEMBER
        run.lockExpiresAtMs = NO_LOCK
      }
      joinRuns(batch)
    }
  }

  private acquireWithin(
    request: AcquireRequest,
    firstReadOffset: bigint,
    room: { maxRecords: number; lastOffset: bigint },
    lockExpiresAtMs: number,
  ): AcquiredRecords[] {
    const { lastOffset } = room
    let left = room.maxRecords
    const acquired: AcquiredRecords[] = []
    const floor = floorIndex(this.inFlight, firstReadOffset)
    const reaches = floor >= 0 && (this.inFlight[floor] as InFlightBatch).lastOffset >= firstReadOffset
    const from = reaches ? floor : floor + 1
    const to = floorIndex(this.inFlight, lastOffset) + 1
    const overlapping = this.inFlight.slice(from, to)
    for (const batch of overlapping) {
      if (left <= 0) break
      const isThrottled = this.isThrottled(batch, firstReadOffset, lastOffset)
      // A record that was delivered often may be what breaks its consumers: it comes without others.
      if (isThrottled && acquired.length > 0) return acquired
      const count = this.acquireOf(
        batch,
        request,
        { firstReadOffset, lastOffset, left, isThrottled },
        acquired,
        lockExpiresAtMs,
      )
      left -= count
      if (isThrottled && count > 0) return acquired
    }
    const next = overlapping.at(-1)?.lastOffset
    const newFrom = next === undefined ? firstReadOffset : next + 1n
    if (left > 0 && newFrom <= lastOffset)
      this.acquireNew(request, newFrom, lastOffset, left, acquired, lockExpiresAtMs)
    return acquired
  }

  /** Returns how many. */
  private acquireOf(
    batch: InFlightBatch,
    request: AcquireRequest,
    within: { firstReadOffset: bigint; lastOffset: bigint; left: number; isThrottled: boolean },
    acquired: AcquiredRecords[],
    lockExpiresAtMs: number,
  ): number {
    const { firstReadOffset, left, isThrottled } = within
    let { lastOffset } = within
    const isWithin = batch.firstOffset >= firstReadOffset && batch.lastOffset <= lastOffset
    const isTooLong = request.isRecordLimit && lengthOf(batch) > left
    const isWhole = isWithin && !batch.isSplit && !isTooLong && !isThrottled && !batch.isUnread
    if (isWhole) {
      const run = batch.runs[0] as RecordRun
      if (!isFree(run)) return 0
      lock(run, request.memberId, lockExpiresAtMs)
      acquired.push(acquiredRecords(run))
      return lengthOf(run)
    }
    if (batch.isUnread && !request.isRecordLimit) {
      const first = batch.firstOffset > firstReadOffset ? batch.firstOffset : firstReadOffset
      const aligned = endOfBatchAt(request.batches, first + BigInt(left) - 1n)
      if (aligned < lastOffset) lastOffset = aligned
    }
    if (!batch.isSplit && !isFree(batch.runs[0] as RecordRun)) return 0
    return this.acquireSubset(
      batch,
      request,
      { firstReadOffset, lastOffset, left },
      acquired,
      lockExpiresAtMs,
    )
  }

  private acquireSubset(
    batch: InFlightBatch,
    { memberId, isRecordLimit }: AcquireRequest,
    { firstReadOffset, lastOffset, left }: { firstReadOffset: bigint; lastOffset: bigint; left: number },
    acquired: AcquiredRecords[],
    lockExpiresAtMs: number,
  ): number {
    const { deliveryCountLimit } = this.limits()
    const throttledFrom = throttleFrom(deliveryCountLimit)
    const sizeOfBatch = lengthOf(batch)
    const own: AcquiredRecords[] = []
    let count = 0
    let most = isRecordLimit ? left : Infinity
    for (const run of runsWithin(batch, firstReadOffset, lastOffset)) {
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
      for (const taken of isWhole ? [run] : runsWithin(batch, run.firstOffset, end)) {
        lock(taken, memberId, lockExpiresAtMs)
        own.push(acquiredRecords(taken))
      }
      count += take
      if (!isWhole || isLast) break
    }
    batch.isSplit = true
    acquired.push(...joined(own))
    joinRuns(batch)
    return count
  }

  /** Records that nobody has had. */
  private acquireNew(
    { memberId, isRecordLimit, batches, batchSize }: AcquireRequest,
    fromOffset: bigint,
    lastOffset: bigint,
    maxRecords: number,
    acquired: AcquiredRecords[],
    lockExpiresAtMs: number,
  ): void {
    const next = this.inFlight.length === 0 ? this.end : this.end + 1n
    const first = fromOffset < next ? next : fromOffset
    if (first > lastOffset) return
    let last = lastOffset
    if (BigInt(maxRecords) < last - first + 1n) {
      const aligned = endOfBatchAt(batches, first + BigInt(maxRecords) - 1n)
      if (aligned < last) last = aligned
    }
    // The log has nothing in between: nobody will ever ask for it.
    if (this.inFlight.length === 0) this.start = first
    else if (first > next)
      this.inFlight.push(newBatch({ ...gone, firstOffset: next, lastOffset: first - 1n }))
    const ranges = isRecordLimit
      ? [{ firstOffset: first, lastOffset: last }]
      : cut(first, last, batches, batchSize)
    for (const range of ranges) {
      const batch = newBatch({
        ...range,
        state: AVAILABLE,
        deliveryCount: 0,
        memberId: NO_MEMBER,
        lockExpiresAtMs: NO_LOCK,
      })
      this.inFlight.push(batch)
      const most = isRecordLimit ? Math.min(maxRecords, lengthOf(range)) : lengthOf(range)
      for (const run of runsWithin(batch, range.firstOffset, range.firstOffset + BigInt(most) - 1n)) {
        lock(run, memberId, lockExpiresAtMs)
        acquired.push(acquiredRecords(run))
      }
      if (batch.isSplit) this.mayHaveAvailable = true
    }
    this.end = last
  }

  private isThrottled(batch: InFlightBatch, firstOffset: bigint, lastOffset: bigint): boolean {
    const from = throttleFrom(this.limits().deliveryCountLimit)
    return batch.runs.some(
      (run) =>
        isFree(run) &&
        run.deliveryCount >= from &&
        (!batch.isSplit || (run.lastOffset >= firstOffset && run.firstOffset <= lastOffset)),
    )
  }

  private acknowledgeBatch(
    memberId: string,
    batch: AcknowledgementBatch,
    changeId: number,
    written: StateBatch[],
    nowMs: number,
  ): ChangeRefused | undefined {
    const unknown = batch.acknowledgeTypes.find(
      (type) => stateAfter[type] === undefined && type !== acknowledgeTypes.RENEW,
    )
    if (unknown !== undefined)
      return refused(
        errorCodes.INVALID_REQUEST,
        `Invalid acknowledge type: [${batch.acknowledgeTypes.join(', ')}]`,
      )
    // What lies below the start is done with already.
    if (batch.lastOffset < this.start) return undefined
    const firstOffset = batch.firstOffset < this.start ? this.start : batch.firstOffset
    const from = floorIndex(this.inFlight, firstOffset)
    if (from < 0)
      return refused(
        errorCodes.INVALID_RECORD_STATE,
        'Batch record not found. The request batch offsets are not found in the cache.',
      )
    const to = floorIndex(this.inFlight, batch.lastOffset) + 1
    const touched = this.inFlight.slice(from, to)
    const end = (touched.at(-1) as InFlightBatch).lastOffset
    if (end < firstOffset)
      return refused(
        errorCodes.INVALID_REQUEST,
        'Batch record not found. The first offset in request is past acquired records.',
      )
    if (batch.lastOffset > end)
      return refused(
        errorCodes.INVALID_REQUEST,
        'Batch record not found. The last offset in request is past acquired records.',
      )
    const ranges = byType(batch)
      .filter(({ lastOffset }) => lastOffset >= firstOffset)
      .map((range) => (range.firstOffset < firstOffset ? { ...range, firstOffset } : range))
    for (const inFlight of touched) {
      const refusal = this.acknowledgeRuns(memberId, inFlight, ranges, changeId, written, nowMs)
      if (refusal !== undefined) return refusal
    }
    return undefined
  }

  /** `ranges` are in order; a batch costs one pass, however many they are. */
  private acknowledgeRuns(
    memberId: string,
    batch: InFlightBatch,
    ranges: readonly (OffsetRange & { type: number })[],
    changeId: number,
    written: StateBatch[],
    nowMs: number,
  ): ChangeRefused | undefined {
    const { renewAcknowledgeEnable, recordLockDurationMs, deliveryCountLimit } = this.limits()
    const within = ranges.filter(
      (range) => range.lastOffset >= batch.firstOffset && range.firstOffset <= batch.lastOffset,
    )
    const [first, last] = [within[0], within.at(-1)]
    if (first === undefined || last === undefined) return undefined
    const isTouched = (run: OffsetRange): boolean =>
      run.lastOffset >= first.firstOffset && run.firstOffset <= last.lastOffset
    // Looked at before it is cut: a refused acknowledgement leaves everything as it is.
    const objection = objectionTo(batch, batch.runs.filter(isTouched), memberId)
    if (objection !== undefined) return refused(errorCodes.INVALID_RECORD_STATE, objection)
    if (!renewAcknowledgeEnable && within.some(({ type }) => type === acknowledgeTypes.RENEW))
      return refused(
        errorCodes.INVALID_RECORD_STATE,
        'Renewing acquisition locks is not enabled for the group.',
      )
    cutAt(batch, [...within.map(({ firstOffset }) => firstOffset), last.lastOffset + 1n])
    let at = 0
    for (const run of batch.runs) {
      if (!isTouched(run)) continue
      while ((within[at] as OffsetRange).lastOffset < run.firstOffset) at++
      const { type } = within[at] as { type: number }
      if (type === acknowledgeTypes.RENEW) run.lockExpiresAtMs = nowMs + recordLockDurationMs
      else written.push(begin(run, stateAfter[type] as RecordState, changeId, deliveryCountLimit))
    }
    return undefined
  }
}

/** Why a member cannot acknowledge these runs. */
function objectionTo(
  { isSplit }: InFlightBatch,
  runs: readonly RecordRun[],
  memberId: string,
): string | undefined {
  for (const run of runs) {
    if (run.state !== ACQUIRED)
      return isSplit
        ? 'The offset cannot be acknowledged. The offset is not acquired.'
        : 'The batch cannot be acknowledged. The batch is not in the acquired state.'
    if (run.memberId !== memberId)
      return isSplit ? 'Member is not the owner of offset' : 'Member is not the owner of batch record'
  }
  return undefined
}

function lock(run: RecordRun, memberId: string, lockExpiresAtMs: number): void {
  if (run.state !== AVAILABLE || run.pending !== null)
    throw new Error(`records ${run.firstOffset} to ${run.lastOffset} are acquired in state ${run.state}`)
  run.state = ACQUIRED
  run.deliveryCount++
  if (run.deliveryCount > HIGHEST_DELIVERY_COUNT_LIMIT)
    throw new Error(
      `records ${run.firstOffset} to ${run.lastOffset} are delivered ${run.deliveryCount} times`,
    )
  run.memberId = memberId
  run.lockExpiresAtMs = lockExpiresAtMs
}

/** Says what is to be written. */
function begin(run: RecordRun, to: RecordState, changeId: number, deliveryCountLimit: number): StateBatch {
  run.pending = { changeId, state: run.state, memberId: run.memberId, deliveryCountLimit }
  run.state = to === AVAILABLE && run.deliveryCount >= deliveryCountLimit ? ARCHIVED : to
  run.memberId = NO_MEMBER
  return stateBatch(run)
}

/** No group can be allowed more deliveries than this (group.share.max.delivery.count.limit). */
const HIGHEST_DELIVERY_COUNT_LIMIT = 25

const free = { memberId: NO_MEMBER, lockExpiresAtMs: NO_LOCK }
const gone = { state: ARCHIVED, deliveryCount: 0, ...free }

function unread(firstOffset: bigint, lastOffset: bigint): InFlightBatch {
  const run = { firstOffset, lastOffset, state: AVAILABLE, deliveryCount: 0, ...free }
  return newBatch(run, { isUnread: true })
}

function stateOf(deliveryState: number): RecordState {
  switch (deliveryState) {
    case AVAILABLE:
    case ACKNOWLEDGED:
    case ARCHIVED:
      return deliveryState
    default:
      throw new Error(`a kept state is ${deliveryState}`)
  }
}

function isFree({ state, pending }: RecordRun): boolean {
  return state === AVAILABLE && pending === null
}

/** A lock that expired while the change was being written has nobody to go back to. */
function takeBack(run: RecordRun, nowMs: number): void {
  const { state, memberId, deliveryCountLimit } = run.pending as NonNullable<RecordRun['pending']>
  if (run.lockExpiresAtMs > nowMs) {
    run.state = state
    run.memberId = memberId
    return
  }
  run.state = run.deliveryCount >= deliveryCountLimit ? ARCHIVED : AVAILABLE
  run.lockExpiresAtMs = NO_LOCK
}

function stateBatch({ firstOffset, lastOffset, state, deliveryCount }: RecordRun): StateBatch {
  return { firstOffset, lastOffset, deliveryState: state, deliveryCount }
}

function acquiredRecords({ firstOffset, lastOffset, deliveryCount }: RecordRun): AcquiredRecords {
  return { firstOffset, lastOffset, deliveryCount }
}

function refused(errorCode: number, errorMessage: string): ChangeRefused {
  return { errorCode, errorMessage }
}

/** From how many deliveries on records are given out in smaller numbers. */
function throttleFrom(deliveryCountLimit: number): number {
  return Math.max(2, Math.ceil(deliveryCountLimit / 2))
}
