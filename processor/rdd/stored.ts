// Datasets whose rows are held: given arrays, and the cache that runs its parent once.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { ArrayReader } from './array-reader.ts'
import { Once, type Dataset, type TaskRunner } from './dataset.ts'

export class ArrayDataset<T> implements Dataset<T> {
  readonly keeps = 'always'
  private readonly rows: readonly (readonly T[])[]

  constructor(rows: readonly (readonly T[])[]) {
    this.rows = rows
  }

  get partitions(): number {
    return this.rows.length
  }

  prepare(): Promise<void> {
    return Promise.resolve()
  }

  open(partition: number, emit: Emit<T>): RowReader {
    return new ArrayReader(this.rows[partition] as readonly T[], emit)
  }
}

/** Rows dealt out in turn to `partitions` parts, in contiguous runs (Spark's parallelize). */
export function sliceRows<T>(rows: readonly T[], partitions: number): T[][] {
  return Array.from({ length: partitions }, (_, i) =>
    rows.slice(Math.floor((i * rows.length) / partitions), Math.floor(((i + 1) * rows.length) / partitions)),
  )
}

/** Runs its parent once and lets go of it: later readers run no function of the parent again. */
export class CachedDataset<T> implements Dataset<T> {
  readonly partitions: number
  readonly keeps = 'always'
  private readonly once = new Once()
  private parent: Dataset<T> | undefined
  private rows: T[][] = []

  constructor(parent: Dataset<T>) {
    this.parent = parent
    this.partitions = parent.partitions
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      const parent = this.parent as Dataset<T>
      await parent.prepare(run)
      const rows: T[][] = []
      for (let partition = 0; partition < parent.partitions; partition++) {
        const kept: T[] = []
        await run.drain(parent.open(partition, (row) => void kept.push(row)))
        rows.push(kept)
      }
      this.rows = rows
      this.parent = undefined
    })
  }

  open(partition: number, emit: Emit<T>): RowReader {
    return new ArrayReader(this.rows[partition] as T[], emit)
  }

  /** Only after `prepare`: rows of the partitions before this one. */
  rowsBefore(partition: number): number {
    return this.rows.slice(0, partition).reduce((sum, { length }) => sum + length, 0)
  }
}
