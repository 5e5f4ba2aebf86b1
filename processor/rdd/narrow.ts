// Narrow operators: one row in, some rows out, nothing remembered. Each is a function that wraps the next
// one's `emit`; opening the last of a chain opens the leaf once with the whole chain composed.
//
// The user's function alone stands in the try: an error further down already carries its own operator.

import { operatorFailed } from '../graph/errors.ts'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { Dataset, Slices } from './dataset.ts'
import { PartitionWiseDataset, type PartitionWiseOptions } from './partition-wise.ts'

/**
 * Compiled once per partition, or slice of one: from the `emit` that takes the results to the one that takes the
 * rows. Remembers nothing from row to row.
 */
export type Pipe<T, U> = (emit: Emit<U>) => Emit<T>

export class NarrowDataset<T, U> extends PartitionWiseDataset<T, U> {
  private readonly pipe: Pipe<T, U>

  constructor(parent: Dataset<T>, pipe: Pipe<T, U>, options?: PartitionWiseOptions) {
    super(parent, options)
    this.pipe = pipe
  }

  open(partition: number, emit: Emit<U>): RowReader {
    return this.parent.open(partition, this.pipe(emit))
  }

  get slices(): Slices<U> | undefined {
    const { slices } = this.parent
    if (slices === undefined) return undefined
    return {
      rows: slices.rows,
      open: (partition, from, until, emit) => slices.open(partition, from, until, this.pipe(emit)),
    }
  }
}

export function mapPipe<T, U>(operator: string, f: (row: T) => U): Pipe<T, U> {
  return (emit) => (row) => {
    let out: U
    try {
      out = f(row)
    } catch (error) {
      throw operatorFailed(operator, error)
    }
    emit(out)
  }
}

export function filterPipe<T>(operator: string, f: (row: T) => boolean): Pipe<T, T> {
  return (emit) => (row) => {
    let keep: boolean
    try {
      keep = f(row)
    } catch (error) {
      throw operatorFailed(operator, error)
    }
    if (keep) emit(row)
  }
}

export function flatMapPipe<T, U>(operator: string, f: (row: T) => Iterable<U>): Pipe<T, U> {
  return (emit) => (row) => {
    let out: Iterable<U>
    try {
      out = f(row)
    } catch (error) {
      throw operatorFailed(operator, error)
    }
    emitEach(operator, out, emit)
  }
}

export function mapValuesPipe<K, V, U>(
  operator: string,
  f: (value: V) => U,
): Pipe<readonly [K, V], readonly [K, U]> {
  return (emit) => (row) => {
    let out: U
    try {
      out = f(row[1])
    } catch (error) {
      throw operatorFailed(operator, error)
    }
    emit([row[0], out])
  }
}

export function flatMapValuesPipe<K, V, U>(
  operator: string,
  f: (value: V) => Iterable<U>,
): Pipe<readonly [K, V], readonly [K, U]> {
  return (emit) => (row) => {
    let out: Iterable<U>
    try {
      out = f(row[1])
    } catch (error) {
      throw operatorFailed(operator, error)
    }
    emitEach(operator, out, (value) => emit([row[0], value]))
  }
}

// Arrays take the plain loop: an iterator costs several times as much per element.
function emitEach<U>(operator: string, rows: Iterable<U>, emit: Emit<U>): void {
  if (Array.isArray(rows)) {
    for (let i = 0; i < rows.length; i++) emit(rows[i] as U)
    return
  }
  const iterator = attempt(operator, () => rows[Symbol.iterator]())
  for (;;) {
    const step = attempt(operator, () => iterator.next())
    if (step.done === true) return
    emit(step.value)
  }
}

function attempt<R>(operator: string, f: () => R): R {
  try {
    return f()
  } catch (error) {
    throw operatorFailed(operator, error)
  }
}
