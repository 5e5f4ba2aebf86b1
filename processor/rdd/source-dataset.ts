// The rows of planned offset ranges: one partition per range, read again from the log whenever opened, so
// neither a second reader nor a window over a source holds rows in memory.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { OffsetRange, Source } from '../graph/contracts/source.ts'
import type { Dataset } from './dataset.ts'

export class SourceDataset<T> implements Dataset<T> {
  readonly keeps = 'always'
  readonly ranges: readonly OffsetRange[]
  private readonly source: Source<T>

  constructor(source: Source<T>, ranges: readonly OffsetRange[]) {
    this.source = source
    this.ranges = ranges
  }

  get partitions(): number {
    return this.ranges.length
  }

  prepare(): Promise<void> {
    return Promise.resolve()
  }

  open(partition: number, emit: Emit<T>): RowReader {
    return this.source.rows(this.ranges[partition] as OffsetRange, emit)
  }
}
