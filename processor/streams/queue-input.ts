// Batches from a queue in memory, for tests and for trying things out: one is taken per batch time, or all
// that wait. An empty queue gives a batch without rows. The rows are gone after a restart, so a job with a
// checkpoint refuses it.

import type { NodeSpec } from '../graph/graph.ts'
import type { InputDriver, InputPlan } from '../graph/node.ts'
import { checkPartitions } from '../graph/partitioner.ts'
import { ArrayDataset, sliceRows } from '../rdd/stored.ts'

/** An array is taken from its front, and may be pushed to while the job runs. */
export type Batches<T> = T[][] | Iterable<T[]> | AsyncIterable<T[]>

export interface QueueOptions {
  readonly name?: string
  /** false: each batch takes all that wait. Default true. */
  readonly oneAtATime?: boolean
  /** Row partitions of each batch; default 1. */
  readonly numPartitions?: number
}

export interface DefaultRows<T> {
  /** Rows of a batch for which nothing waits (Spark's defaultRDD); default: none. */
  readonly defaultRows?: readonly T[]
}

class QueueInput<T> implements InputDriver {
  readonly durable = false
  readonly description = 'queueStream'
  private readonly oneAtATime: boolean
  private readonly numPartitions: number
  private readonly defaultRows: readonly T[]
  private readonly queue: { take(): T[] | undefined; readonly waiting: boolean }
  private readonly planned = new Map<number, ArrayDataset<T>>()
  private readonly callbacks = new Set<() => void>()
  private stopped = false

  constructor(batches: Batches<T>, options: QueueOptions & DefaultRows<T>) {
    this.defaultRows = options.defaultRows ?? []
    this.oneAtATime = options.oneAtATime ?? true
    this.numPartitions = options.numPartitions ?? 1
    checkPartitions(options.name ?? 'queueStream', this.numPartitions)
    if (Array.isArray(batches)) {
      this.queue = {
        take: () => batches.shift(),
        get waiting() {
          return batches.length > 0
        },
      }
    } else if (Symbol.iterator in batches) {
      this.queue = lookAhead(batches[Symbol.iterator]())
    } else {
      this.queue = this.arrivals(batches)
    }
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  plan(timeMs: number): Promise<InputPlan> {
    const taken = this.take()
    const rows = taken ?? this.defaultRows
    this.planned.set(timeMs, new ArrayDataset(sliceRows(rows, this.numPartitions)))
    // Default rows are no reason for a batch of their own.
    return Promise.resolve({ ranges: [], records: taken?.length ?? 0, more: this.queue.waiting })
  }

  restore(timeMs: number): InputPlan {
    throw new Error(`queueStream: the batch of time ${timeMs} cannot be had again`)
  }

  rows(timeMs: number): ArrayDataset<T> | undefined {
    return this.planned.get(timeMs)
  }

  release(timeMs: number): void {
    this.planned.delete(timeMs)
  }

  onAdvance(callback: () => void): () => void {
    this.callbacks.add(callback)
    return () => void this.callbacks.delete(callback)
  }

  stop(): Promise<void> {
    this.stopped = true
    return Promise.resolve()
  }

  /** undefined: nothing waits. */
  private take(): T[] | undefined {
    const first = this.queue.take()
    if (first === undefined || this.oneAtATime) return first
    const rows = [...first]
    while (this.queue.waiting) for (const row of this.queue.take() ?? []) rows.push(row)
    return rows
  }

  private advanced(): void {
    for (const callback of this.callbacks) callback()
  }

  // Batches of an async source wait here until a batch time takes them; a failing source fails the batch.
  private arrivals(batches: AsyncIterable<T[]>) {
    const arrived: T[][] = []
    let failure: { error: unknown } | undefined
    const pump = async () => {
      try {
        for await (const batch of batches) {
          if (this.stopped) return
          arrived.push(batch)
          this.advanced()
        }
      } catch (error) {
        failure = { error }
        this.advanced()
      }
    }
    void pump()
    return {
      take(): T[] | undefined {
        if (failure !== undefined && arrived.length === 0) throw failure.error
        return arrived.shift()
      },
      get waiting() {
        return arrived.length > 0
      },
    }
  }
}

function lookAhead<T>(iterator: Iterator<T[]>) {
  let next: IteratorResult<T[]> | undefined
  const peek = () => (next ??= iterator.next())
  return {
    take(): T[] | undefined {
      const step = peek()
      if (step.done === true) return undefined
      next = undefined
      return step.value
    },
    get waiting() {
      return peek().done !== true
    },
  }
}

export function queueStream<T>(
  batches: Batches<T>,
  options: QueueOptions & DefaultRows<T> = {},
): NodeSpec<T> {
  const input = new QueueInput(batches, options)
  return {
    kind: 'queueStream',
    name: options.name,
    parents: [],
    input,
    compute: (timeMs) => input.rows(timeMs),
  }
}
