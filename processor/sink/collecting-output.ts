// An output that keeps the records of a job in memory instead of writing them to topics: what a replay shows.
// Begins empty for every job: no offsets are committed, and nobody is fenced.

import { RecordCursor } from '../../broker/protocol/record-batch/cursor.ts'
import type { LogViews, OutputPort, OutputSession } from '../ports.ts'

export interface CollectedRecord {
  readonly topic: string
  readonly partition: number
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [string, Uint8Array | null])[]
}

export class CollectingOutput implements OutputPort {
  private readonly views: Pick<LogViews, 'partitionCount'>
  /** Records of decided batches, in the order in which they were appended. */
  readonly records: CollectedRecord[] = []

  /** `views` says how many partitions a topic has; one that does not exist is taken to have one. */
  constructor(views: Pick<LogViews, 'partitionCount'>) {
    this.views = views
  }

  ensureTopic(topic: string): Promise<number> {
    return Promise.resolve(Math.max(1, this.views.partitionCount(topic)))
  }

  open(): Promise<OutputSession> {
    let staged: CollectedRecord[] = []
    const drop = () => {
      staged = []
      return Promise.resolve()
    }
    return Promise.resolve({
      producerId: 0n,
      producerEpoch: 0,
      committedOffsets: () => Promise.resolve([]),
      begin: () => void drop(),
      append: (topic, partition, batch) => {
        staged.push(...recordsOf(topic, partition, batch))
        return Promise.resolve()
      },
      commitOffsets: () => Promise.resolve(),
      commit: () => {
        this.records.push(...staged)
        return drop()
      },
      abort: drop,
      close: drop,
    })
  }
}

function recordsOf(topic: string, partition: number, batch: Buffer): CollectedRecord[] {
  const records: CollectedRecord[] = []
  const cursor = new RecordCursor()
  cursor.reset(batch, 0)
  while (cursor.next()) {
    const headers = cursor.headerCount === 0 ? [] : cursor.headers()
    records.push({
      topic,
      partition,
      timestampMs: cursor.timestampMs,
      // Copies: the batch's buffer is used again.
      key: cursor.key(),
      value: cursor.value(),
      headers: headers.map(({ key, value }) => [key, value] as const),
    })
  }
  return records
}
