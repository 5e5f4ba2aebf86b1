// What every operator may be told besides its function.

import type { Graph } from '../graph/graph.ts'
import type { StateCodec } from '../graph/contracts/state.ts'
import { type Partitioner, partitionerOf } from '../graph/partitioner.ts'
import { RangePartitioner } from '../rdd/range-partitioner.ts'

export interface OperatorOptions {
  /** Shown in errors and listeners; for stateful operators also where the checkpoint keeps their state. */
  readonly name?: string
}

export interface ShuffleOptions<K = unknown> extends OperatorOptions {
  /** Row partitions that come out, filled by the hash of keys; default: the context's parallelism. */
  readonly numPartitions?: number | undefined
  /** Says which keys are in which partition, and how many there are: instead of `numPartitions`. */
  readonly partitioner?: Partitioner<K> | undefined
}

export interface StateOptions<S> extends OperatorOptions {
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

/** Of an operator that keeps state by key. */
export interface KeyedStateOptions<K, S> extends StateOptions<S>, ShuffleOptions<K> {}

/** What an operator that brings rows together by key is told of where they go. */
export function partitionerFor<K>(graph: Graph, kind: string, options: ShuffleOptions<K>): Partitioner<K> {
  const { name = kind, numPartitions, partitioner } = options
  if (numPartitions !== undefined && partitioner !== undefined) {
    throw new TypeError(`${name}: a partitioner has its own numPartitions: give one of the two`)
  }
  return partitionerOf(name, partitioner ?? numPartitions ?? graph.parallelism)
}

/**
 * As partitionerFor, of an operator that keeps state: that is put into its place before any row is read, when ranges are
 * known to nobody.
 */
export function statePartitionerFor<K>(
  graph: Graph,
  kind: string,
  options: ShuffleOptions<K>,
): Partitioner<K> {
  const { name = kind, partitioner } = options
  if (partitioner instanceof RangePartitioner) {
    throw new TypeError(`${name}: state cannot lie by a RangePartitioner, whose ranges only rows tell`)
  }
  return partitionerFor(graph, kind, options)
}

/** Where rows go, and nothing else: for an operator's inner steps. */
export function onlyPartitioning<K>({ numPartitions, partitioner }: ShuffleOptions<K>): ShuffleOptions<K> {
  return { numPartitions, partitioner }
}
