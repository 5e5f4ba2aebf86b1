// Two datasets partition by partition: what zip and zipPartitions are. A partition of either is held whole while
// the two are brought together, for rows are pushed and only one side can push at a time.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { operatorFailed } from '../graph/errors.ts'
import { ArrayReader } from './array-reader.ts'
import { Once, ownerIn, type Dataset, type TaskRunner } from './dataset.ts'
import { EverywhereDataset } from './everywhere.ts'
import type { Partitioner } from '../graph/partitioner.ts'
import type { PartitionWiseOptions } from './partition-wise.ts'
import type { ShuffleOptions } from './shuffle.ts'
import { CachedDataset } from './stored.ts'

export class ZippedDataset<T, U, R> implements Dataset<R> {
  readonly partitions: number
  readonly keeps = 'no'
  readonly partitioner: Partitioner | undefined
  private readonly once = new Once()
  private readonly left: Dataset<T>
  private readonly right: Dataset<U>
  private readonly operator: string
  private readonly f: (left: T[], right: U[]) => Iterable<R>

  /** Throws where the partitions are not as many. */
  constructor(
    left: Dataset<T>,
    right: Dataset<U>,
    operator: string,
    f: (left: T[], right: U[]) => Iterable<R>,
    { outlives, keepsKeys = false }: ShuffleOptions & PartitionWiseOptions = {},
  ) {
    if (left.partitions !== right.partitions) {
      throw new RangeError(`${operator}: ${left.partitions} partitions with ${right.partitions}`)
    }
    this.partitions = left.partitions
    this.partitioner = keepsKeys ? left.partitioner : undefined
    this.left = new CachedDataset(left)
    this.right = new EverywhereDataset(new CachedDataset(right), { outlives })
    this.operator = operator
    this.f = f
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(
      async () => {
        await this.left.prepare(run)
        await this.right.prepare(run)
      },
      { in: run },
    )
  }

  owner(partition: number, count: number): number {
    return ownerIn(this.left, partition, count)
  }

  open(partition: number, emit: Emit<R>): RowReader {
    const rows = [rowsOf(this.left, partition), rowsOf(this.right, partition)] as const
    try {
      return new ArrayReader([...this.f(...rows)], emit)
    } catch (error) {
      throw operatorFailed(this.operator, error)
    }
  }
}

function rowsOf<T>(dataset: Dataset<T>, partition: number): T[] {
  const rows: T[] = []
  const reader = dataset.open(partition, (row) => void rows.push(row))
  while (reader.read(4096));
  reader.close()
  return rows
}

/** Throws where one side has more rows than the other, as Spark does. */
export function pairUp<T, U>(left: T[], right: U[]): (readonly [T, U])[] {
  if (left.length !== right.length) {
    throw new RangeError(
      `zip needs as many rows in both: ${left.length} and ${right.length} in one partition`,
    )
  }
  return left.map((row, index) => [row, right[index] as U] as const)
}
