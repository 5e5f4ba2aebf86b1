// Rows in order: sorted as a whole, then cut into partitions of the same size, so that reading one partition after
// the other is reading in order. Rows that compare alike stay in the order in which they came.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { operatorFailed } from '../graph/errors.ts'
import { checkPartitions } from '../graph/partitioner.ts'
import { ArrayReader } from './array-reader.ts'
import { drainAll, Once, type Dataset, type TaskRunner } from './dataset.ts'
import { sliceRows } from './stored.ts'

export type Compare<T> = (a: T, b: T) => number

export class SortedDataset<T> implements Dataset<T> {
  readonly partitions: number
  readonly keeps = 'always'
  private readonly once = new Once()
  private parent: Dataset<T> | undefined
  private readonly operator: string
  private readonly compare: Compare<T>
  private rows: T[][] = []

  /** Throws RangeError where there are no partitions. */
  constructor(parent: Dataset<T>, operator: string, compare: Compare<T>, partitions: number) {
    checkPartitions(operator, partitions)
    this.parent = parent
    this.operator = operator
    this.compare = compare
    this.partitions = partitions
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      const rows: T[] = []
      await drainAll(this.parent as Dataset<T>, run, (row) => void rows.push(row))
      try {
        rows.sort(this.compare)
      } catch (error) {
        throw operatorFailed(this.operator, error)
      }
      this.rows = sliceRows(rows, this.partitions)
      this.parent = undefined
    })
  }

  open(partition: number, emit: Emit<T>): RowReader {
    return new ArrayReader(this.rows[partition] as T[], emit)
  }
}

/** Order of what keys can be: numbers and bigints by size, strings by their code units, false before true. */
export function naturally(a: unknown, b: unknown): number {
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0
}

/** By what `f` makes of a row. */
export function comparing<T, U>(
  f: (row: T) => U,
  ascending: boolean,
  compare: Compare<U> = naturally,
): Compare<T> {
  return ascending ? (a, b) => compare(f(a), f(b)) : (a, b) => compare(f(b), f(a))
}
