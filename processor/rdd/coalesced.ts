// Fewer partitions without moving a row: neighbours are read one after the other as one.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { ConsecutiveReader } from './consecutive-reader.ts'
import type { Dataset, Keeps, TaskRunner } from './dataset.ts'
import { EverywhereDataset } from './everywhere.ts'
import type { ShuffleOptions } from './shuffle.ts'

export class CoalescedDataset<T> implements Dataset<T> {
  readonly partitions: number
  private readonly parent: Dataset<T>

  /** Never more partitions than the parent has. */
  constructor(parent: Dataset<T>, partitions: number, options?: ShuffleOptions) {
    this.parent = new EverywhereDataset(parent, options)
    this.partitions = Math.min(partitions, parent.partitions)
  }

  get keeps(): Keeps {
    return this.parent.keeps
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.parent.prepare(run)
  }

  open(partition: number, emit: Emit<T>): RowReader {
    const first = Math.floor((partition * this.parent.partitions) / this.partitions)
    const end = Math.floor(((partition + 1) * this.parent.partitions) / this.partitions)
    return new ConsecutiveReader(end - first, (index) => this.parent.open(first + index, emit))
  }
}
