// What a source of rows with offsets is to the graph. Planning is apart from reading: the plan is made
// durable before a row is read, so a rerun of the batch reads exactly the same rows.

import type { AbortedSpan, FileSpan } from '../../ports.ts'
import type { Emit, RowReader } from './rows.ts'

/** A file as it was when it was planned: one that has changed since is not read as the one that was. */
export interface PlannedFile {
  readonly path: string
  readonly sizeInBytes: number
  readonly modifiedMs: number
}

/** Rows [from, until) of one partition: inclusive from, exclusive until (Spark's OffsetRange). */
export interface OffsetRange {
  readonly topic: string
  readonly partition: number
  /** Kafka's topic id, 32 hex digits: a topic deleted and made again must not be read as the old one. */
  readonly topicId: string
  readonly from: bigint
  readonly until: bigint
  /** Offsets in it that are not read: poison records. Not part of what tells ranges apart. */
  readonly leftOut?: readonly bigint[]
  /**
   * Of a stream of files: which ones. Its offsets count files, its topic is no topic's name (`files:/in`), and its
   * topic id tells since when files count.
   */
  readonly files?: readonly PlannedFile[]
}

/** A range and its bytes, as plain data that any thread of the process can read. */
export interface ShippedRange extends OffsetRange {
  readonly aborted: readonly AbortedSpan[]
  /** Whole batches: in files, checksums unchecked, or in shared memory, each block from a batch's begin. */
  readonly bytes:
    | { readonly spans: readonly FileSpan[] }
    | { readonly blocks: readonly SharedArrayBuffer[]; readonly checksumsChecked: boolean }
}

/** Where a source goes on reading a partition. */
export interface SourcePosition {
  readonly topic: string
  readonly partition: number
  readonly topicId: string
  readonly offset: bigint
}

/** A record as it stands in the log; its buffers are copies. */
export interface SourceRecord {
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [string, Uint8Array | null])[]
}

/** Rows [from, until) that were deleted before they were read. */
export interface LostRows {
  readonly topic: string
  readonly partition: number
  readonly from: bigint
  readonly until: bigint
}

export interface PlanLimits {
  /** The batch's time. */
  readonly timeMs: number
  /** Batch interval, for limits given per second; undefined with the as-soon-as-data trigger. */
  readonly intervalMs: number | undefined
  /** Upper bound on rows of the whole batch of this source, from backpressure; undefined: the source's own. */
  readonly maxRows: number | undefined
}

export interface SourcePlan {
  /**
   * One range per partition that the source reads, in the order of the row partitions. A partition with
   * nothing new is left out or has from = until; both are empty partitions.
   */
  readonly ranges: readonly OffsetRange[]
  /** Rows beyond these ranges were there already (a limit cut them off): plan again without waiting. */
  readonly more: boolean
}

export interface Source<T> {
  /** Shown in errors and BatchInfo, and the operator's name unless the user gives one: `orders`, `orders,payments`. */
  readonly description: string
  /**
   * Before the first plan. `positions`: where earlier batches of this job ended, durable plans included;
   * a partition that is missing there starts where the source's own configuration says.
   */
  start(positions: readonly SourcePosition[]): void | Promise<void>
  /**
   * Ranges from the source's position up to the stable end, within the limits; moves the position to their
   * ends. Decides only: reads no rows. Must pin what it returns until `release`.
   */
  plan(limits: PlanLimits): SourcePlan | Promise<SourcePlan>
  /**
   * Ranges of earlier durable plans (reruns, windows that reach back) are about to be read: pin them. Gives what of
   * them is there: all, but for rows that may be lost.
   */
  restore(ranges: readonly OffsetRange[]): readonly OffsetRange[]
  /** Before start: told of rows that are lost and that do not end the job. */
  onDataLoss?(callback: (lost: LostRows) => void): void
  /** These ranges are about to be read: resolves when `rows` may be called for them. Absent: they always may. */
  prepare?(ranges: readonly OffsetRange[]): Promise<void>
  /** Opens one row partition. The same range yields the same rows in the same order, however often. */
  rows(range: OffsetRange, emit: Emit<T>): RowReader
  /**
   * A planned range made ready to be read in other threads, by the same kind of source over ShippedLogs; absent:
   * its rows are read here. `release` lets go of the bytes.
   */
  ship?(range: OffsetRange): Promise<{ shipped: ShippedRange; release: () => void }>
  /** These ranges will not be read again (their batch is committed and no window reaches them): unpin. */
  release(ranges: readonly OffsetRange[]): void
  /** One record of a planned range as it stands in the log; undefined: there is none at this offset. */
  record?(range: OffsetRange, offset: bigint): SourceRecord | undefined
  /** Calls back, soon and coalesced, when there may be rows beyond the position. Returns the unsubscriber. */
  onAdvance(callback: () => void): () => void
  stop(): void | Promise<void>
}
