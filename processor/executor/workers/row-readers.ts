// Rows that the driver asks a worker for, a block at a time: a reader stays where it is until the driver wants more.

import type { RowReader } from '../../graph/contracts/rows.ts'
import type { Dataset, TaskRunner } from '../../rdd/dataset.ts'
import { Moved } from './link.ts'
import { encodeRows } from '../../rdd/row-block.ts'

/** Few, so that a look at the first rows costs little. */
const ROWS = 1024

interface OpenReader {
  readonly operator: string
  readonly reader: RowReader
  rows: unknown[]
  /** While it is, its buffers must stay its own. */
  isReading: boolean
  isClosed: boolean
}

export class RowReaders {
  private readonly run: TaskRunner
  private readonly readers = new Map<number, OpenReader>()

  constructor(run: TaskRunner) {
    this.run = run
  }

  open(number: number, operator: string, dataset: Dataset<unknown>, partition: number): void {
    const reader = dataset.open(partition, (row) => void open.rows.push(row))
    const open: OpenReader = { operator, reader, rows: [], isReading: false, isClosed: false }
    this.readers.set(number, open)
  }

  async read(number: number): Promise<Moved<{ block: Uint8Array; more: boolean }>> {
    const open = this.readers.get(number)
    if (open === undefined) throw new Error(`there is no reader ${number}`)
    let more = true
    // The reader is closed by the driver's word, or at its end.
    const slice = {
      read: (maxRows: number) => (more = open.reader.read(Math.min(maxRows, ROWS))),
      waiting: () => open.reader.waiting?.(),
      close: () => {},
    }
    open.isReading = true
    try {
      await this.run.drain(slice, undefined, () => open.isClosed || open.rows.length >= ROWS)
    } finally {
      open.isReading = false
      if (open.isClosed) open.reader.close()
    }
    const block = encodeRows(open.operator, open.rows)
    open.rows = []
    if (!more) this.close(number)
    return new Moved({ block, more }, [])
  }

  /** Of a batch that was given up. */
  closeAll(): void {
    for (const number of this.readers.keys()) this.close(number)
  }

  close(number: number): void {
    const open = this.readers.get(number)
    if (open === undefined) return
    this.readers.delete(number)
    open.isClosed = true
    if (!open.isReading) open.reader.close()
  }
}
