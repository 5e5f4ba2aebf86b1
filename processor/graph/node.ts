// A stream is a node: a plain value that says what it reads and how to describe its rows at a time. It
// never says when it runs.

import type { Dataset, TaskRunner } from '../rdd/dataset.ts'
import type { RddContext } from '../rdd/rdd-context.ts'
import type { FilesAside } from './contracts/files.ts'
import type { BatchOutput } from './contracts/output.ts'
import type { PoisonPolicy, RecordPlace } from './contracts/poison.ts'
import type { ReceiverReport } from './contracts/receiver.ts'
import type { BatchStamp } from './contracts/rows.ts'
import type { Partitioner } from './partitioner.ts'
import type { LostRows, OffsetRange, SourcePosition, SourceRecord } from './contracts/source.ts'
import type { StateOperator, StatePartition } from './contracts/state.ts'

/** What a node may ask while it describes its rows. */
export interface Scope {
  readonly run: TaskRunner
  /** Time of the batch that runs now: state can be read in its own batch only. */
  readonly runningMs: number | undefined
  /** A parent's rows at a time; undefined where the parent has none then (not the same as no rows). */
  rows<T>(node: StreamNode<T>, timeMs: number): Dataset<T> | undefined
  /** A parent's data sets in (afterMs, untilMs], oldest first; times at which it has none are left out. */
  slice<T>(node: StreamNode<T>, afterMs: number, untilMs: number): Dataset<T>[]
  /** The last batch time before this one that a stream with this slide is valid at, as far as is remembered. */
  timeBefore(timeMs: number, slideMs: number): number | undefined
  state<S>(operator: StateOperator<S>): readonly StatePartition<S>[]
  /** Records were left out of batches in (afterMs, untilMs] that the batch at `sinceMs` and those before it still had. */
  leftOutSince(afterMs: number, untilMs: number, sinceMs: number): boolean
  /** How far back the rows of this node may be asked for. */
  rememberMs(id: string): number
  /** For the RDDs handed to a user's function inside the operator `scope`. */
  rddContext(scope: string): RddContext
}

/** What an output may ask for: the rows of its own batch. */
export type OutputScope = Pick<Scope, 'run' | 'rows' | 'rddContext'>

export interface StreamNode<T> {
  /** Stable name: the user's, or kind and number among its kind. State is found again by it. */
  readonly id: string
  readonly kind: string
  /** The name is the user's. */
  readonly isNamed: boolean
  readonly parents: readonly StreamNode<unknown>[]
  /** 0 with the as-soon-as-data trigger. */
  readonly slideMs: number
  /** How far back of its own time `compute` reads its parents; 0: only that time. */
  readonly reachMs: number
  /** How long its batches, and so their plans, are remembered at least. */
  readonly rememberMs: number
  /** Window length as the user gave it, for messages and checks; undefined for all other operators. */
  readonly windowMs: number | undefined
  readonly state: StateOperator | undefined
  /** It keeps its rows of past batches itself, whatever its parents can do. */
  readonly recovers: boolean
  readonly partitioner: Partitioner | undefined
  readonly input: InputDriver | undefined
  compute(timeMs: number, scope: Scope): Dataset<T> | undefined
}

/** With executors: each worker runs an output for its share of the rows, or the driver runs it for all of them. */
export type OutputPlace = 'workers' | 'driver'

/** Ends a stream: print, foreachRDD, toTopic, files. */
export interface OutputNode {
  readonly id: string
  readonly kind: string
  readonly place: OutputPlace
  readonly parent: StreamNode<unknown>
  /** Runs one batch's output; only called where the parent has a data set at the batch's time. */
  run(batch: OutputBatch): Promise<void>
  /** What the output writes beside the log. */
  readonly files: FilesAside | undefined
}

export interface OutputBatch extends BatchStamp {
  readonly scope: OutputScope
  readonly output: BatchOutput
}

/** Rows that one batch takes in. */
export interface InputPlan {
  readonly ranges: readonly OffsetRange[]
  readonly records: number
  /** More was there already, beyond a limit. */
  readonly more: boolean
}

/** The moving part behind an input node: plans rows for a time and holds on to them until released. */
export interface InputDriver {
  readonly description: string
  /** Its rows can be had again after a restart. */
  readonly durable: boolean
  /** What it reads is no topic of the broker that the job writes to: that one cannot keep its positions. */
  readonly isForeign?: boolean
  /** The topic that it keeps its rows in: its own alone. */
  readonly keptTopic?: string
  start(positions: readonly SourcePosition[]): Promise<void>
  /** `maxRows`: what backpressure leaves it, of which it knows nothing else; undefined: its own limits alone. */
  plan(timeMs: number, intervalMs: number | undefined, maxRows?: number): Promise<InputPlan>
  /** Where it has a receiver: what backpressure lets that one store from now on. */
  limitIntake?(rowsPerSecond: number): void
  /** Before start, where it has a receiver: whom to tell how that one stands. */
  reportsTo?(report: ReceiverReport): void
  /** Before start: whom to tell of rows that were deleted before they were read, where that does not end the job. */
  onDataLoss?(callback: (lost: LostRows) => void): void
  /** Told the name of its operator, which its records are known by. */
  named?(id: string): void
  /** What becomes of records at which a function throws; absent: 'fatal'. */
  readonly onPoison?: PoisonPolicy
  /** From now on this record is left out of every planned range that has it. The times of the batches that had it. */
  leaveOut?(place: RecordPlace): readonly number[]
  /** The record itself; undefined where it cannot be had. */
  record?(place: RecordPlace): SourceRecord | undefined
  /** An earlier batch's rows: planned before, not read or needed again. */
  restore(timeMs: number, ranges: readonly OffsetRange[]): InputPlan
  release(timeMs: number): void
  onAdvance(callback: () => void): () => void
  /**
   * The job stops gracefully: takes in nothing more. When it resolves, all that was taken in can be planned.
   * Inputs whose rows stay where they are (a log's) have nothing to do.
   */
  drain?(): Promise<void>
  stop(): Promise<void>
}
