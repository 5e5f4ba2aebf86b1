// Rows dealt to partitions: the first ones are held in memory, on disk those that would outgrow a shuffle's.

import type { HeldOrSpilled, TaskRunner } from './dataset.ts'
import { FileBlocks, MemoryBudget, RowsThenBytes } from './held-rows.ts'
import type { SpillFile } from './spill-file.ts'

export class RowsInPartitions<T> {
  private readonly partitions: RowsThenBytes<T>[]

  /** `operator` is named where rows have to go to disk and cannot. */
  constructor(operator: string, partitions: number, { spills, peers }: TaskRunner, outlives: boolean) {
    const budget = new MemoryBudget(peers === undefined ? spills.limitInBytes : spills.limitInBytes / 2)
    let file: SpillFile | undefined
    const blocks = () => new FileBlocks(() => (file ??= spills.open(outlives)))
    this.partitions = Array.from({ length: partitions }, () => new RowsThenBytes<T>(operator, budget, blocks))
  }

  add(partition: number, row: T): void {
    ;(this.partitions[partition] as RowsThenBytes<T>).add(row)
  }

  /** After the last row. */
  held(owns: (partition: number) => boolean): HeldOrSpilled<T> {
    for (const rows of this.partitions) rows.finish()
    return this.partitions.map((rows, partition) => (owns(partition) ? rows : undefined))
  }

  release(): void {
    for (const rows of this.partitions) rows.release()
  }
}
