// Fewer partitions without moving a row: neighbours are read one after the other as one.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { Dataset, Keeps, TaskRunner } from './dataset.ts'
import { EverywhereDataset } from './everywhere.ts'
import type { ShuffleOptions } from './shuffle.ts'

export class CoalescedDataset<T> implements Dataset<T> {
  readonly partitions: number
  private readonly parent: Dataset<T>

  /** Never more partitions than the parent has. */
  constructor(parent: Dataset<T>, partitions: number, options?: ShuffleOptions) {
    this.parent = new EverywhereDataset(parent, options)
    this.partitions = Math.min(partitions, parent.partitions)
  }

  get keeps(): Keeps {
    return this.parent.keeps
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.parent.prepare(run)
  }

  open(partition: number, emit: Emit<T>): RowReader {
    const first = Math.floor((partition * this.parent.partitions) / this.partitions)
    const last = Math.floor(((partition + 1) * this.parent.partitions) / this.partitions) - 1
    return new NeighboursReader(this.parent, first, last, emit)
  }
}

class NeighboursReader<T> implements RowReader {
  private readonly parent: Dataset<T>
  private readonly last: number
  private readonly emit: Emit<T>
  private at: number
  private reader: RowReader | undefined

  constructor(parent: Dataset<T>, first: number, last: number, emit: Emit<T>) {
    this.parent = parent
    this.at = first
    this.last = last
    this.emit = emit
  }

  read(maxRows: number): boolean {
    this.reader ??= this.parent.open(this.at, this.emit)
    if (this.reader.read(maxRows)) return true
    this.reader.close()
    this.reader = undefined
    return this.at++ < this.last
  }

  waiting(): Promise<void> | undefined {
    return this.reader?.waiting?.()
  }

  close(): void {
    this.reader?.close()
  }
}
