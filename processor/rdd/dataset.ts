// What the engine runs: rows in partitions, read by pushing (see graph/contracts/rows.ts). The public RDD
// is a face over it. A dataset is described first and computed when it is prepared and opened.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'

/** Drives readers; the executor decides where and in how large slices. */
export interface TaskRunner {
  /**
   * Reads to the end, or until `enough()`, and closes the reader in every case. After each slice `pause` may
   * hand back a promise to be awaited first (a full output buffer).
   */
  drain(reader: RowReader, pause?: () => Promise<void> | undefined, enough?: () => boolean): Promise<void>
}

/**
 * How long rows can be read again without running a user's function again: not at all, while their batch
 * runs, or as long as the dataset is held.
 */
export type Keeps = 'no' | 'batch' | 'always'

export interface Dataset<T> {
  readonly partitions: number
  readonly keeps: Keeps
  /** Runs what must be whole before a partition can be opened (shuffles, state). Does its work once. */
  prepare(run: TaskRunner): Promise<void>
  /** Only after `prepare`. */
  open(partition: number, emit: Emit<T>): RowReader
}

/** Runs `work` at the first call; later callers share the outcome. Where it fails, the next call begins anew. */
export class Once {
  private done: Promise<void> | undefined

  run(work: () => Promise<void>): Promise<void> {
    this.done ??= this.attempt(work)
    return this.done
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.done = undefined
      throw error
    }
  }
}

/** Prepares the dataset and pushes all its rows, partition after partition. */
export async function drainAll<T>(
  dataset: Dataset<T>,
  run: TaskRunner,
  emit: Emit<T>,
  pause?: () => Promise<void> | undefined,
): Promise<void> {
  await dataset.prepare(run)
  for (let partition = 0; partition < dataset.partitions; partition++) {
    await run.drain(dataset.open(partition, emit), pause)
  }
}
