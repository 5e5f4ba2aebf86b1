// The output side of one batch: a writer per operator and topic over the batch's transaction, or, where a
// batch is computed again only for its state, writers that take records and let them fall.

import type { BatchOutput, BatchSink, TopicWriter } from '../graph/contracts/output.ts'
import type { BatchStamp } from '../graph/contracts/rows.ts'
import type { OutputPort, OutputSession } from '../ports.ts'
import { AppendQueue } from './append-queue.ts'
import { BatchTopicWriter } from './topic-writer.ts'

export class TransactionOutput implements BatchOutput {
  private readonly port: Pick<OutputPort, 'ensureTopic'>
  private readonly batch: BatchStamp
  private readonly queue: AppendQueue
  private readonly writers: BatchTopicWriter[] = []
  /** Records in batches that were built elsewhere. */
  private taken = 0

  constructor(
    port: Pick<OutputPort, 'ensureTopic'>,
    session: Pick<OutputSession, 'append'>,
    batch: BatchStamp,
  ) {
    this.port = port
    this.batch = batch
    this.queue = new AppendQueue(session)
  }

  async writer(_operatorId: string, topic: string): Promise<TopicWriter> {
    const partitions = await this.port.ensureTopic(topic)
    const writer = new BatchTopicWriter(topic, partitions, this.batch, this.queue)
    this.writers.push(writer)
    return writer
  }

  async batches(_operatorId: string, topic: string): Promise<BatchSink> {
    const { queue } = this
    return {
      partitions: await this.port.ensureTopic(topic),
      append: (partition, batch, records) => {
        this.taken += records
        queue.append(topic, partition, batch)
      },
      get isFull() {
        return queue.isFull
      },
      drained: () => queue.drained(),
    }
  }

  /** Records that operators have written. */
  get records(): number {
    return this.writers.reduce((sum, { records }) => sum + records, this.taken)
  }

  /** Resolves when nothing is under way any more, whatever became of it. */
  abandoned(): Promise<void> {
    return this.queue.quiet()
  }

  /** Resolves when all records are durable in their topics; rejects with what one append failed of. */
  async finish(): Promise<void> {
    for (const writer of this.writers) await writer.flush()
    await this.queue.settled()
  }
}

/** For a batch whose records are in their topics already. */
export const discardingOutput: BatchOutput = {
  discards: true,
  writer: () => Promise.resolve({ isFull: false, write: () => {}, flush: () => Promise.resolve() }),
}

/** For a job that was given no output port. */
export const refusingOutput: BatchOutput = {
  writer: (operatorId, topic) =>
    Promise.reject(
      new Error(`${operatorId}: topic '${topic}' cannot be written: the job has no output port`),
    ),
}
