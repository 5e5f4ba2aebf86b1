// Rows dealt out in turn to another number of partitions: as even as can be, whatever the parents had. The same
// rows come to the same places in every run.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import {
  drainShare,
  exchangeFew,
  type HeldOrSpilled,
  Once,
  openHeld,
  ownerOf,
  owns,
  takeAll,
  type Dataset,
  type Peers,
  type TaskRunner,
} from './dataset.ts'
import { RowsInPartitions } from './rows-in-partitions.ts'
import type { ShuffleOptions } from './shuffle.ts'

const OPERATOR = 'repartition'

export class RepartitionedDataset<T> implements Dataset<T> {
  readonly keeps = 'always'
  readonly partitions: number
  private readonly once = new Once()
  private parent: Dataset<T> | undefined
  private readonly outlives: boolean
  private rows: HeldOrSpilled<T> = []

  constructor(parent: Dataset<T>, partitions: number, { outlives = false }: ShuffleOptions = {}) {
    this.parent = parent
    this.partitions = partitions
    this.outlives = outlives
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(
      async () => {
        const parent = this.parent as Dataset<T>
        const rows = new RowsInPartitions<T>(OPERATOR, this.partitions, run, this.outlives)
        if (run.peers === undefined) {
          let next = 0
          await drainShare(parent, run, (row) => {
            rows.add(next, row)
            next = (next + 1) % this.partitions
          })
        } else {
          await this.deal(parent, rows, run, run.peers)
        }
        this.rows = rows.held((partition) => owns(this, partition, run.peers))
      },
      { in: run, settled: () => void (this.parent = undefined) },
    )
  }

  // A row's turn depends on how many come before it, in the shares of other threads too.
  private async deal(parent: Dataset<T>, rows: RowsInPartitions<T>, run: TaskRunner, peers: Peers) {
    const share = new RowsInPartitions<T>(OPERATOR, 1, run, false)
    let count = 0
    await drainShare(parent, run, (row) => {
      count++
      share.add(0, row)
    })
    const counts = await exchangeFew(peers, OPERATOR, Array<number[]>(peers.count).fill([count]), run)
    let next = counts.slice(0, peers.index).reduce((sum, [others]) => sum + (others as number), 0)
    const exchanging = peers.begin<readonly [number, T]>(OPERATOR)
    const give = (row: T) => {
      const partition = next++ % this.partitions
      exchanging.give(ownerOf(partition, this.partitions, peers.count), [partition, row])
    }
    await run.drain(
      openHeld(
        share.held(() => true),
        0,
        give,
      ),
    )
    share.release()
    await takeAll(exchanging, run, ([partition, row]) => rows.add(partition, row))
  }

  open(partition: number, emit: Emit<T>): RowReader {
    return openHeld(this.rows, partition, emit)
  }
}
