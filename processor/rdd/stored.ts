// Datasets whose rows are held: given arrays, and the cache that runs its parent once.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { Partitioner } from '../graph/partitioner.ts'
import { ArrayReader } from './array-reader.ts'
import {
  exchangeFew,
  heldElsewhere,
  Once,
  ownerIn,
  owns,
  type Dataset,
  type Slices,
  type TaskRunner,
} from './dataset.ts'
import { SourceDataset } from './source-dataset.ts'
import type { HeldRows } from './held-rows.ts'
import { holding, type StorageLevel } from './storage-level.ts'

export class ArrayDataset<T> implements Dataset<T> {
  readonly keeps = 'always'
  private readonly rows: readonly (readonly T[])[]

  constructor(rows: readonly (readonly T[])[]) {
    this.rows = rows
  }

  get partitions(): number {
    return this.rows.length
  }

  prepare(): Promise<void> {
    return Promise.resolve()
  }

  open(partition: number, emit: Emit<T>): RowReader {
    return new ArrayReader(this.rows[partition] as readonly T[], emit)
  }

  get slices(): Slices<T> {
    const { rows } = this
    return {
      rows: rows.map(({ length }) => length),
      open: (partition, from, until, emit) =>
        new ArrayReader((rows[partition] as readonly T[]).slice(from, until), emit),
    }
  }
}

/** Rows dealt out in turn to `partitions` parts, in contiguous runs (Spark's parallelize). */
export function sliceRows<T>(rows: readonly T[], partitions: number): T[][] {
  return Array.from({ length: partitions }, (_, i) =>
    rows.slice(Math.floor((i * rows.length) / partitions), Math.floor(((i + 1) * rows.length) / partitions)),
  )
}

export interface CacheOptions {
  readonly counted?: boolean
  readonly level?: StorageLevel
  readonly operator?: string
}

/** Runs its parent once and lets go of it: later readers run no function of the parent again. */
export class CachedDataset<T> implements Dataset<T> {
  readonly partitions: number
  readonly keeps = 'always'
  readonly partitioner: Partitioner | undefined
  private readonly once = new Once()
  private parent: Dataset<T> | undefined
  private readonly level: StorageLevel
  private readonly operator: string
  /** Of this thread's partitions. */
  private rows: (HeldRows<T> | undefined)[] = []
  /** By partition, once the parent is gone. */
  private owners: number[] = []
  private readonly counted: boolean
  private counts: number[] = []

  /** `counted`: for rowsBefore. `operator` is named where a row cannot be held at the level. */
  constructor(
    parent: Dataset<T>,
    { counted = false, level = 'MEMORY_ONLY', operator = 'persist' }: CacheOptions = {},
  ) {
    this.parent = parent
    this.counted = counted
    this.level = level
    this.operator = operator
    this.partitions = parent.partitions
    this.partitioner = parent.partitioner
  }

  owner(partition: number, count: number): number {
    if (this.parent !== undefined) return ownerIn(this.parent, partition, count)
    return this.owners[partition] as number
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(
      async () => {
        const parent = this.parent as Dataset<T>
        await parent.prepare(run)
        const owners: number[] = []
        try {
          for (let partition = 0; partition < parent.partitions; partition++) {
            owners.push(run.peers === undefined ? 0 : ownerIn(parent, partition, run.peers.count))
            await this.hold(parent, partition, run)
          }
          if (this.counted) this.counts = await countsOf(this.rows, run)
        } catch (error) {
          this.release()
          throw error
        }
        this.owners = owners
      },
      { in: run, settled: () => void (this.parent = undefined), undone: () => this.release() },
    )
  }

  private async hold(parent: Dataset<T>, partition: number, run: TaskRunner): Promise<void> {
    if (!owns(parent, partition, run.peers)) {
      this.rows.push(undefined)
      return
    }
    // Released by the graph, by unpersist, or with the data set: it may outlive its batch.
    const kept = holding<T>(this.level, this.operator, () => run.spills.open(true))
    this.rows.push(kept)
    await run.drain(parent.open(partition, (row) => kept.add(row)))
    kept.finish()
  }

  open(partition: number, emit: Emit<T>): RowReader {
    const held = this.rows[partition]
    if (held === undefined) throw heldElsewhere(partition, this.partitions)
    return held.open(emit)
  }

  release(): void {
    for (const held of this.rows) held?.release()
    this.rows = []
  }

  /** Only after `prepare`: rows of the partitions before this one. */
  rowsBefore(partition: number): number {
    return this.counts.slice(0, partition).reduce((sum, rows) => sum + rows, 0)
  }
}

/** Held at the level, unless the rows are held already just so: in memory, or by the log. */
export function persisted<T>(dataset: Dataset<T>, level: StorageLevel, operator: string): Dataset<T> {
  const isInMemory = level === 'MEMORY_ONLY' || level === 'MEMORY_ONLY_SER'
  if (dataset.keeps === 'always' && (isInMemory || dataset instanceof SourceDataset)) return dataset
  return new CachedDataset(dataset, { level, operator })
}

/** Rows of every partition, also of those that other threads hold. */
async function countsOf(
  rows: readonly (HeldRows<unknown> | undefined)[],
  run: TaskRunner,
): Promise<number[]> {
  const { peers } = run
  const mine = rows.map((held) => held?.length ?? 0)
  if (peers === undefined) return mine
  const all = await exchangeFew(peers, 'counts', Array<number[][]>(peers.count).fill([mine]), run)
  return mine.map((_, partition) => all.reduce((sum, [counts]) => sum + (counts?.[partition] as number), 0))
}
