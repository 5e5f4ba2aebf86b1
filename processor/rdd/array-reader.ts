// Pushes the rows of an array, in slices.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'

export class ArrayReader<T> implements RowReader {
  private at = 0
  private readonly rows: readonly T[]
  private readonly emit: Emit<T>

  constructor(rows: readonly T[], emit: Emit<T>) {
    this.rows = rows
    this.emit = emit
  }

  read(maxRows: number): boolean {
    const { rows, emit } = this
    const end = Math.min(rows.length, this.at + maxRows)
    for (let i = this.at; i < end; i++) emit(rows[i] as T)
    this.at = end
    return end < rows.length
  }

  close(): void {}
}
