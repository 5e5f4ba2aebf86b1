// Which partition a key belongs to: as a program says it (Spark's Partitioner), and as the engine asks it. An answer
// is never believed unseen, for a row in no partition would be lost. Durable state knows keys, and nothing of this.

import type { StateOperator } from './contracts/state.ts'
import { PartitionerError } from './errors.ts'
import { type Key, partitionOf } from './key.ts'

/**
 * Deterministic: the same key has the same partition always, in every thread, whatever ran before. With executors each
 * thread has its own, made by the job's module.
 */
export interface Partitioner<K = unknown> {
  readonly numPartitions: number
  /** From 0 to numPartitions − 1. */
  getPartition(key: K): number
  /** The other one gives every key the same partition; absent: only this very object does. */
  equals?(other: Partitioner): boolean
}

/** How many partitions, filled by the stable hash of keys; or what says both. */
export type Partitioning<K = unknown> = number | Partitioner<K>

/** By the stable hash of keys, which is the same in all runs and on all machines. The default everywhere. */
export class HashPartitioner implements Partitioner {
  readonly numPartitions: number

  constructor(numPartitions: number) {
    checkPartitions('HashPartitioner', numPartitions)
    this.numPartitions = numPartitions
  }

  getPartition(key: unknown): number {
    return partitionOf(key as Key, this.numPartitions)
  }

  equals(other: Partitioner): boolean {
    // One that is derived puts keys elsewhere: it says itself what it equals.
    return isHash(this) && isHash(other) && other.numPartitions === this.numPartitions
  }
}

function isHash(partitioner: Partitioner): boolean {
  return partitioner.constructor === HashPartitioner
}

/** Rows that lie by the one lie by the other. */
export function isSamePartitioner(a: Partitioner | undefined, b: Partitioner | undefined): boolean {
  return a !== undefined && b !== undefined && (a === b || a.equals?.(b) === true)
}

/** What is known of rows in partitions. */
export interface Partitioned {
  readonly partitions: number
  readonly partitioner?: Partitioner | undefined
}

/**
 * Where rows of several parents come together if nothing says so (Spark's Partitioner.defaultPartitioner): as those of
 * the largest parent that has a partitioner lie, unless that has fewer partitions than `parallelism` and ten times
 * fewer than the largest parent; else by their hash.
 */
export function defaultPartitioner(parents: readonly Partitioned[], parallelism: number): Partitioner {
  const largest = Math.max(...parents.map(({ partitions }) => partitions))
  let known: Required<Partitioned> | undefined
  for (const { partitions, partitioner } of parents) {
    if (partitioner === undefined || (known !== undefined && partitions <= known.partitions)) continue
    known = { partitions, partitioner }
  }
  if (known?.partitioner === undefined) return new HashPartitioner(parallelism)
  const isEligible = Math.log10(largest) - Math.log10(known.partitions) < 1
  return isEligible || parallelism <= known.partitions ? known.partitioner : new HashPartitioner(parallelism)
}

/** Throws RangeError where a number of row partitions is none. `operator` names the culprit. */
export function checkPartitions(operator: string, numPartitions: number): void {
  if (Number.isSafeInteger(numPartitions) && numPartitions > 0) return
  throw new RangeError(`${operator}: numPartitions must be a whole number above 0: got ${numPartitions}`)
}

/** What an operator is told becomes its partitioner. Throws RangeError where there are no partitions. */
export function partitionerOf<K>(operator: string, partitioning: Partitioning<K>): Partitioner<K> {
  if (typeof partitioning === 'object') {
    checkPartitions(operator, partitioning.numPartitions)
    return partitioning
  }
  checkPartitions(operator, partitioning)
  return new HashPartitioner(partitioning)
}

/** Where the keys of one operator go. */
export class KeyPlaces {
  readonly operator: string
  readonly partitions: number
  readonly partitioner: Partitioner
  /** The hash of a key is right by itself: nothing stands between it and the row. */
  private readonly isHashed: boolean

  constructor(operator: string, partitioner: Partitioner) {
    this.operator = operator
    this.partitions = partitioner.numPartitions
    this.partitioner = partitioner
    this.isHashed = isHash(partitioner)
  }

  /** Throws PartitionerError where the partitioner fails, or names a partition that there is not. */
  partitionOf(key: unknown): number {
    if (this.isHashed) return partitionOf(key as Key, this.partitions)
    const partition = this.ask(key)
    if (this.has(partition)) return partition
    const answer = typeof partition === 'string' ? `'${partition}'` : String(partition)
    const why = `its partitioner gives key '${String(key)}' partition ${answer}, of 0 to ${this.partitions - 1}`
    throw new PartitionerError(this.operator, new RangeError(why))
  }

  /** For a key that was brought to a thread which does not have its partition. */
  elsewhere(key: unknown, partition: number): Error {
    const why = `partition ${partition} of key '${String(key)}' is another worker's: a partitioner must give every thread the same answer`
    return new PartitionerError(this.operator, new Error(why))
  }

  private has(partition: unknown): partition is number {
    return (
      Number.isInteger(partition) && (partition as number) >= 0 && (partition as number) < this.partitions
    )
  }

  private ask(key: unknown): unknown {
    try {
      return this.partitioner.getPartition(key)
    } catch (error) {
      throw new PartitionerError(this.operator, error)
    }
  }
}

/** Where the keys of an operator's state are. */
export function placesOf(operator: Pick<StateOperator, 'id' | 'partitions' | 'partitioner'>): KeyPlaces {
  const { id, partitions, partitioner } = operator
  const places = new KeyPlaces(id, partitioner ?? new HashPartitioner(partitions))
  if (places.partitions === partitions) return places
  throw new Error(`${id}: state in ${partitions} partitions, and a partitioner of ${places.partitions}`)
}
