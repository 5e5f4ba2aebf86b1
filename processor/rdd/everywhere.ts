// Rows that every thread can read, whichever had them: for operators that bring partitions of several threads together
// without a shuffle. Without peers, and where any thread can read the rows anyway, nothing is held.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import {
  type HeldOrSpilled,
  Once,
  openHeld,
  owns,
  takeAll,
  type Dataset,
  type Keeps,
  type Peers,
  type Slices,
  type TaskRunner,
} from './dataset.ts'
import { RowsInPartitions } from './rows-in-partitions.ts'
import type { ShuffleOptions } from './shuffle.ts'

export class EverywhereDataset<T> implements Dataset<T> {
  readonly partitions: number
  private readonly once = new Once()
  private readonly parent: Dataset<T>
  private readonly outlives: boolean
  private rows: HeldOrSpilled<T> | undefined

  constructor(parent: Dataset<T>, { outlives = false }: ShuffleOptions = {}) {
    this.outlives = outlives
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
    return this.once.run(
      async () => {
        const { parent } = this
        await parent.prepare(run)
        if (run.peers !== undefined && parent.slices === undefined)
          this.rows = await this.gather(run, run.peers)
      },
      { in: run },
    )
  }

  open(partition: number, emit: Emit<T>): RowReader {
    if (this.rows === undefined) return this.parent.open(partition, emit)
    return openHeld(this.rows, partition, emit)
  }

  private async gather(run: TaskRunner, peers: Peers): Promise<HeldOrSpilled<T>> {
    const exchanging = peers.begin<readonly [number, T]>(OPERATOR)
    for (let partition = 0; partition < this.partitions; partition++) {
      if (!owns(this.parent, partition, peers)) continue
      const give = (row: T) => {
        for (let to = 0; to < peers.count; to++) exchanging.give(to, [partition, row])
      }
      await run.drain(this.parent.open(partition, give))
    }
    const rows = new RowsInPartitions<T>(OPERATOR, this.partitions, run, this.outlives)
    await takeAll(exchanging, run, ([partition, row]) => rows.add(partition, row))
    return rows.held(() => true)
  }
}

const OPERATOR = 'rows for all'
