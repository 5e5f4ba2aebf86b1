// The partitions of several datasets, one after the other. Nothing is moved.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { ownerIn, type Dataset, type Keeps, type Slices, type TaskRunner } from './dataset.ts'

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
    const { parent, index } = this.find(partition)
    return parent.open(index, emit)
  }

  owner(partition: number, count: number): number {
    const { parent, index } = this.find(partition)
    return ownerIn(parent, index, count)
  }

  get slices(): Slices<T> | undefined {
    const slices: Slices<T>[] = []
    for (const parent of this.parents) {
      if (parent.slices === undefined) return undefined
      slices.push(parent.slices)
    }
    return {
      rows: slices.flatMap(({ rows }) => rows),
      open: (partition, from, until, emit) => {
        const { parent, index } = this.find(partition)
        return (parent.slices as Slices<T>).open(index, from, until, emit)
      },
    }
  }

  private find(partition: number): { parent: Dataset<T>; index: number } {
    let index = partition
    for (const parent of this.parents) {
      if (index < parent.partitions) return { parent, index }
      index -= parent.partitions
    }
    throw new Error(`partition ${partition} of a union of ${this.partitions}`)
  }
}
