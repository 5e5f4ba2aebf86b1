// Rows that the workers have, as the driver reads them: for outputs whose function runs in the driver. Blocks are
// asked for one ahead, so what the driver holds is bounded, and a look at the first rows reads little.

import type { Emit, RowReader } from '../../graph/contracts/rows.ts'
import type { Partitioner } from '../../graph/partitioner.ts'
import { Once, type Dataset } from '../../rdd/dataset.ts'
import type { WorkerCalls } from './calls.ts'
import type { Link } from './link.ts'
import { decodeRows } from '../../rdd/row-block.ts'

export interface RemoteRows {
  readonly links: readonly Link<WorkerCalls>[]
  /** Among the graph's outputs: the one whose rows these are. */
  readonly output: number
  /** The worker that has each partition. */
  readonly owners: readonly number[]
  readonly partitioner: Partitioner | undefined
  nextReader(): number
  /** Makes the rows ready in all workers. */
  prepare(): Promise<void>
}

export class RemoteDataset<T> implements Dataset<T> {
  readonly keeps = 'no'
  private readonly rows: RemoteRows
  private readonly once = new Once()

  constructor(rows: RemoteRows) {
    this.rows = rows
  }

  get partitions(): number {
    return this.rows.owners.length
  }

  get partitioner(): Partitioner | undefined {
    return this.rows.partitioner
  }

  prepare(): Promise<void> {
    return this.once.run(() => this.rows.prepare())
  }

  open(partition: number, emit: Emit<T>): RowReader {
    const { links, output, owners } = this.rows
    const link = links[owners[partition] as number] as Link<WorkerCalls>
    return new RemoteReader(link, this.rows.nextReader(), { index: output, partition }, emit)
  }
}

class RemoteReader<T> implements RowReader {
  private readonly link: Link<WorkerCalls>
  private readonly reader: number
  private readonly emit: Emit<T>
  private rows: T[] = []
  private at = 0
  private more = true
  private failure: { error: unknown } | undefined
  private fetching: Promise<void> | undefined

  constructor(
    link: Link<WorkerCalls>,
    reader: number,
    place: { index: number; partition: number },
    emit: Emit<T>,
  ) {
    this.link = link
    this.reader = reader
    this.emit = emit
    const opened = link.call('open', { reader, ...place })
    this.fetching = this.fetch(opened)
  }

  read(maxRows: number): boolean {
    if (this.failure !== undefined) throw this.failure.error
    const end = Math.min(this.rows.length, this.at + maxRows)
    while (this.at < end) this.emit(this.rows[this.at++] as T)
    if (this.at < this.rows.length) return true
    if (this.more) this.fetching ??= this.fetch()
    return this.more
  }

  waiting(): Promise<void> | undefined {
    return this.at < this.rows.length ? undefined : this.fetching
  }

  close(): void {
    if (this.more) this.link.note('close', { reader: this.reader })
  }

  private async fetch(opened?: Promise<unknown>): Promise<void> {
    try {
      const reading = this.link.call('read', { reader: this.reader })
      // Both may fail, of the same cause.
      reading.catch(() => {})
      await opened
      const { block, more } = await reading
      this.rows = decodeRows(block)
      this.at = 0
      this.more = more
    } catch (error) {
      this.failure = { error }
    }
    this.fetching = undefined
  }
}
