// Object files as rows: what saveAsObjectFile and saveAsObjectFiles wrote, a row partition each.

import fs from 'node:fs'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { Dataset } from '../rdd/dataset.ts'
import { IteratorReader } from '../rdd/iterator-reader.ts'
import { readObjects } from '../sink/file-format.ts'

export class ObjectFilesDataset implements Dataset<unknown> {
  readonly keeps = 'always'
  private readonly files: readonly string[]

  constructor(files: readonly string[]) {
    this.files = files
  }

  get partitions(): number {
    return this.files.length
  }

  prepare(): Promise<void> {
    return Promise.resolve()
  }

  /** Throws DamagedError while it is read. */
  open(partition: number, emit: Emit<unknown>): RowReader {
    const file = this.files[partition] as string
    return new IteratorReader(readObjects(fs.readFileSync(file), file), emit)
  }
}
