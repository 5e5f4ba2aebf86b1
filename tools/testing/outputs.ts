// What a stream has yielded, batch by batch.

import type { DStream } from '../../processor/streams/dstream.ts'

export class TestOutput<T> {
  private readonly yielded = new Map<number, readonly T[]>()
  private readonly completed: () => number

  /** `completed`: batches that are committed so far. */
  constructor(stream: DStream<T>, completed: () => number) {
    this.completed = completed
    stream.foreachRDD(async (rdd, _time, batchId) => {
      this.yielded.set(batchId, (await rdd.collect()) as T[])
    })
  }

  /**
   * The rows of each committed batch, the first batch first; undefined where the stream has no data set at its
   * time (a window between two slides), which is not the same as no rows.
   */
  get batches(): (readonly T[] | undefined)[] {
    return Array.from({ length: this.completed() }, (_, index) => this.yielded.get(index + 1))
  }

  /** The rows of all batches in one. */
  get rows(): T[] {
    return this.batches.flatMap((batch) => batch ?? [])
  }

  /** The rows of the last batch that had a data set; empty before there was one. */
  get last(): readonly T[] {
    return this.batches.findLast((batch) => batch !== undefined) ?? []
  }
}
