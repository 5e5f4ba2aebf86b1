// Rows brought together by key. Each key's values are combined as they arrive (Spark's map-side combine):
// all input partitions of a thread share one table, so what is moved is one entry per key, never the rows,
// and only those entries are hashed to their partition. Rows come out in the order keys were first seen.

import { operatorFailed } from '../graph/errors.ts'
import { checkKey, partitionOf, type Key } from '../graph/key.ts'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { ArrayReader } from './array-reader.ts'
import { IteratorReader } from './iterator-reader.ts'
import { drainAll, Once, type Dataset, type TaskRunner } from './dataset.ts'

export interface Combiner<V, C> {
  create(value: V): C
  /** May change and return `combined`. */
  merge(combined: C, value: V): C
  /** Brings together what was combined in two places, the earlier rows' first; may change and return it. */
  mergeCombined?(earlier: C, later: C): C
}

export class ShuffledDataset<K, V, C> implements Dataset<readonly [K, C]> {
  readonly partitions: number
  readonly keeps = 'always'
  private readonly once = new Once()
  private parent: Dataset<readonly [K, V]> | undefined
  private readonly operator: string
  private readonly combiner: Combiner<V, C>
  private rows: [K, C][][] = []

  constructor(
    parent: Dataset<readonly [K, V]>,
    operator: string,
    partitions: number,
    combiner: Combiner<V, C>,
  ) {
    this.parent = parent
    this.operator = operator
    this.partitions = partitions
    this.combiner = combiner
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      const table = new Map<K, [K, C]>()
      await drainAll(this.parent as Dataset<readonly [K, V]>, run, this.adder(table))
      this.rows = await spread(table, this.partitions, run)
      this.parent = undefined
    })
  }

  open(partition: number, emit: Emit<readonly [K, C]>): RowReader {
    return new ArrayReader<readonly [K, C]>(this.rows[partition] as [K, C][], emit)
  }

  // An entry is the row that will come out: found once, changed in place, no second look-up to store it.
  private adder(table: Map<K, [K, C]>): Emit<readonly [K, V]> {
    const { operator, combiner } = this
    return (row) => {
      const key = row[0]
      const entry = table.get(key)
      try {
        if (entry !== undefined) {
          entry[1] = combiner.merge(entry[1], row[1])
        } else {
          checkKey(key, operator)
          table.set(key, [key, combiner.create(row[1])])
        }
      } catch (error) {
        throw operatorFailed(operator, error)
      }
    }
  }
}

/** Prepares the dataset and pushes its rows to where their keys are, with keys checked. */
export async function drainByKey<R extends readonly [unknown, unknown]>(
  dataset: Dataset<R>,
  operator: string,
  _partitions: number,
  run: TaskRunner,
  emit: Emit<R>,
): Promise<void> {
  await drainAll(dataset, run, (row) => {
    try {
      checkKey(row[0], operator)
    } catch (error) {
      throw operatorFailed(operator, error)
    }
    emit(row)
  })
}

/** Entries dealt to their partitions by the stable hash. */
export async function spread<K, R extends readonly [K, unknown]>(
  table: Map<K, R>,
  partitions: number,
  run: TaskRunner,
): Promise<R[][]> {
  const rows: R[][] = Array.from({ length: partitions }, () => [])
  const place = (entry: R) => {
    ;(rows[partitionOf(entry[0] as Key, partitions)] as R[]).push(entry)
  }
  await run.drain(new IteratorReader(table.values(), place))
  return rows
}

export function reduceCombiner<V>(f: (a: V, b: V) => V): Combiner<V, V> {
  return { create: (value) => value, merge: f }
}

export function groupCombiner<V>(): Combiner<V, V[]> {
  return {
    create: (value) => [value],
    merge(values, value) {
      values.push(value)
      return values
    },
  }
}

export function countCombiner(): Combiner<unknown, number> {
  return { create: () => 1, merge: (count) => count + 1 }
}
