// Several readers as one, each opened when its turn comes.

import type { RowReader } from '../graph/contracts/rows.ts'

export class ConsecutiveReader implements RowReader {
  private readonly count: number
  private readonly openNext: (index: number) => RowReader
  private at = 0
  private reader: RowReader | undefined

  constructor(count: number, openNext: (index: number) => RowReader) {
    this.count = count
    this.openNext = openNext
  }

  read(maxRows: number): boolean {
    this.reader ??= this.openNext(this.at)
    if (this.reader.read(maxRows)) return true
    this.reader.close()
    this.reader = undefined
    return ++this.at < this.count
  }

  waiting(): Promise<void> | undefined {
    return this.reader?.waiting?.()
  }

  close(): void {
    this.reader?.close()
  }
}
