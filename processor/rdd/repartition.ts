// Rows dealt out in turn to another number of partitions: as even as can be, whatever the parents had. The same
// rows come to the same places in every run.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { ArrayReader } from './array-reader.ts'
import {
  drainShare,
  Once,
  openHeld,
  ownerOf,
  owns,
  type Dataset,
  type Held,
  type Peers,
  type TaskRunner,
} from './dataset.ts'
import { takeAll } from './shuffle.ts'

export class RepartitionedDataset<T> implements Dataset<T> {
  readonly keeps = 'always'
  readonly partitions: number
  private readonly once = new Once()
  private parent: Dataset<T> | undefined
  private rows: Held<T> = []

  constructor(parent: Dataset<T>, partitions: number) {
    this.parent = parent
    this.partitions = partitions
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      const parent = this.parent as Dataset<T>
      const rows: T[][] = Array.from({ length: this.partitions }, () => [])
      if (run.peers === undefined) {
        let next = 0
        await drainShare(parent, run, (row) => {
          ;(rows[next] as T[]).push(row)
          next = (next + 1) % this.partitions
        })
      } else {
        await this.deal(parent, rows, run, run.peers)
      }
      this.rows = rows.map((held, partition) => (owns(this, partition, run.peers) ? held : undefined))
      this.parent = undefined
    })
  }

  // A row's turn depends on how many come before it, in the shares of other threads too.
  private async deal(parent: Dataset<T>, rows: T[][], run: TaskRunner, peers: Peers): Promise<void> {
    const share: T[] = []
    await drainShare(parent, run, (row) => void share.push(row))
    const counts = await peers.exchange('repartition', Array<number[]>(peers.count).fill([share.length]))
    let next = counts.slice(0, peers.index).reduce((sum, [count]) => sum + (count as number), 0)
    const outgoing: (readonly [number, T])[][] = Array.from({ length: peers.count }, () => [])
    await run.drain(
      new ArrayReader(share, (row) => {
        const partition = next++ % this.partitions
        outgoing[ownerOf(partition, this.partitions, peers.count)]?.push([partition, row])
      }),
    )
    await takeAll(await peers.exchange('repartition', outgoing), run, ([partition, row]) => {
      ;(rows[partition] as T[]).push(row)
    })
  }

  open(partition: number, emit: Emit<T>): RowReader {
    return openHeld(this.rows, partition, emit)
  }
}
