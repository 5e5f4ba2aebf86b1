// Pairs moved to the partition of their key (partitionBy): nothing is combined, and rows of one key stay in the
// order in which they came.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { partitionOf, type Key } from '../graph/key.ts'
import { drainShare, Once, openHeld, owns, type Dataset, type Held, type TaskRunner } from './dataset.ts'
import { placing, takeAll } from './shuffle.ts'

export class PartitionedDataset<K, V> implements Dataset<readonly [K, V]> {
  readonly partitions: number
  readonly keeps = 'always'
  private readonly once = new Once()
  private parent: Dataset<readonly [K, V]> | undefined
  private readonly operator: string
  private rows: Held<readonly [K, V]> = []

  constructor(parent: Dataset<readonly [K, V]>, operator: string, partitions: number) {
    this.parent = parent
    this.operator = operator
    this.partitions = partitions
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      const { operator, partitions } = this
      const { peers } = run
      const rows: (readonly [K, V])[][] = Array.from({ length: partitions }, () => [])
      const keep = (row: readonly [K, V]) => {
        ;(rows[partitionOf(row[0] as Key, partitions)] as (readonly [K, V])[]).push(row)
      }
      const share = placing<readonly [K, V]>(operator, partitions, peers?.count ?? 1)
      await drainShare(this.parent as Dataset<readonly [K, V]>, run, share.place)
      await takeAll(peers === undefined ? share.rows : await peers.exchange(operator, share.rows), run, keep)
      this.rows = rows.map((held, partition) => (owns(this, partition, peers) ? held : undefined))
      this.parent = undefined
    })
  }

  open(partition: number, emit: Emit<readonly [K, V]>): RowReader {
    return openHeld(this.rows, partition, emit)
  }
}
