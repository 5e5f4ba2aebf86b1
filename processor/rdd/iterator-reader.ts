// Pushes what an iterator gives, in slices: walks over tables of keys must not hold the event loop either.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'

export class IteratorReader<T> implements RowReader {
  private readonly iterator: Iterator<T>
  private readonly emit: Emit<T>

  constructor(iterator: Iterator<T>, emit: Emit<T>) {
    this.iterator = iterator
    this.emit = emit
  }

  read(maxRows: number): boolean {
    for (let i = 0; i < maxRows; i++) {
      const step = this.iterator.next()
      if (step.done === true) return false
      this.emit(step.value)
    }
    return true
  }

  close(): void {}
}
