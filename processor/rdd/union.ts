// Several datasets as one; nothing is moved. Where all lie by one partitioner, partition by partition, and they lie by
// it still (Spark's PartitionerAwareUnionRDD); else their partitions one after the other.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { isSamePartitioner, type Partitioner } from '../graph/partitioner.ts'
import { ConsecutiveReader } from './consecutive-reader.ts'
import { ownerIn, type Dataset, type Keeps, type Slices, type TaskRunner } from './dataset.ts'

export function united<T>(parents: readonly Dataset<T>[]): Dataset<T> {
  const present = parents.filter(({ partitions }) => partitions > 0)
  const [first] = present
  if (first?.partitioner === undefined) return new UnionDataset(parents)
  const lieAlike = present.every(
    ({ partitioner, partitions }) =>
      isSamePartitioner(first.partitioner, partitioner) && partitions === first.partitions,
  )
  return lieAlike ? new PartitionwiseUnionDataset(present, first.partitioner) : new UnionDataset(parents)
}

class UnionDataset<T> implements Dataset<T> {
  readonly partitions: number
  readonly keeps: Keeps
  private readonly parents: readonly Dataset<T>[]

  constructor(parents: readonly Dataset<T>[]) {
    this.parents = parents
    this.partitions = parents.reduce((sum, parent) => sum + parent.partitions, 0)
    this.keeps = shortest(parents)
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

/** All parents have as many partitions. */
class PartitionwiseUnionDataset<T> implements Dataset<T> {
  readonly keeps: Keeps
  readonly partitioner: Partitioner
  private readonly parents: readonly Dataset<T>[]

  constructor(parents: readonly Dataset<T>[], partitioner: Partitioner) {
    this.parents = parents
    this.partitioner = partitioner
    this.keeps = shortest(parents)
  }

  get partitions(): number {
    return (this.parents[0] as Dataset<T>).partitions
  }

  async prepare(run: TaskRunner): Promise<void> {
    for (const parent of this.parents) await parent.prepare(run)
  }

  // What lies by a partitioner is with the threads that have its partitions, in all parents the same.
  owner(partition: number, count: number): number {
    return ownerIn(this.parents[0] as Dataset<T>, partition, count)
  }

  open(partition: number, emit: Emit<T>): RowReader {
    const { parents } = this
    return new ConsecutiveReader(parents.length, (index) =>
      (parents[index] as Dataset<T>).open(partition, emit),
    )
  }
}

function shortest(datasets: readonly Dataset<unknown>[]): Keeps {
  const has = (keeps: Keeps) => datasets.some((dataset) => dataset.keeps === keeps)
  return has('no') ? 'no' : has('batch') ? 'batch' : 'always'
}
