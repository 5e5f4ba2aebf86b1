// What every operator may be told besides its function.

import type { Graph } from '../graph/graph.ts'
import type { StateCodec } from '../graph/contracts/state.ts'

export interface OperatorOptions {
  /** Shown in errors and listeners; for stateful operators also where the checkpoint keeps their state. */
  readonly name?: string
}

export interface ShuffleOptions extends OperatorOptions {
  /** Row partitions that come out; default: the context's parallelism. */
  readonly numPartitions?: number
}

export interface StateOptions<S> extends ShuffleOptions {
  /** How a state value becomes bytes in the checkpoint; default: the checkpoint's own for plain data. */
  readonly codec?: StateCodec<S>
  /** Version of the state's schema, from 1; default 1. A program that raises it says how old values are read. */
  readonly version?: number
  /**
   * Turns a value that an older version wrote into today's form. Called once for each value, at the first start with
   * the new version; the batch that follows writes all of them anew.
   */
  readonly migrate?: (old: unknown, fromVersion: number) => S
}

/** Throws where a number of row partitions is none. */
export function checkPartitions(partitions: number): void {
  if (Number.isSafeInteger(partitions) && partitions > 0) return
  throw new TypeError(`numPartitions must be a whole number above 0: got ${partitions}`)
}

/** Row partitions of what an operator brings together by key. */
export function partitionsOf(graph: Graph, { numPartitions = graph.parallelism }: ShuffleOptions): number {
  checkPartitions(numPartitions)
  return numPartitions
}
