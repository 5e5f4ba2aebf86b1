// The records of a share partition between its start and its end: what is done with, with a member, or available again.
// Below the start everything is done with; behind the end nobody has read.
//
//   start                                end
//     │ batch │ batch │ hole │ batch │ batch │ not read yet
//
// Rules kept: no holes between batches in flight, none of them below the start, and the start never goes back.

import type { OffsetRange } from './offset-ranges.ts'
import {
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
import { archive, isFree, type StateBatch } from './run-changes.ts'

const { AVAILABLE, ACKNOWLEDGED, ARCHIVED } = recordStates

export class RecordsInFlight {
  /** In the order of their offsets, none of them below `start`. */
  private batches: InFlightBatch[] = []
  private start: bigint
  private end: bigint
  /** False: nothing is available, the next offset to fetch is behind all that is in flight. */
  private mayHaveAvailable = true

  /** `kept`: states at or above `startOffset`, in their order. Throws where they are not. */
  constructor(startOffset: bigint, kept: readonly StateBatch[]) {
    this.start = startOffset
    this.end = startOffset
    let next = startOffset
    for (const { firstOffset, lastOffset, deliveryState, deliveryCount } of kept) {
      if (firstOffset < next || lastOffset < firstOffset) {
        throw new Error(`a kept state of ${firstOffset} to ${lastOffset} where ${next} is expected`)
      }
      if (firstOffset > next) this.batches.push(unread(next, firstOffset - 1n))
      const state = stateOf(deliveryState)
      this.batches.push(newBatch({ firstOffset, lastOffset, state, deliveryCount, ...unlocked }))
      next = lastOffset + 1n
    }
    if (this.batches.length > 0) this.end = next - 1n
    this.advance()
  }

  get startOffset(): bigint {
    return this.start
  }

  /** Last offset in flight; where nothing is in flight, the next offset to fetch. */
  get endOffset(): bigint {
    return this.end
  }

  get isEmpty(): boolean {
    return this.batches.length === 0
  }

  /** From the start to the end, whatever became of them. */
  get count(): number {
    return this.isEmpty ? 0 : Number(this.end - this.start) + 1
  }

  /** The first offset that was never read. */
  get nextOffset(): bigint {
    return this.isEmpty ? this.end : this.end + 1n
  }

  /** Where to read from: the first available record, or what nobody has read. */
  get nextFetchOffset(): bigint {
    if (this.mayHaveAvailable) {
      for (const run of this.runs()) if (isFree(run)) return run.firstOffset
      this.mayHaveAvailable = false
    }
    return this.nextOffset
  }

  *runs(): Iterable<RecordRun> {
    for (const { runs } of this.batches) yield* runs
  }

  all(): readonly InFlightBatch[] {
    return this.batches
  }

  /** Batches from the one that `firstOffset` lies in, or that follows it, to the last that begins by `lastOffset`. */
  overlapping(firstOffset: bigint, lastOffset: bigint): InFlightBatch[] {
    const floor = floorIndex(this.batches, firstOffset)
    const reaches = floor >= 0 && (this.batches[floor] as InFlightBatch).lastOffset >= firstOffset
    return this.batches.slice(reaches ? floor : floor + 1, floorIndex(this.batches, lastOffset) + 1)
  }

  /** The batch that begins at `offset`, or is the last to begin before it. */
  floor(offset: bigint): InFlightBatch | undefined {
    return this.batches[floorIndex(this.batches, offset)]
  }

  /** Some of them are available again. */
  freed(): void {
    this.mayHaveAvailable = true
  }

  /** What lies behind the end is read up to `firstOffset`: the log has nothing in between, nobody will ask for it. */
  skipTo(firstOffset: bigint): void {
    const next = this.nextOffset
    if (this.isEmpty) this.start = firstOffset
    else if (firstOffset > next)
      this.batches.push(
        newBatch({ firstOffset: next, lastOffset: firstOffset - 1n, state: ARCHIVED, ...neverHad }),
      )
  }

  /** Records that nobody has had, behind all others. */
  append({ firstOffset, lastOffset }: OffsetRange): InFlightBatch {
    const batch = newBatch({ firstOffset, lastOffset, state: AVAILABLE, ...neverHad })
    this.batches.push(batch)
    this.end = lastOffset
    return batch
  }

  /** Those of the records that are in the state `from` are done with. */
  archive({ firstOffset, lastOffset }: OffsetRange, from: RecordState): void {
    for (const batch of this.batches) {
      if (batch.firstOffset > lastOffset || batch.lastOffset < firstOffset) continue
      for (const run of runsWithin(batch, firstOffset, lastOffset)) {
        if (run.state === from && run.pending === null) archive(run)
      }
      joinRuns(batch)
    }
  }

  /** Moves the start over what is done with. */
  advance(): void {
    while (this.batches.length > 0) {
      const batch = this.batches[0] as InFlightBatch
      const open = batch.runs.findIndex((run) => !isTerminal(run.state) || run.pending !== null)
      if (open !== 0)
        this.dropBelow(open < 0 ? batch.lastOffset + 1n : (batch.runs[open] as RecordRun).firstOffset)
      if (open >= 0) return
    }
  }

  /** Everything below is gone, whoever has it. */
  moveStart(offset: bigint): void {
    if (offset <= this.start) return
    this.dropBelow(offset)
    this.advance()
  }

  private dropBelow(offset: bigint): void {
    let whole = 0
    while ((this.batches[whole]?.lastOffset ?? offset) < offset) whole++
    this.batches.splice(0, whole)
    const first = this.batches[0]
    if (first !== undefined && first.firstOffset < offset) {
      first.runs = runsWithin(first, offset, first.lastOffset)
      first.firstOffset = offset
    }
    this.start = offset
    if (first === undefined && this.end < offset) this.end = offset
  }

  /** Records that are done with: what lag does not count. */
  get deliveryCompleteCount(): number {
    let count = 0
    for (const run of this.runs()) if (isTerminal(run.state)) count += lengthOf(run)
    return count
  }
}

const unlocked = { memberId: NO_MEMBER, lockExpiresAtMs: NO_LOCK }
const neverHad = { deliveryCount: 0, ...unlocked }

function unread(firstOffset: bigint, lastOffset: bigint): InFlightBatch {
  return newBatch({ firstOffset, lastOffset, state: AVAILABLE, ...neverHad }, { isUnread: true })
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
