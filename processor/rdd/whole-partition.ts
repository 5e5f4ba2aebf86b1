// Operators that see a partition as a whole (mapPartitions, glom). They are the one narrow kind that holds
// a partition's rows in an array: their function asks for rows, while rows are pushed.

import { operatorFailed } from '../graph/errors.ts'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { Dataset } from './dataset.ts'
import { PartitionWiseDataset, type PartitionWiseOptions } from './partition-wise.ts'

export class WholePartitionDataset<T, U> extends PartitionWiseDataset<T, U> {
  private readonly operator: string
  private readonly f: (rows: T[], partition: number) => Iterable<U>

  constructor(
    parent: Dataset<T>,
    operator: string,
    f: (rows: T[], partition: number) => Iterable<U>,
    options?: PartitionWiseOptions,
  ) {
    super(parent, options)
    this.operator = operator
    this.f = f
  }

  open(partition: number, emit: Emit<U>): RowReader {
    const rows: T[] = []
    const input = this.parent.open(partition, (row) => void rows.push(row))
    const f = () => this.f(rows, partition)
    return new WholePartitionReader(input, this.operator, f, emit)
  }
}

class WholePartitionReader<U> implements RowReader {
  private readonly input: RowReader
  private readonly operator: string
  private readonly f: () => Iterable<U>
  private readonly emit: Emit<U>
  private output: Iterator<U> | undefined

  /** `f` is called once the input's rows are all there. */
  constructor(input: RowReader, operator: string, f: () => Iterable<U>, emit: Emit<U>) {
    this.input = input
    this.operator = operator
    this.f = f
    this.emit = emit
  }

  read(maxRows: number): boolean {
    if (this.output === undefined) {
      if (this.input.read(maxRows)) return true
      this.output = this.attempt(() => this.f()[Symbol.iterator]())
      return true
    }
    const output = this.output
    for (let i = 0; i < maxRows; i++) {
      const step = this.attempt(() => output.next())
      if (step.done === true) return false
      this.emit(step.value)
    }
    return true
  }

  waiting(): Promise<void> | undefined {
    return this.output === undefined ? this.input.waiting?.() : undefined
  }

  close(): void {
    this.input.close()
  }

  private attempt<R>(f: () => R): R {
    try {
      return f()
    } catch (error) {
      throw operatorFailed(this.operator, error)
    }
  }
}
