// Rows dealt out in turn to another number of partitions: as even as can be, whatever the parents had. The same
// rows come to the same places in every run.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { ArrayReader } from './array-reader.ts'
import { drainAll, Once, type Dataset, type TaskRunner } from './dataset.ts'

export class RepartitionedDataset<T> implements Dataset<T> {
  readonly keeps = 'always'
  readonly partitions: number
  private readonly once = new Once()
  private parent: Dataset<T> | undefined
  private readonly rows: T[][]

  constructor(parent: Dataset<T>, partitions: number) {
    this.parent = parent
    this.partitions = partitions
    this.rows = Array.from({ length: partitions }, () => [])
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      let next = 0
      await drainAll(this.parent as Dataset<T>, run, (row) => {
        ;(this.rows[next] as T[]).push(row)
        next = (next + 1) % this.partitions
      })
      this.parent = undefined
    })
  }

  open(partition: number, emit: Emit<T>): RowReader {
    return new ArrayReader(this.rows[partition] as T[], emit)
  }
}
