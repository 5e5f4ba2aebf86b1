// The partitions of several datasets, one after the other. Nothing is moved.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { Dataset, Keeps, TaskRunner } from './dataset.ts'

export class UnionDataset<T> implements Dataset<T> {
  readonly partitions: number
  readonly keeps: Keeps
  private readonly parents: readonly Dataset<T>[]

  constructor(parents: readonly Dataset<T>[]) {
    this.parents = parents
    this.partitions = parents.reduce((sum, parent) => sum + parent.partitions, 0)
    const has = (keeps: Keeps) => parents.some((parent) => parent.keeps === keeps)
    this.keeps = has('no') ? 'no' : has('batch') ? 'batch' : 'always'
  }

  async prepare(run: TaskRunner): Promise<void> {
    for (const parent of this.parents) await parent.prepare(run)
  }

  open(partition: number, emit: Emit<T>): RowReader {
    let index = partition
    for (const parent of this.parents) {
      if (index < parent.partitions) return parent.open(index, emit)
      index -= parent.partitions
    }
    throw new Error(`partition ${partition} of a union of ${this.partitions}`)
  }
}
