// Batches that would hold the event loop for too long are inspected in a thread beside it; which, is said in
// handlers/produce/inspect-ahead.ts. It is started for the first of them, and does not keep the process alive.
//
// Where there can be no thread, or it has died, batches are inspected here: slower for others, and just as right.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { BatchInspection } from '../../handlers/produce/inspect-ahead.ts'
import type { PartitionConfig } from '../../partition/partition-api.ts'
import {
  type InspectedBatch,
  type Inspection,
  inspectBatch,
  type RefusedBatch,
} from '../../partition/prepare-batch.ts'

/** To the thread. The bytes are a copy of its own. */
export interface Asked {
  id: number
  bytes: Uint8Array
  config: PartitionConfig
  nowMs: number
}

/** From the thread. */
export type Told =
  | { id: number; refused: RefusedBatch }
  /** `stored` left out: the same bytes. */
  | { id: number; facts: InspectedBatch['facts']; stored?: Uint8Array }

interface Waiting {
  records: Buffer
  config: PartitionConfig
  nowMs: number
  resolve(inspection: Inspection | Promise<Inspection>): void
}

export class InspectionThread implements BatchInspection {
  private readonly onFailed: (error: Error) => void
  private readonly waiting = new Map<number, Waiting>()
  private worker: Worker | undefined
  private asked = 0
  private isOver = false

  /** `onFailed` is told once that there will be no thread. */
  constructor(onFailed: (error: Error) => void) {
    this.onFailed = onFailed
  }

  nextTurn(): Promise<void> {
    return nextTurn()
  }

  elsewhere(records: Buffer, config: PartitionConfig, nowMs: number): Promise<Inspection> {
    if (this.isOver) return inspectHere(records, config, nowMs)
    return new Promise((resolve) => {
      const id = ++this.asked
      this.waiting.set(id, { records, config, nowMs, resolve })
      try {
        this.worker ??= this.start()
        const bytes = Uint8Array.from(records)
        const asked: Asked = { id, bytes, config, nowMs }
        this.worker.postMessage(asked, [bytes.buffer])
      } catch (error) {
        this.fail(error as Error)
      }
    })
  }

  /** Resolves when the thread has ended. What waits is inspected here. */
  async close(): Promise<void> {
    const { worker } = this
    this.end()
    await worker?.terminate()
  }

  private start(): Worker {
    const worker = newWorker()
    worker.on('message', (told: Told) => this.answer(told))
    worker.on('error', (error) => this.fail(error))
    worker.on('exit', (code) => this.fail(new Error(`it ended with code ${code}`)))
    // Last: a listener of messages would take it back.
    worker.unref()
    return worker
  }

  private answer(told: Told): void {
    const asked = this.waiting.get(told.id)
    if (asked === undefined) return
    this.waiting.delete(told.id)
    if ('refused' in told) return asked.resolve(told.refused)
    const { stored } = told
    asked.resolve({
      facts: told.facts,
      stored:
        stored === undefined ? asked.records : Buffer.from(stored.buffer, stored.byteOffset, stored.length),
    })
  }

  private fail(error: Error): void {
    if (this.isOver) return
    this.end()
    this.onFailed(error)
  }

  private end(): void {
    this.isOver = true
    this.worker = undefined
    for (const { records, config, nowMs, resolve } of this.waiting.values()) {
      resolve(inspectHere(records, config, nowMs))
    }
    this.waiting.clear()
  }
}

async function inspectHere(records: Buffer, config: PartitionConfig, nowMs: number): Promise<Inspection> {
  await nextTurn()
  return inspectBatch(records, config, { nowMs, fromClient: true })
}

/** Run from its sources, a thread needs the loader of TypeScript that the main thread has. */
function newWorker(): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url))
  const module = new URL('./worker.ts', import.meta.url).href
  return new Worker(
    `import('tsx/esm/api').then(({ register }) => (register(), import(${JSON.stringify(module)})))`,
    { eval: true },
  )
}
