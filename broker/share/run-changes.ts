// What happens to one run of records: acquired, about to be something else, taken back, its lock over. Nothing else
// changes the state of a run.

import type { AcquiredRecords, OffsetRange } from './offset-ranges.ts'
import { NO_LOCK, NO_MEMBER, type RecordRun, type RecordState, recordStates } from './record-runs.ts'

const { AVAILABLE, ACQUIRED, ARCHIVED } = recordStates

/** As the share coordinator keeps it. */
export interface StateBatch extends OffsetRange {
  deliveryState: number
  deliveryCount: number
}

/** No group can be allowed more deliveries than this (group.share.max.delivery.count.limit). */
const HIGHEST_DELIVERY_COUNT_LIMIT = 25

export function isFree({ state, pending }: RecordRun): boolean {
  return state === AVAILABLE && pending === null
}

/** Gives the records to a member. */
export function lock(run: RecordRun, memberId: string, lockExpiresAtMs: number): void {
  if (!isFree(run))
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

/** Begins a change that is to be written; says what is. */
export function begin(
  run: RecordRun,
  to: RecordState,
  changeId: number,
  deliveryCountLimit: number,
): StateBatch {
  run.pending = { changeId, state: run.state, memberId: run.memberId, deliveryCountLimit }
  run.state = to === AVAILABLE ? released(run, deliveryCountLimit) : to
  run.memberId = NO_MEMBER
  return stateBatch(run)
}

/** The change is not written. A lock that expired meanwhile has nobody to go back to. */
export function takeBack(run: RecordRun, nowMs: number): void {
  const { state, memberId, deliveryCountLimit } = run.pending as NonNullable<RecordRun['pending']>
  if (run.lockExpiresAtMs > nowMs) {
    run.state = state
    run.memberId = memberId
    return
  }
  run.state = released(run, deliveryCountLimit)
  run.lockExpiresAtMs = NO_LOCK
}

/** Ends a lock that is over; says what is to be written. */
export function expire(run: RecordRun, deliveryCountLimit: number): StateBatch {
  run.state = released(run, deliveryCountLimit)
  run.memberId = NO_MEMBER
  run.lockExpiresAtMs = NO_LOCK
  return stateBatch(run)
}

/** Nobody will have it any more. */
export function archive(run: RecordRun): void {
  run.state = ARCHIVED
  run.memberId = NO_MEMBER
  run.lockExpiresAtMs = NO_LOCK
}

/** What was delivered for the last time does not come again. */
function released({ deliveryCount }: RecordRun, deliveryCountLimit: number): RecordState {
  return deliveryCount >= deliveryCountLimit ? ARCHIVED : AVAILABLE
}

function stateBatch({ firstOffset, lastOffset, state, deliveryCount }: RecordRun): StateBatch {
  return { firstOffset, lastOffset, deliveryState: state, deliveryCount }
}

export function acquiredRecords({ firstOffset, lastOffset, deliveryCount }: RecordRun): AcquiredRecords {
  return { firstOffset, lastOffset, deliveryCount }
}
