// The driver's side of an output that all workers run: what they write is handed on in the order of the workers, so
// that a topic's records lie as if one thread had written them. What comes before its turn waits.

import type { BatchOutput, BatchSink, OutputRecord, TopicWriter } from '../../graph/contracts/output.ts'
import type { WriterTerms } from './calls.ts'
import { decodeRows } from '../../rdd/row-block.ts'

type Written =
  | {
      readonly writer: number
      readonly partition: number
      readonly batch: Uint8Array
      readonly records: number
    }
  | { readonly writer: number; readonly block: Uint8Array }

type Target = { readonly sink: BatchSink } | { readonly records: TopicWriter }

export class OutputOrder {
  private readonly output: BatchOutput
  private readonly taken: (worker: number, bytes: number) => void
  private readonly opening = new Map<string, Promise<WriterTerms>>()
  private readonly targets: Target[] = []
  private readonly queues: Written[][]
  private readonly finished: boolean[]
  /** The worker whose turn it is. */
  private turn = 0
  private handing: Promise<void> = Promise.resolve()
  private failure: { error: unknown } | undefined

  constructor(workers: number, output: BatchOutput, taken: (worker: number, bytes: number) => void) {
    this.output = output
    this.taken = taken
    this.queues = Array.from({ length: workers }, () => [])
    this.finished = Array<boolean>(workers).fill(false)
  }

  /** The workers of an operator share one writer per topic. */
  open(operatorId: string, topic: string): Promise<WriterTerms> {
    let opening = this.opening.get(topic)
    if (opening === undefined) this.opening.set(topic, (opening = this.openNew(operatorId, topic)))
    return opening
  }

  take(worker: number, written: Written): void {
    ;(this.queues[worker] as Written[]).push(written)
    this.handOn()
  }

  /** The worker has written all of its share. */
  finish(worker: number): void {
    this.finished[worker] = true
    this.handOn()
  }

  /** The output has failed: nothing more is handed on when it resolves. */
  async abandon(error: unknown): Promise<void> {
    this.failure ??= { error }
    await this.handing
  }

  /** After all have finished: resolves when all is handed on. */
  async settled(): Promise<void> {
    await this.handing
    if (this.failure !== undefined) throw this.failure.error
    for (const target of this.targets) if ('records' in target) await target.records.flush()
  }

  private async openNew(operatorId: string, topic: string): Promise<WriterTerms> {
    const { output } = this
    if (output.discards === true) return { type: 'discard' }
    const writer = this.targets.length
    if (output.batches === undefined) {
      this.targets.push({ records: await output.writer(operatorId, topic) })
      return { type: 'records', writer }
    }
    const sink = await output.batches(operatorId, topic)
    this.targets.push({ sink })
    return { type: 'batches', writer, partitions: sink.partitions }
  }

  // One after the other, also where handing on has to wait.
  private handOn(): void {
    this.handing = this.handing.then(async () => {
      try {
        while (this.failure === undefined && this.turn < this.queues.length) {
          const written = (this.queues[this.turn] as Written[]).shift()
          if (written !== undefined) await this.hand(written)
          else if (this.finished[this.turn] === true) this.turn++
          else return
        }
      } catch (error) {
        this.failure ??= { error }
      }
    })
  }

  private async hand(written: Written): Promise<void> {
    const target = this.targets[written.writer] as Target
    if ('block' in written) {
      if (!('records' in target)) throw new Error('records for a writer that takes batches')
      for (const record of decodeRows<OutputRecord>(written.block)) target.records.write(record)
      if (target.records.isFull) await target.records.flush()
      return
    }
    if (!('sink' in target)) throw new Error('batches for a writer that takes records')
    const { partition, batch, records } = written
    const { sink } = target
    if (sink.isFull) await sink.drained()
    sink.append(partition, Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength), records)
    this.taken(this.turn, batch.byteLength)
  }
}
