// Pairs moved to the partition of their key (partitionBy): nothing is combined, and rows of one key stay in the
// order in which they came.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { KeyPlaces, Partitioner } from '../graph/partitioner.ts'
import { drainByKey } from './by-key.ts'
import { type HeldOrSpilled, Once, openHeld, owns, type Dataset, type TaskRunner } from './dataset.ts'
import { placesKnown } from './range-partitioner.ts'
import { RowsInPartitions } from './rows-in-partitions.ts'
import type { ShuffleOptions } from './shuffle.ts'

export class PartitionedDataset<K, V> implements Dataset<readonly [K, V]> {
  readonly partitions: number
  readonly keeps = 'always'
  readonly partitioner: Partitioner
  private readonly once = new Once()
  private parent: Dataset<readonly [K, V]> | undefined
  private readonly places: KeyPlaces
  private readonly outlives: boolean
  private rows: HeldOrSpilled<readonly [K, V]> = []

  constructor(
    parent: Dataset<readonly [K, V]>,
    places: KeyPlaces,
    { outlives = false }: ShuffleOptions = {},
  ) {
    this.parent = parent
    this.places = places
    this.partitions = places.partitions
    this.partitioner = places.partitioner
    this.outlives = outlives
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(
      async () => {
        const { places } = this
        const { peers } = run
        await placesKnown(places, run)
        const rows = new RowsInPartitions<readonly [K, V]>(
          places.operator,
          places.partitions,
          run,
          this.outlives,
        )
        const emit = (row: readonly [K, V]) => {
          const partition = places.partitionOf(row[0])
          if (!owns(this, partition, peers)) throw places.elsewhere(row[0], partition)
          rows.add(partition, row)
        }
        await drainByKey(this.parent as Dataset<readonly [K, V]>, places, run, { emit })
        this.rows = rows.held((partition) => owns(this, partition, run.peers))
      },
      { in: run, settled: () => void (this.parent = undefined) },
    )
  }

  open(partition: number, emit: Emit<readonly [K, V]>): RowReader {
    return openHeld(this.rows, partition, emit)
  }
}
