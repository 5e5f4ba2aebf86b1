// The coordinator's port to the partitions: writes end-of-transaction markers (WriteTxnMarkers, or in the
// same process the partitions themselves).

import type { TopicPartition } from './partition-set.ts'

export interface Marker {
  producerId: bigint
  /** Under transaction.version 2 one above that of the records. */
  producerEpoch: number
  committed: boolean
  /** Of the client that decided, or of the broker that fenced: 2 is held to the raised epoch. */
  transactionVersion: number
  coordinatorEpoch: number
}

export interface MarkerWriter {
  /**
   * One marker into each partition. Gives the error code of each, in the order of `partitions`; NONE means
   * that the marker can no longer be lost.
   *
   * Writing a marker twice is harmless while the transaction is ending. One that lands after it ended is
   * not: below transaction.version 2 it would end the producer's next transaction, which has the same epoch.
   * So the promise settles only when the write has happened or never will; it may take its time.
   */
  write(marker: Marker, partitions: readonly TopicPartition[]): Promise<readonly number[]>
}
