// The transaction coordinator's hand in the partitions: in one process a marker is an append, not a request.

import type { Marker, MarkerWriter } from '../coordinator/transaction/marker-writer.ts'
import type { TopicPartition } from '../coordinator/transaction/partition-set.ts'
import type { Partition } from '../partition/partition.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { Clock } from '../time/clock.ts'

export class PartitionMarkerWriter implements MarkerWriter {
  private readonly find: (topic: string, partition: number) => Partition | undefined
  private readonly clock: Clock

  constructor(find: (topic: string, partition: number) => Partition | undefined, clock: Clock) {
    this.find = find
    this.clock = clock
  }

  /** All markers are appended within this call; the promise waits until none of them can be lost. */
  write(
    { committed, ...producer }: Marker,
    partitions: readonly TopicPartition[],
  ): Promise<readonly number[]> {
    const marker = { ...producer, commit: committed, nowMs: this.clock.now() }
    return Promise.all(
      partitions.map(async ({ topic, partition: index }) => {
        const partition = this.find(topic, index)
        if (partition === undefined) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION
        const { errorCode, lastOffset } = partition.appendMarker(marker)
        return errorCode === errorCodes.NONE ? partition.whenDurable(lastOffset) : errorCode
      }),
    )
  }
}
