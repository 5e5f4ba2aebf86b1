// The coordinator's port to the partitions: writes end-of-transaction markers (WriteTxnMarkers, or in the
// same process the partitions themselves).

import type { TopicPartition } from './partition-set.ts'

export interface MarkerWriter {
  /**
   * One marker into each partition. Gives the error code of each, in the order of `partitions`; NONE means
   * that the marker can no longer be lost.
   *
   * Writing a marker twice is harmless while the transaction is ending. One that lands after it ended is
   * not: it would end the producer's next transaction, which has the same epoch. So the promise settles
   * only when the write has happened or never will; it may take its time.
   */
  write(
    producerId: bigint,
    producerEpoch: number,
    committed: boolean,
    coordinatorEpoch: number,
    partitions: readonly TopicPartition[],
  ): Promise<readonly number[]>
}
