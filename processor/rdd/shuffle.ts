// Rows brought together by key. Each key's values are combined as they arrive (Spark's map-side combine):
// all input partitions of a thread share one table, so what is moved is one entry per key, never the rows,
// and only those entries are hashed to their partition. Rows come out in the order keys were first seen. What
// outgrows the memory of a shuffle goes to disk (spilling-table.ts).

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { KeyPlaces, Partitioner } from '../graph/partitioner.ts'
import { drainByKey, drainCombined } from './by-key.ts'
import type { Combining } from './combining-table.ts'
import { drainShare, type HeldOrSpilled, Once, openHeld, type Dataset, type TaskRunner } from './dataset.ts'
import { placesKnown } from './range-partitioner.ts'
import { SpillingTable } from './spilling-table.ts'

export interface Combiner<V, C> extends Combining<V, C> {
  /**
   * Brings together what was combined in two places, the earlier rows' first; may change and return it. Without
   * it, rows go to their key's thread, and to disk, as they are.
   */
  mergeCombined?(earlier: C, later: C): C
}

export interface ShuffleOptions {
  /** Its rows may be asked for after the batch that made them. */
  readonly outlives?: boolean | undefined
}

export class ShuffledDataset<K, V, C> implements Dataset<readonly [K, C]> {
  readonly partitions: number
  readonly keeps = 'always'
  readonly partitioner: Partitioner
  private readonly once = new Once()
  private parent: Dataset<readonly [K, V]> | undefined
  private readonly places: KeyPlaces
  private readonly combiner: Combiner<V, C>
  private readonly outlives: boolean
  private rows: HeldOrSpilled<readonly [K, C]> = []

  constructor(
    parent: Dataset<readonly [K, V]>,
    places: KeyPlaces,
    combiner: Combiner<V, C>,
    { outlives = false }: ShuffleOptions = {},
  ) {
    this.parent = parent
    this.places = places
    this.partitions = places.partitions
    this.partitioner = places.partitioner
    this.combiner = combiner
    this.outlives = outlives
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(
      async () => {
        this.rows = await this.shuffle(this.parent as Dataset<readonly [K, V]>, run)
      },
      { in: run, settled: () => void (this.parent = undefined) },
    )
  }

  open(partition: number, emit: Emit<readonly [K, C]>): RowReader {
    return openHeld<readonly [K, C]>(this.rows, partition, emit)
  }

  private async shuffle(
    parent: Dataset<readonly [K, V]>,
    run: TaskRunner,
  ): Promise<HeldOrSpilled<readonly [K, C]>> {
    const { places, outlives, combiner } = this
    await placesKnown(places, run)
    const mergeCombined = mergingOf(combiner)
    const table = new SpillingTable<K, C>({ places, outlives }, run, mergeCombined)
    const { peers } = run
    if (peers === undefined) {
      const { emit, pause } = table.adder(combiner)
      await drainShare(parent, run, emit, pause)
    } else if (mergeCombined === undefined) {
      await drainByKey(parent, places, run, table.adder(combiner))
    } else {
      await drainCombined(parent, places, { run, peers }, combiner, table.merger())
    }
    return (await table.finish()).rows
  }
}

function mergingOf<V, C>(combiner: Combiner<V, C>): ((earlier: C, later: C) => C) | undefined {
  if (combiner.mergeCombined === undefined) return undefined
  return (earlier, later) => (combiner.mergeCombined as (a: C, b: C) => C)(earlier, later)
}

export function reduceCombiner<V>(f: (a: V, b: V) => V): Combiner<V, V> {
  return { create: (value) => value, merge: f, mergeCombined: f }
}

export function groupCombiner<V>(): Combiner<V, V[]> {
  return {
    create: (value) => [value],
    merge(values, value) {
      values.push(value)
      return values
    },
    mergeCombined(earlier, later) {
      for (const value of later) earlier.push(value)
      return earlier
    },
  }
}

export function countCombiner(): Combiner<unknown, number> {
  return { create: () => 1, merge: (count) => count + 1, mergeCombined: (a, b) => a + b }
}
