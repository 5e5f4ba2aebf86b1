// All rows folded into at most one (count, reduce). Done while preparing; one partition comes out.

import { operatorFailed } from '../graph/errors.ts'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { ArrayReader } from './array-reader.ts'
import { drainAll, Once, type Dataset, type TaskRunner } from './dataset.ts'

/** Takes every row, then says what comes out: no row, or one. */
export interface Fold<T, U> {
  add(row: T): void
  result(): U[]
}

export class AggregateDataset<T, U> implements Dataset<U> {
  readonly partitions = 1
  readonly keeps = 'always'
  private readonly once = new Once()
  private parent: Dataset<T> | undefined
  private readonly start: () => Fold<T, U>
  private rows: U[] = []

  constructor(parent: Dataset<T>, start: () => Fold<T, U>) {
    this.parent = parent
    this.start = start
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      const fold = this.start()
      await drainAll(this.parent as Dataset<T>, run, (row) => fold.add(row))
      this.rows = fold.result()
      this.parent = undefined
    })
  }

  open(_partition: number, emit: Emit<U>): RowReader {
    return new ArrayReader(this.rows, emit)
  }
}

/** Counts rows; 0 is a result too. */
export function counting(): Fold<unknown, number> {
  let count = 0
  return { add: () => void count++, result: () => [count] }
}

/** Reduces rows in the order of their partitions; no rows, no result. */
export function reducing<T>(operator: string, f: (a: T, b: T) => T): Fold<T, T> {
  let held = false
  let value: T
  return {
    add(row) {
      if (held) {
        try {
          value = f(value, row)
        } catch (error) {
          throw operatorFailed(operator, error)
        }
      } else {
        value = row
        held = true
      }
    },
    result: () => (held ? [value] : []),
  }
}
