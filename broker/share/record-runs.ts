// What is known of the records that a share partition has in flight: runs of neighbouring records in the same state,
// in the order of their offsets, gathered in the batches in which they were first acquired.
//
//   batch   100 ──────────────────────── 149        what one member acquired at once
//   runs    100 ── 109 │ 110 ───── 139 │ 140 ── 149  acknowledged │ acquired │ available
//
// A run costs the same however long it is: memory grows with what members say apart, not with what a producer sent.

export const recordStates = { AVAILABLE: 0, ACQUIRED: 1, ACKNOWLEDGED: 2, ARCHIVED: 4 } as const
export type RecordState = (typeof recordStates)[keyof typeof recordStates]

/** Of records that nobody has. */
export const NO_MEMBER = ''
/** Of records that are not acquired. */
export const NO_LOCK = Infinity

/** A change of state that is being written: what it was before comes back if the write fails. */
export interface PendingChange {
  readonly changeId: number
  readonly state: RecordState
  readonly memberId: string
  readonly deliveryCountLimit: number
}

export interface RecordRun {
  firstOffset: bigint
  /** Inclusive. */
  lastOffset: bigint
  state: RecordState
  deliveryCount: number
  memberId: string
  lockExpiresAtMs: number
  pending: PendingChange | null
}

export interface InFlightBatch {
  firstOffset: bigint
  /** Inclusive. */
  lastOffset: bigint
  /** Some of it was treated apart from the rest; it is never whole again. */
  isSplit: boolean
  /** Lies between records whose states were kept: nobody has fetched it since the partition was loaded. */
  isUnread: boolean
  /** Without holes, from `firstOffset` to `lastOffset`. */
  runs: RecordRun[]
}

export function isTerminal(state: RecordState): boolean {
  return state === recordStates.ACKNOWLEDGED || state === recordStates.ARCHIVED
}

export function lengthOf({ firstOffset, lastOffset }: { firstOffset: bigint; lastOffset: bigint }): number {
  return Number(lastOffset - firstOffset) + 1
}

export function newBatch(
  run: Omit<RecordRun, 'pending'>,
  options: { isUnread?: boolean } = {},
): InFlightBatch {
  const { firstOffset, lastOffset } = run
  return {
    firstOffset,
    lastOffset,
    isSplit: false,
    isUnread: options.isUnread ?? false,
    runs: [{ ...run, pending: null }],
  }
}

/** Index of the batch that begins at `offset` or is the last to begin before it; -1 where there is none. */
export function floorIndex(batches: readonly InFlightBatch[], offset: bigint): number {
  let low = 0
  let high = batches.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((batches[middle] as InFlightBatch).firstOffset <= offset) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** The runs of a batch from `firstOffset` to `lastOffset`, cut out where they reach further. */
export function runsWithin(batch: InFlightBatch, firstOffset: bigint, lastOffset: bigint): RecordRun[] {
  cutBefore(batch, firstOffset)
  cutBefore(batch, lastOffset + 1n)
  return batch.runs.filter((run) => run.firstOffset >= firstOffset && run.lastOffset <= lastOffset)
}

/** Makes runs begin at all of the offsets, which are in order: one pass, however many they are. */
export function cutAt(batch: InFlightBatch, offsets: readonly bigint[]): void {
  const runs: RecordRun[] = []
  let next = 0
  for (const run of batch.runs) {
    let rest = run
    while (next < offsets.length && (offsets[next] as bigint) <= rest.lastOffset) {
      const offset = offsets[next++] as bigint
      if (offset <= rest.firstOffset) continue
      runs.push({ ...rest, lastOffset: offset - 1n })
      rest = { ...rest, firstOffset: offset }
    }
    runs.push(rest)
  }
  if (runs.length === batch.runs.length) return
  batch.isSplit = true
  batch.runs = runs
}

/** Makes a run begin at `offset`, where one reaches over it. */
function cutBefore(batch: InFlightBatch, offset: bigint): void {
  const at = batch.runs.findIndex((run) => run.firstOffset < offset && offset <= run.lastOffset)
  if (at < 0) return
  const run = batch.runs[at] as RecordRun
  batch.isSplit = true
  batch.runs.splice(at, 1, { ...run, lastOffset: offset - 1n }, { ...run, firstOffset: offset })
}

/** Joins neighbours that have become the same. */
export function joinRuns(batch: InFlightBatch): void {
  const joined: RecordRun[] = []
  for (const run of batch.runs) {
    const last = joined.at(-1)
    if (last !== undefined && isSame(last, run)) last.lastOffset = run.lastOffset
    else joined.push(run)
  }
  batch.runs = joined
}

function isSame(a: RecordRun, b: RecordRun): boolean {
  return (
    a.pending === null &&
    b.pending === null &&
    a.state === b.state &&
    a.deliveryCount === b.deliveryCount &&
    a.memberId === b.memberId &&
    a.lockExpiresAtMs === b.lockExpiresAtMs
  )
}
