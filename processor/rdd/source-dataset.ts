// The rows of planned offset ranges: one partition per range, read again from the log whenever opened, so
// neither a second reader nor a window over a source holds rows in memory. A function that fails while a row is
// pushed is told the record that the row was made of.

import type { RecordPlace } from '../graph/contracts/poison.ts'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { OffsetRange, Source } from '../graph/contracts/source.ts'
import { OperatorError } from '../graph/errors.ts'
import type { Dataset, Slices } from './dataset.ts'

export class SourceDataset<T> implements Dataset<T> {
  readonly keeps = 'always'
  readonly source: Source<T>
  private readonly inputId: string
  private planned: readonly OffsetRange[]

  constructor(source: Source<T>, ranges: readonly OffsetRange[], inputId: string) {
    this.source = source
    this.planned = ranges
    this.inputId = inputId
  }

  get ranges(): readonly OffsetRange[] {
    return this.planned
  }

  get partitions(): number {
    return this.planned.length
  }

  async prepare(): Promise<void> {
    await this.source.prepare?.(this.planned)
  }

  open(partition: number, emit: Emit<T>): RowReader {
    const range = this.planned[partition] as OffsetRange
    return new TellingReader(this.source.rows(range, emit), range, this.inputId)
  }

  get slices(): Slices<T> {
    return {
      rows: this.planned.map(({ from, until }) => Number(until - from)),
      open: (partition, from, until, emit) => {
        const range = this.planned[partition] as OffsetRange
        const slice = { ...range, from: range.from + BigInt(from), until: range.from + BigInt(until) }
        return new TellingReader(this.source.rows(slice, emit), range, this.inputId)
      },
    }
  }

  /** The range that has the record, where one has. */
  rangeOf({ topic, topicId, partition, offset }: RecordPlace): OffsetRange | undefined {
    return this.planned.find(
      (range) =>
        range.topic === topic &&
        range.topicId === topicId &&
        range.partition === partition &&
        range.from <= offset &&
        offset < range.until,
    )
  }

  /** The record is not read from now on. Returns whether it was. */
  leaveOut(place: RecordPlace): boolean {
    const has = this.rangeOf(place)
    if (has === undefined) return false
    const without = { ...has, leftOut: [...(has.leftOut ?? []), place.offset] }
    this.planned = this.planned.map((range) => (range === has ? without : range))
    return true
  }
}

class TellingReader implements RowReader {
  private readonly reader: RowReader
  private readonly range: OffsetRange
  private readonly inputId: string

  constructor(reader: RowReader, range: OffsetRange, inputId: string) {
    this.reader = reader
    this.range = range
    this.inputId = inputId
  }

  read(maxRows: number): boolean {
    try {
      return this.reader.read(maxRows)
    } catch (error) {
      const { offset } = this.reader
      if (error instanceof OperatorError && !error.blamesNoRecord && offset !== undefined) {
        const { topic, topicId, partition } = this.range
        error.record ??= { inputId: this.inputId, topic, topicId, partition, offset }
      }
      throw error
    }
  }

  waiting(): Promise<void> | undefined {
    return this.reader.waiting?.()
  }

  close(): void {
    this.reader.close()
  }
}
