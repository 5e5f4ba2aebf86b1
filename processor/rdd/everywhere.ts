// Rows that every thread can read, whichever had them: for operators that bring partitions of several threads together
// without a shuffle. Without peers, and where any thread can read the rows anyway, nothing is held.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { ArrayReader } from './array-reader.ts'
import { Once, owns, type Dataset, type Keeps, type Peers, type Slices, type TaskRunner } from './dataset.ts'

export class EverywhereDataset<T> implements Dataset<T> {
  readonly partitions: number
  private readonly once = new Once()
  private readonly parent: Dataset<T>
  private rows: T[][] | undefined

  constructor(parent: Dataset<T>) {
    this.parent = parent
    this.partitions = parent.partitions
  }

  get keeps(): Keeps {
    return this.parent.keeps
  }

  get slices(): Slices<T> | undefined {
    return this.parent.slices
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      const { parent } = this
      await parent.prepare(run)
      if (run.peers !== undefined && parent.slices === undefined)
        this.rows = await this.gather(run, run.peers)
    })
  }

  open(partition: number, emit: Emit<T>): RowReader {
    if (this.rows === undefined) return this.parent.open(partition, emit)
    return new ArrayReader(this.rows[partition] as T[], emit)
  }

  private async gather(run: TaskRunner, peers: Peers): Promise<T[][]> {
    const mine: (readonly [number, T])[] = []
    for (let partition = 0; partition < this.partitions; partition++) {
      if (!owns(this.parent, partition, peers)) continue
      await run.drain(this.parent.open(partition, (row) => void mine.push([partition, row])))
    }
    const shares = await peers.exchange(
      'rows for all',
      Array.from({ length: peers.count }, () => mine),
    )
    const rows: T[][] = Array.from({ length: this.partitions }, () => [])
    for (const share of shares) {
      const take = ([partition, row]: readonly [number, T]) => void (rows[partition] as T[]).push(row)
      await run.drain(new ArrayReader(share, take))
    }
    return rows
  }
}
