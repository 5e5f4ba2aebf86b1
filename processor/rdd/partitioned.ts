// Pairs moved to the partition of their key (partitionBy): nothing is combined, and rows of one key stay in the
// order in which they came.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { operatorFailed } from '../graph/errors.ts'
import { checkKey, partitionOf } from '../graph/key.ts'
import { ArrayReader } from './array-reader.ts'
import { drainAll, Once, type Dataset, type TaskRunner } from './dataset.ts'

export class PartitionedDataset<K, V> implements Dataset<readonly [K, V]> {
  readonly partitions: number
  readonly keeps = 'always'
  private readonly once = new Once()
  private parent: Dataset<readonly [K, V]> | undefined
  private readonly operator: string
  private readonly rows: (readonly [K, V])[][]

  constructor(parent: Dataset<readonly [K, V]>, operator: string, partitions: number) {
    this.parent = parent
    this.operator = operator
    this.partitions = partitions
    this.rows = Array.from({ length: partitions }, () => [])
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      await drainAll(this.parent as Dataset<readonly [K, V]>, run, (row) => {
        const key: unknown = row[0]
        try {
          checkKey(key, this.operator)
        } catch (error) {
          throw operatorFailed(this.operator, error)
        }
        ;(this.rows[partitionOf(key, this.partitions)] as (readonly [K, V])[]).push(row)
      })
      this.parent = undefined
    })
  }

  open(partition: number, emit: Emit<readonly [K, V]>): RowReader {
    return new ArrayReader(this.rows[partition] as (readonly [K, V])[], emit)
  }
}
