// Every row of one dataset with every row of another. The right side is held; partitions are those of the left
// times those of the right, in Spark's order.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { ownerIn, type Dataset, type TaskRunner } from './dataset.ts'
import { EverywhereDataset } from './everywhere.ts'
import type { ShuffleOptions } from './shuffle.ts'
import { CachedDataset } from './stored.ts'

export class CartesianDataset<T, U> implements Dataset<readonly [T, U]> {
  readonly keeps = 'no'
  readonly partitions: number
  private readonly left: Dataset<T>
  private readonly right: Dataset<U>

  constructor(left: Dataset<T>, right: Dataset<U>, options?: ShuffleOptions) {
    this.left = left
    this.right = new EverywhereDataset(new CachedDataset(right), options)
    this.partitions = left.partitions * right.partitions
  }

  async prepare(run: TaskRunner): Promise<void> {
    await this.left.prepare(run)
    await this.right.prepare(run)
  }

  owner(partition: number, count: number): number {
    return ownerIn(this.left, Math.floor(partition / this.right.partitions), count)
  }

  open(partition: number, emit: Emit<readonly [T, U]>): RowReader {
    const { partitions } = this.right
    const rights: U[] = []
    const reader = this.right.open(partition % partitions, (row) => void rights.push(row))
    while (reader.read(4096));
    reader.close()
    return this.left.open(Math.floor(partition / partitions), (row) => {
      for (const right of rights) emit([row, right])
    })
  }
}
