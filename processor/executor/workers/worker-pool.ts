// The driver's side of the worker threads: starts them, knows when one dies, ends them all. A pool is whole or
// broken; a broken one is closed, and another takes its place.

import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads'
import { CancelledError } from '../../graph/errors.ts'
import type { DriverCalls, WorkerCalls, WorkerStart } from './calls.ts'
import { Link, type Answer, type Argument } from './link.ts'
import { startThread } from './start-thread.ts'

/** A worker ended by itself: its code ended it, an error escaped, or memory ran out. */
export class WorkerDiedError extends Error {
  readonly worker: number

  constructor(worker: number, why: string, cause?: unknown) {
    super(`worker ${worker} died: ${why}`, { cause })
    this.name = 'WorkerDiedError'
    this.worker = worker
  }
}

export interface PoolOptions {
  readonly count: number
  /** Of each thread's JavaScript heap, beyond which it dies; undefined: as Node has it. */
  readonly memoryInBytes: number | undefined
  /** What all workers are told. */
  readonly start: Omit<WorkerStart, 'index' | 'ports'>
  /** Handlers for the calls of one worker. */
  readonly handlers: (worker: number) => DriverCalls
  /** Told of a worker's death, and of an error in a handler that nobody waits for. */
  readonly onBroken: (error: unknown) => void
}

export class WorkerPool {
  readonly links: readonly Link<WorkerCalls>[]
  private readonly threads: Worker[] = []
  private readonly onBroken: (error: unknown) => void
  private closing = false
  private failure: { error: unknown } | undefined

  constructor({ count, memoryInBytes, start, handlers, onBroken }: PoolOptions) {
    this.onBroken = onBroken
    const ports = portsBetween(count)
    this.links = Array.from({ length: count }, (_, index) => {
      const told = { ...start, index, ports: ports[index] as (MessagePort | undefined)[] }
      const worker = startThread(told, memoryInBytes)
      this.threads.push(worker)
      this.watch(worker, index)
      return new Link<WorkerCalls>(worker, handlers(index), (error) => this.break(error))
    })
  }

  /** The same call to all; their answers by index. */
  all<N extends keyof WorkerCalls>(
    name: N,
    args: Argument<WorkerCalls[N]>,
  ): Promise<Answer<WorkerCalls[N]>[]> {
    return Promise.all(this.links.map((link) => link.call(name, args)))
  }

  note<N extends keyof WorkerCalls>(name: N, args: Argument<WorkerCalls[N]>): void {
    for (const link of this.links) link.note(name, args)
  }

  /** Why it cannot be used any more. */
  get broken(): { error: unknown } | undefined {
    return this.failure
  }

  /** Resolves when no thread is left. */
  async close(): Promise<void> {
    this.closing = true
    await Promise.all(this.threads.map((thread) => thread.terminate()))
    for (const link of this.links) link.break(new CancelledError())
  }

  private watch(worker: Worker, index: number): void {
    let cause: unknown
    worker.on('error', (error: Error & { code?: string }) => (cause = error))
    worker.on('exit', (code) => {
      if (this.closing) return
      const why =
        cause instanceof Error ? `${cause.name}: ${cause.message}` : `it ended itself with exit code ${code}`
      this.break(new WorkerDiedError(index, why, cause))
    })
  }

  private break(error: unknown): void {
    if (this.failure !== undefined) return
    this.failure = { error }
    for (const link of this.links) link.break(error)
    this.onBroken(error)
  }
}

function portsBetween(count: number): (MessagePort | undefined)[][] {
  const ports: (MessagePort | undefined)[][] = Array.from({ length: count }, () =>
    Array<MessagePort | undefined>(count).fill(undefined),
  )
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) {
      const { port1, port2 } = new MessageChannel()
      ;(ports[a] as (MessagePort | undefined)[])[b] = port1
      ;(ports[b] as (MessagePort | undefined)[])[a] = port2
    }
  }
  return ports
}
