// How rows move: they are pushed. A leaf (segment bytes, an array, a shuffle's result) is opened with the
// function that takes its rows; every narrow operator above it only wraps that function, so N operators
// fuse into one pass over a partition and no array stands between them.

/** Takes one row. Must not keep a row's buffers unless the row says they are its own. */
export type Emit<T> = (row: T) => void

/** One partition being read: opened with its `Emit`, then driven in slices by the executor. */
export interface RowReader {
  /**
   * Pushes about `maxRows` rows of this leaf (fewer at the end, never many more), synchronously.
   * Returns false once there is nothing left; it is not called again after that.
   * An error of the reader itself (a corrupt batch) is thrown; errors of `emit` pass through untouched.
   */
  read(maxRows: number): boolean
  /** What to await before reading on, where rows are under way from elsewhere. Whoever wraps a reader hands it on. */
  waiting?(): Promise<void> | undefined
  /** Of the record whose row was pushed last, where rows are records of a log. */
  readonly offset?: bigint
  /** Gives back what the reader holds (file cursors, buffers). Called once, also after an error. */
  close(): void
}

/** What operators may be told about the batch they run in. Times are milliseconds since the epoch. */
export interface BatchStamp {
  /** 1, 2, 3 … without gaps over the life of the job, restarts included. */
  readonly batchId: number
  readonly timeMs: number
}
