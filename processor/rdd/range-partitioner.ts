// Keys in ranges of about as many rows, in their order (Spark's RangePartitioner). Where the ranges end is read off a
// sample of an RDD's keys when an operator first brings rows by them: the same rows give the same ranges, in every
// thread and every run.

import type { KeyPlaces, Partitioner } from '../graph/partitioner.ts'
import { checkPartitions } from '../graph/partitioner.ts'
import { drainAll, type Dataset, Once, type TaskRunner } from './dataset.ts'
import { NarrowDataset } from './narrow.ts'
import { type Compare, naturally } from './order.ts'
import { chanceOf } from './random.ts'

/** Keys that are looked at, a partition, as Spark has it: 20, and three times as many to be sure. */
const SAMPLE_OF_A_PARTITION = 60
const LARGEST_SAMPLE = 1_000_000

export interface RangeOptions<K> {
  readonly ascending?: boolean
  readonly compare?: Compare<K>
}

/** Whose keys are looked at: an RDD of pairs, or rows that tell their ranges (`know`) as they are prepared. */
export type RangesOf<K> =
  | { readonly dataset: Dataset<readonly [K, unknown]> }
  | { prepare(run: TaskRunner): Promise<void> }

/** Not for state, which must be in its place before any row is read. */
export class RangePartitioner<K = unknown> implements Partitioner<K> {
  readonly numPartitions: number
  /** undefined: they have been looked at, and are let go. */
  private of: RangesOf<K> | undefined
  private readonly ascending: boolean
  private readonly compare: Compare<K>
  private readonly once = new Once()
  /** The last key of each range but the last one, rising; fewer where there are fewer keys: the last ranges are empty. */
  private bounds: readonly K[] | undefined

  constructor(
    numPartitions: number,
    of: RangesOf<K>,
    { ascending = true, compare = naturally }: RangeOptions<K> = {},
  ) {
    checkPartitions('RangePartitioner', numPartitions)
    this.numPartitions = numPartitions
    this.of = of
    this.ascending = ascending
    this.compare = compare
  }

  /** Throws before an operator has read the sample. */
  getPartition(key: K): number {
    const { bounds, compare, ascending } = this
    if (bounds === undefined) {
      throw new Error('the ranges of a RangePartitioner are known only when rows are brought by them')
    }
    let from = 0
    let until = bounds.length
    while (from < until) {
      const middle = (from + until) >>> 1
      if (compare(key, bounds[middle] as K) > 0) from = middle + 1
      else until = middle
    }
    return ascending ? from : bounds.length - from
  }

  /** Both know their ranges, and they are the same. */
  equals(other: Partitioner): boolean {
    if (!(other instanceof RangePartitioner)) return false
    const { numPartitions, ascending, compare, bounds } = this
    const others = other.bounds as readonly K[] | undefined
    if (other.numPartitions !== numPartitions || other.ascending !== ascending || other.compare !== compare)
      return false
    if (bounds === undefined || bounds.length !== others?.length) return false
    return bounds.every((bound, index) => Object.is(bound, others[index]))
  }

  /** Reads the sample, the first time. All threads of a batch must call it at the same point. */
  prepare(run: TaskRunner): Promise<void> {
    const work = async () => {
      const { of } = this
      if (of === undefined) return
      if ('dataset' in of) this.know(await this.sample(of.dataset, run))
      else await of.prepare(run)
    }
    return this.once.run(work, {
      in: run,
      settled: () => this.settled(),
      undone: () => this.forget(),
    })
  }

  /** Where the ranges end. Not part of the public API, as what follows. */
  know(bounds: readonly K[]): void {
    this.bounds = bounds
  }

  /** All threads know it, for good. */
  settled(): void {
    this.of = undefined
  }

  /** Not all threads may know it, unless it is settled. */
  forget(): void {
    if (this.of !== undefined) this.bounds = undefined
  }

  private async sample(dataset: Dataset<readonly [K, unknown]>, run: TaskRunner): Promise<readonly K[]> {
    const { numPartitions, compare } = this
    if (numPartitions === 1) return []
    const size = Math.min(LARGEST_SAMPLE, SAMPLE_OF_A_PARTITION * numPartitions)
    const keys = new NarrowDataset<readonly [K, unknown], K>(
      dataset,
      (emit) =>
        ([key]) =>
          emit(key),
    )
    const chance = chanceOf(0, 0)
    const sample: K[] = []
    let seen = 0
    // Vitter's reservoir: each key takes a place with the probability that it should have one.
    await drainAll(keys, run, (key) => {
      seen++
      if (sample.length < size) sample.push(key)
      else {
        const place = Math.floor(chance() * seen)
        if (place < size) sample[place] = key
      }
    })
    sample.sort(compare)
    return boundsOf(sample.length, (index) => sample[index] as K, compare, numPartitions)
  }
}

/**
 * Of keys that rise: those that end ranges of about the same number of them (RangePartitioner.determineBounds). A key is
 * in one range, however often it is there.
 */
export function boundsOf<K>(
  count: number,
  keyAt: (index: number) => K,
  compare: Compare<K>,
  partitions: number,
): K[] {
  const ranges = Math.min(partitions, count)
  const step = count / ranges
  const bounds: K[] = []
  for (let index = 0, target = step; index < count && bounds.length < ranges - 1; index++) {
    if (index + 1 < target) continue
    const key = keyAt(index)
    if (bounds.length > 0 && compare(key, bounds.at(-1) as K) <= 0) continue
    bounds.push(key)
    target += step
  }
  return bounds
}

/** Before rows are brought to these places. */
export async function placesKnown({ partitioner }: KeyPlaces, run: TaskRunner): Promise<void> {
  if (partitioner instanceof RangePartitioner) await partitioner.prepare(run)
}
