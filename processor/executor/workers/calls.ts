// What the driver and its workers ask of each other. Plain data only: what travels is names, numbers, ranges and
// bytes, never a function.
//
//   driver ── build ─► start ─► ┌ begin ─► output | prepare, open, read … ─► finish ─► committed ┐ ─► …
//                               └───────────────────────────── one batch ─────────────────────────┘
//   worker ── writer, batch, records ─► driver, while an output runs

import type { MessagePort } from 'node:worker_threads'
import type { PoisonPolicy, RecordPlace } from '../../graph/contracts/poison.ts'
import type { LiesBy } from '../../graph/lies-by.ts'
import type { ShippedRange } from '../../graph/contracts/source.ts'
import type { KeptPlace } from '../../graph/contracts/state.ts'
import type { SpillOptions } from '../../rdd/spill-space.ts'
import type { Moved } from './link.ts'

/** What a worker thread is started with. */
export interface WorkerStart {
  readonly index: number
  /** To the other workers, by index; none to itself. */
  readonly ports: readonly (MessagePort | undefined)[]
  /** URL of the job's module. */
  readonly job: string
  readonly parameters: unknown
  readonly spills: SpillOptions
  readonly context: {
    readonly appName: string
    readonly intervalMs: number | undefined
    readonly parallelism: number
    readonly onPoison: PoisonPolicy
  }
}

/** An operator as two threads compare it. */
export interface OperatorShape {
  readonly id: string
  readonly kind: string
  /** By their place in the graph. */
  readonly parents: readonly number[]
  /** What places its keys, where it has any. */
  readonly places?: string
}

export interface GraphShape {
  readonly nodes: readonly OperatorShape[]
  readonly outputs: readonly OperatorShape[]
}

/** The rows of one input at one time. */
export type ShippedInput =
  | { readonly type: 'none' }
  | { readonly type: 'ranges'; readonly ranges: readonly ShippedRange[] }
  /** Blocks of rows by partition. */
  | { readonly type: 'rows'; readonly partitions: readonly (readonly SharedArrayBuffer[])[] }

export interface ShippedTime {
  readonly timeMs: number
  /** By the inputs' order in the graph. */
  readonly inputs: readonly ShippedInput[]
}

/** An output that runs in the batch, and how the rows that it reads lie. */
export interface RunningOutput {
  /** Among the graph's outputs. */
  readonly index: number
  /** The worker that has each partition. */
  readonly owners: readonly number[]
  readonly liesBy: LiesBy
}

export interface StagedShare {
  /** Chunks. */
  readonly increments: readonly Uint8Array[]
  readonly sizes: ReadonlyMap<string, readonly number[]>
}

/** How a topic is written: batches for so many partitions, records as they are, or not at all. */
export type WriterTerms =
  | { readonly type: 'batches'; readonly writer: number; readonly partitions: number }
  | { readonly type: 'records'; readonly writer: number }
  | { readonly type: 'discard' }

/** Handlers of a worker. */
export interface WorkerCalls {
  build(args: { durable: boolean }): Promise<GraphShape>
  start(args: { zeroMs: number; runsAgain: boolean }): Promise<void>
  begin(args: {
    /** Another number for every run of every batch. */
    run: number
    batchId: number
    timeMs: number
    times: readonly ShippedTime[]
    sizes: ReadonlyMap<string, readonly number[]>
    /** Batches of which a record was left out later than in their own, by time, and when. */
    leftOut: ReadonlyMap<number, number>
  }): readonly RunningOutput[]
  /** Runs an output for this worker's share of its rows. */
  output(args: { index: number }): Promise<void>
  /** Makes ready the rows that an output of the driver's reads. */
  prepare(args: { index: number }): Promise<void>
  open(args: { reader: number; index: number; partition: number }): void
  read(args: { reader: number }): Promise<Moved<{ block: Uint8Array; more: boolean }>>
  close(args: { reader: number }): void
  finish(args: { stage: boolean }): Promise<StagedShare>
  committed(args: { timeMs: number; forget: readonly number[] }): void
  /** The batch runs again: what it has computed is thrown away, and these records are left out. */
  discard(args: { timeMs: number; found: readonly RecordPlace[]; uncached: boolean }): void
  cancel(args: undefined): void
  /** So many bytes of batches have been handed to the transaction. */
  taken(args: { bytes: number }): void
  resetState(args: { places: ReadonlyMap<string, KeptPlace> }): void
  /** Resolves when they are taken up, or could not be: `restored` tells. */
  restoreState(args: { increments: readonly Uint8Array[] }): Promise<void>
  restored(args: undefined): Promise<ReadonlyMap<string, readonly number[]>>
  applyState(args: undefined): void
  dropState(args: undefined): void
}

/** Handlers of the driver, for one worker. */
export interface DriverCalls {
  writer(args: { operatorId: string; topic: string }): Promise<WriterTerms>
  batch(args: { writer: number; partition: number; batch: Uint8Array; records: number }): void
  records(args: { writer: number; block: Uint8Array }): void
  /** What accumulators have gathered since the last time, by their places; before the answer to what gathered it. */
  added(args: { totals: readonly (readonly [number, unknown])[] }): void
}
