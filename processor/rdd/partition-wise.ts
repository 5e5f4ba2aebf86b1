// What every operator is that makes a partition of each of its parent's, where they are: it moves nothing, and holds
// nothing from one reading to the next.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { ownerIn, type Dataset, type Keeps, type TaskRunner } from './dataset.ts'

export abstract class PartitionWiseDataset<T, U> implements Dataset<U> {
  protected readonly parent: Dataset<T>

  constructor(parent: Dataset<T>) {
    this.parent = parent
  }

  get keeps(): Keeps {
    return 'no'
  }

  get partitions(): number {
    return this.parent.partitions
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.parent.prepare(run)
  }

  owner(partition: number, count: number): number {
    return ownerIn(this.parent, partition, count)
  }

  abstract open(partition: number, emit: Emit<U>): RowReader
}
