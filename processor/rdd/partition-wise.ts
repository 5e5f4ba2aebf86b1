// What every operator is that makes a partition of each of its parent's, where they are: it moves nothing, and holds
// nothing from one reading to the next.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { Partitioner } from '../graph/partitioner.ts'
import { ownerIn, type Dataset, type Keeps, type TaskRunner } from './dataset.ts'

export interface PartitionWiseOptions {
  /** Keys stay as they are: rows lie by the parent's partitioner, where it has one. Default false. */
  readonly keepsKeys?: boolean | undefined
}

export abstract class PartitionWiseDataset<T, U> implements Dataset<U> {
  protected readonly parent: Dataset<T>
  readonly partitioner: Partitioner | undefined

  constructor(parent: Dataset<T>, { keepsKeys = false }: PartitionWiseOptions = {}) {
    this.parent = parent
    this.partitioner = keepsKeys ? parent.partitioner : undefined
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
