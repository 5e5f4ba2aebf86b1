// A stream that a test feeds: one batch per batch time, nothing where the test has given nothing.

import type { DStream } from '../../processor/streams/dstream.ts'
import type { StreamingContext } from '../../processor/streaming-context.ts'

export interface TestInputOptions {
  /** Name of the operator. */
  readonly name?: string
  /** Row partitions of each batch; default 1. */
  readonly partitions?: number
}

export class TestInput<T> {
  readonly stream: DStream<T>
  private readonly queue: T[][] = []

  constructor(context: StreamingContext, { name, partitions }: TestInputOptions) {
    this.stream = context.queueStream(this.queue, {
      ...(name !== undefined && { name }),
      ...(partitions !== undefined && { numPartitions: partitions }),
    })
  }

  /** Rows of the batches to come, a batch each; an empty one is a batch without rows. */
  give(...batches: (readonly T[])[]): this {
    this.queue.push(...batches.map((batch) => [...batch]))
    return this
  }

  /** Batches that were given and not taken yet. */
  get waiting(): number {
    return this.queue.length
  }
}
