// The frame around every batch: plan durable → compute → stage → decide → apply (design, "Exactly once").
// The scheduler calls it in exactly this order, for one batch at a time; what the steps do on disk and in
// the log is the implementation's matter.
//
//   recover ──► plan(n) ──► begin(n) ──► commit(n)
//                 │             └─ error ─► abort(n): the job ends and a restart runs n again from its plan, or
//                 │                          a poison record is left out: begin(n) again, at once
//                 └─ may run ahead: plans n+1, n+2 … become durable while n still computes

import type { BatchStamp } from './rows.ts'
import type { PutAside } from './files.ts'
import type { BatchOutput } from './output.ts'
import type { RecordPlace } from './poison.ts'
import type { OffsetRange, SourcePosition } from './source.ts'
import type { StateHost, StateOperator, StateStore } from './state.ts'

/** What a batch reads. Kept until it is committed and no window reaches back to it. */
export interface BatchPlan extends BatchStamp {
  /** Ranges by the name of the input operator. */
  readonly inputs: Readonly<Record<string, readonly OffsetRange[]>>
}

export interface InputDescription {
  readonly id: string
  readonly description: string
  /** Its positions are of no topic of the broker that the job writes to. */
  readonly isForeign?: boolean
}

export interface JobDescription {
  readonly appName: string
  /** undefined: as-soon-as-data. */
  readonly intervalMs: number | undefined
  /** Input operators: their names, and what they read for messages. */
  readonly inputs: readonly InputDescription[]
  readonly operators: readonly StateOperator[]
}

export interface Recovered {
  /** Start of the time grid at the job's first start (its first batch time − interval). */
  readonly zeroTimeMs: number
  /** The batch interval of the run that wrote the checkpoint. */
  readonly intervalMs: number | undefined
  /** The last decided batch; undefined when none was. */
  readonly lastCommitted: BatchStamp | undefined
  /** Where each input goes on after `lastCommitted`, by operator name (plans that are pending not counted). */
  readonly positions: Readonly<Record<string, readonly SourcePosition[]>>
  /** Durable plans that are not decided, by rising batch id: they run first, unchanged. */
  readonly pending: readonly BatchPlan[]
  /**
   * Decided plans that were not forgotten, by rising batch id: windows recompute their past from them. Their ranges
   * say what is left out of them.
   */
  readonly history: readonly BatchPlan[]
  /**
   * Batches in the history of which a record was left out later than in their own: their time, and that of the batch
   * that found it.
   */
  readonly leftOutLater?: ReadonlyMap<number, number>
  /** How many keys each operator with state had then, by name. Absent: none is kept. */
  readonly keys?: ReadonlyMap<string, number>
  /**
   * Where batches after `lastCommitted` are decided and run again for their state alone: the last of them. What each
   * of them has written outside of the state is written. Absent: `lastCommitted`.
   */
  readonly lastDecided?: BatchStamp
  /** What the last decided batch had put aside and was to show; absent: it is not known. */
  readonly putAside?: readonly PutAside[]
}

export interface CommitProtocol {
  /** Survives a restart. Where true, operators whose past cannot be recomputed from plans are refused at start. */
  readonly durable: boolean
  readonly state: StateStore
  /** Before `recover`: the values of keyed state are with `host`, not in this thread. */
  placeState?(host: StateHost): void
  /**
   * After `abort`: the host has lost its values and gets them anew, as of the last decided batch. Absent: they
   * cannot be had again.
   */
  reload?(): Promise<void>
  /**
   * Takes over from an earlier instance (fencing it), settles what was staged, and says where to go on.
   * undefined: the job has never run. Before `state.open`.
   */
  recover(job: JobDescription): Promise<Recovered | undefined>
  /** First start only: the grid's zero, durable no later than the first plan. */
  begun(zeroTimeMs: number): void
  /** Resolves when the plan is durable. Called by rising batch id, never for plans that recovery gave back. */
  plan(plan: BatchPlan): Promise<void>
  /** Compute is about to start: opens the batch's output. */
  begin(plan: BatchPlan): Promise<BatchOutput>
  /**
   * Stage (state increments, next offsets), decide, apply. Resolves when the decision is durable and applied.
   * `leftOut`: poison records that were found in this batch; a restart leaves them out of the history's ranges.
   * `putAside`: files that count with the batch; a restart gives them back.
   * Where it rejects, the outcome may be unknown: nothing but close() follows, and a restart finds out.
   */
  commit(plan: BatchPlan, leftOut?: readonly RecordPlace[], putAside?: readonly PutAside[]): Promise<void>
  /** The batch failed or was cancelled between `begin` and `commit`: its output must never show, its state changes are dropped. */
  abort(plan: BatchPlan): Promise<void>
  /** Plans up to and including this batch id are no longer needed: committed, and no window reaches them. */
  forget(throughBatchId: number): void
  close(): Promise<void>
}
