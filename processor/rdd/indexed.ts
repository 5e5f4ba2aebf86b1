// Narrow operators that know which partition they read: a numbering, a seeded choice.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { Dataset } from './dataset.ts'
import type { Pipe } from './narrow.ts'
import { PartitionWiseDataset, type PartitionWiseOptions } from './partition-wise.ts'

export class IndexedDataset<T, U> extends PartitionWiseDataset<T, U> {
  private readonly pipeOf: (partition: number) => Pipe<T, U>

  constructor(parent: Dataset<T>, pipeOf: (partition: number) => Pipe<T, U>, options?: PartitionWiseOptions) {
    super(parent, options)
    this.pipeOf = pipeOf
  }

  open(partition: number, emit: Emit<U>): RowReader {
    return this.parent.open(partition, this.pipeOf(partition)(emit))
  }
}
