// Rows in order: sorted as a whole, then cut into ranges of about the same size, so that reading one partition after
// the other is reading in order, and rows that compare alike are in one of them, in the order in which they came.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { operatorFailed } from '../graph/errors.ts'
import { checkPartitions, type Partitioner } from '../graph/partitioner.ts'
import { ArrayReader } from './array-reader.ts'
import { drainAll, Once, type Dataset, type TaskRunner } from './dataset.ts'
import { type Compare, ordered } from './order.ts'
import { boundsOf, RangePartitioner } from './range-partitioner.ts'

export interface Sorting<T, U> {
  /** What is compared, of a row. */
  readonly by: (row: T) => U
  readonly compare: Compare<U>
  readonly ascending: boolean
  readonly numPartitions: number
  /** It is the key of the row: rows lie by its ranges. */
  readonly isKey?: boolean
}

export class SortedDataset<T, U> implements Dataset<T> {
  readonly partitions: number
  readonly keeps = 'always'
  readonly partitioner: Partitioner | undefined
  private readonly once = new Once()
  private parent: Dataset<T> | undefined
  private readonly operator: string
  private readonly sorting: Sorting<T, U>
  private rows: T[][] = []
  private readonly ranges: RangePartitioner<U> | undefined

  /** Throws RangeError where there are no partitions. */
  constructor(parent: Dataset<T>, operator: string, sorting: Sorting<T, U>) {
    const { numPartitions, compare, ascending, isKey = false } = sorting
    checkPartitions(operator, numPartitions)
    this.parent = parent
    this.operator = operator
    this.sorting = sorting
    this.partitions = numPartitions
    // Rows lie by it for longer than these here are read: it is told its bounds, and lets go of them.
    const rows = { prepare: (run: TaskRunner) => this.prepare(run) }
    this.ranges = isKey ? new RangePartitioner<U>(numPartitions, rows, { ascending, compare }) : undefined
    this.partitioner = this.ranges
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(
      async () => {
        const rows: T[] = []
        await drainAll(this.parent as Dataset<T>, run, (row) => void rows.push(row))
        try {
          this.sort(rows)
        } catch (error) {
          throw operatorFailed(this.operator, error)
        }
      },
      {
        in: run,
        settled: () => {
          this.parent = undefined
          this.ranges?.settled()
        },
        undone: () => this.ranges?.forget(),
      },
    )
  }

  open(partition: number, emit: Emit<T>): RowReader {
    return new ArrayReader(this.rows[partition] as T[], emit)
  }

  private sort(rows: T[]): void {
    const { by, compare, ascending, numPartitions } = this.sorting
    const order = ordered(compare, ascending)
    rows.sort((a, b) => order(by(a), by(b)))
    const { length } = rows
    const rising = (index: number) => by(rows[ascending ? index : length - 1 - index] as T)
    const bounds = boundsOf(length, rising, compare, numPartitions)
    const ends = ascending
      ? bounds.map((bound) => endOf(rows, (row) => compare(by(row), bound) <= 0))
      : bounds.toReversed().map((bound) => endOf(rows, (row) => compare(by(row), bound) > 0))
    const from = [0, ...ends]
    this.rows = Array.from({ length: numPartitions }, (_, partition) =>
      rows.slice(from[partition] ?? rows.length, from[partition + 1] ?? rows.length),
    )
    this.ranges?.know(bounds)
  }
}

/** How many rows from the first on are within, by halving. */
function endOf<T>(rows: readonly T[], isWithin: (row: T) => boolean): number {
  let from = 0
  let until = rows.length
  while (from < until) {
    const middle = (from + until) >>> 1
    if (isWithin(rows[middle] as T)) from = middle + 1
    else until = middle
  }
  return from
}
