// Pairs moved to the partition of their key (partitionBy): nothing is combined, and rows of one key stay in the
// order in which they came.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { KeyPlaces } from '../graph/partitioner.ts'
import { Once, openHeld, type Dataset, type Held, type TaskRunner } from './dataset.ts'
import { dealing, drainByKey } from './shuffle.ts'

export class PartitionedDataset<K, V> implements Dataset<readonly [K, V]> {
  readonly partitions: number
  readonly keeps = 'always'
  private readonly once = new Once()
  private parent: Dataset<readonly [K, V]> | undefined
  private readonly places: KeyPlaces
  private rows: Held<readonly [K, V]> = []

  constructor(parent: Dataset<readonly [K, V]>, places: KeyPlaces) {
    this.parent = parent
    this.places = places
    this.partitions = places.partitions
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      const { rows, deal } = dealing<readonly [K, V]>(this.places, run.peers)
      await drainByKey(this.parent as Dataset<readonly [K, V]>, this.places, run, deal)
      this.rows = rows
      this.parent = undefined
    })
  }

  open(partition: number, emit: Emit<readonly [K, V]>): RowReader {
    return openHeld(this.rows, partition, emit)
  }
}
