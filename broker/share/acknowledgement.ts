// What a member says of its records: all of it is looked at before any of it counts, so that what is refused leaves
// everything as it was. One pass over the records that it touches, however many batches and types it has.
//
// Rules kept: who acknowledges has the record, and says one thing of it. Source: Kafka's SharePartition.acknowledge,
// but that there a lock may be renewed again and again by one request.

import { errorCodes } from '../protocol/errors.ts'
import { type AcknowledgementBatch, byType, type OffsetRange } from './offset-ranges.ts'
import { cutAt, type InFlightBatch, type RecordRun, type RecordState, recordStates } from './record-runs.ts'
import type { RecordsInFlight } from './records-in-flight.ts'
import { begin, type StateBatch } from './run-changes.ts'

const { AVAILABLE, ACQUIRED, ACKNOWLEDGED, ARCHIVED } = recordStates

/** Acknowledge types of the protocol, by their numbers. */
export const acknowledgeTypes = { GAP: 0, ACCEPT: 1, RELEASE: 2, REJECT: 3, RENEW: 4 } as const

export interface ChangeRefused {
  errorCode: number
  errorMessage: string
}

interface TypedRange extends OffsetRange {
  readonly type: number
}

/** One batch in flight, and what of it is acknowledged how: in order, and apart from each other. */
interface Touched {
  readonly batch: InFlightBatch
  readonly ranges: readonly TypedRange[]
}

const stateAfter: Readonly<Record<number, RecordState>> = {
  [acknowledgeTypes.GAP]: ARCHIVED,
  [acknowledgeTypes.ACCEPT]: ACKNOWLEDGED,
  [acknowledgeTypes.RELEASE]: AVAILABLE,
  [acknowledgeTypes.REJECT]: ARCHIVED,
}

export interface AcknowledgeLimits {
  readonly renewAcknowledgeEnable: boolean
  readonly deliveryCountLimit: number
  /** Of locks that are renewed. */
  readonly lockExpiresAtMs: number
}

/** All of the batches or none of them; what is returned is to be written. Renewed locks count at once. */
export function acknowledge(
  records: RecordsInFlight,
  memberId: string,
  batches: readonly AcknowledgementBatch[],
  changeId: number,
  limits: AcknowledgeLimits,
): StateBatch[] | ChangeRefused {
  const { ranges, refusal } = rangesOf(records, batches)
  const touched = touchedBy(records, ranges)
  for (const { batch, ranges: within } of touched) {
    const objection = objectionTo(batch, within, memberId, limits.renewAcknowledgeEnable)
    if (objection !== undefined) return refused(errorCodes.INVALID_RECORD_STATE, objection)
  }
  return refusal ?? touched.flatMap((one) => carryOut(one, changeId, limits))
}

/** Up to the first batch that cannot be what it says. What lies below the start is done with already. */
function rangesOf(
  records: RecordsInFlight,
  batches: readonly AcknowledgementBatch[],
): { ranges: TypedRange[]; refusal: ChangeRefused | undefined } {
  const ranges: TypedRange[] = []
  const { startOffset } = records
  let next = startOffset
  for (const batch of batches) {
    const { lastOffset, acknowledgeTypes: types } = batch
    if (types.some((type) => stateAfter[type] === undefined && type !== acknowledgeTypes.RENEW)) {
      const text = `Invalid acknowledge type: [${types.join(', ')}]`
      return { ranges, refusal: refused(errorCodes.INVALID_REQUEST, text) }
    }
    if (lastOffset < startOffset) continue
    const firstOffset = batch.firstOffset < startOffset ? startOffset : batch.firstOffset
    const refusal =
      placeProblem(records, firstOffset, lastOffset) ?? (firstOffset < next ? TOUCHED_TWICE : undefined)
    if (refusal !== undefined) return { ranges, refusal }
    next = lastOffset + 1n
    for (const range of byType(batch)) {
      if (range.lastOffset < firstOffset) continue
      ranges.push(range.firstOffset < firstOffset ? { ...range, firstOffset } : range)
    }
  }
  return { ranges, refusal: undefined }
}

function placeProblem(
  records: RecordsInFlight,
  firstOffset: bigint,
  lastOffset: bigint,
): ChangeRefused | undefined {
  if (records.floor(firstOffset) === undefined)
    return refused(
      errorCodes.INVALID_RECORD_STATE,
      'Batch record not found. The request batch offsets are not found in the cache.',
    )
  const end = records.floor(lastOffset)?.lastOffset ?? firstOffset
  if (end < firstOffset)
    return refused(
      errorCodes.INVALID_REQUEST,
      'Batch record not found. The first offset in request is past acquired records.',
    )
  if (lastOffset > end)
    return refused(
      errorCodes.INVALID_REQUEST,
      'Batch record not found. The last offset in request is past acquired records.',
    )
  return undefined
}

const TOUCHED_TWICE = refused(
  errorCodes.INVALID_RECORD_STATE,
  'The record state is invalid. The acknowledgement of delivery could not be completed.',
)

function touchedBy(records: RecordsInFlight, ranges: readonly TypedRange[]): Touched[] {
  const [first, last] = [ranges[0], ranges.at(-1)]
  if (first === undefined || last === undefined) return []
  const touched: Touched[] = []
  let at = 0
  for (const batch of records.overlapping(first.firstOffset, last.lastOffset)) {
    while ((ranges[at]?.lastOffset ?? batch.firstOffset) < batch.firstOffset) at++
    let end = at
    while ((ranges[end]?.firstOffset ?? batch.lastOffset + 1n) <= batch.lastOffset) end++
    if (end > at) touched.push({ batch, ranges: ranges.slice(at, end) })
    // The last of them may reach into the next batch.
    if (end > at) at = end - 1
  }
  return touched
}

/** Runs with the ranges that they overlap, in their order. */
function* pairs(
  { runs }: InFlightBatch,
  ranges: readonly TypedRange[],
): Iterable<{ run: RecordRun; type: number }> {
  let at = 0
  for (const run of runs) {
    while ((ranges[at]?.lastOffset ?? run.firstOffset) < run.firstOffset) at++
    for (let next = at; next < ranges.length; next++) {
      const { firstOffset, type } = ranges[next] as TypedRange
      if (firstOffset > run.lastOffset) break
      at = next
      yield { run, type }
    }
  }
}

/** Why a member cannot acknowledge this. */
function objectionTo(
  batch: InFlightBatch,
  ranges: readonly TypedRange[],
  memberId: string,
  renewAcknowledgeEnable: boolean,
): string | undefined {
  const { isSplit } = batch
  for (const { run, type } of pairs(batch, ranges)) {
    if (run.state !== ACQUIRED)
      return isSplit
        ? 'The offset cannot be acknowledged. The offset is not acquired.'
        : 'The batch cannot be acknowledged. The batch is not in the acquired state.'
    if (run.memberId !== memberId)
      return isSplit ? 'Member is not the owner of offset' : 'Member is not the owner of batch record'
    if (type === acknowledgeTypes.RENEW && !renewAcknowledgeEnable)
      return 'Renewing acquisition locks is not enabled for the group.'
  }
  return undefined
}

function carryOut(
  { batch, ranges }: Touched,
  changeId: number,
  { lockExpiresAtMs, deliveryCountLimit }: AcknowledgeLimits,
): StateBatch[] {
  cutAt(
    batch,
    ranges.flatMap(({ firstOffset, lastOffset }) => [firstOffset, lastOffset + 1n]),
  )
  const written: StateBatch[] = []
  for (const { run, type } of pairs(batch, ranges)) {
    if (type === acknowledgeTypes.RENEW) run.lockExpiresAtMs = lockExpiresAtMs
    else written.push(begin(run, stateAfter[type] as RecordState, changeId, deliveryCountLimit))
  }
  return written
}

function refused(errorCode: number, errorMessage: string): ChangeRefused {
  return { errorCode, errorMessage }
}
