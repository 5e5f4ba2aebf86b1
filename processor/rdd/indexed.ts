// Narrow operators that know which partition they read: a numbering, a seeded choice.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { ownerIn, type Dataset, type TaskRunner } from './dataset.ts'
import type { Pipe } from './narrow.ts'

export class IndexedDataset<T, U> implements Dataset<U> {
  readonly keeps = 'no'
  private readonly parent: Dataset<T>
  private readonly pipeOf: (partition: number) => Pipe<T, U>

  constructor(parent: Dataset<T>, pipeOf: (partition: number) => Pipe<T, U>) {
    this.parent = parent
    this.pipeOf = pipeOf
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

  open(partition: number, emit: Emit<U>): RowReader {
    return this.parent.open(partition, this.pipeOf(partition)(emit))
  }
}
