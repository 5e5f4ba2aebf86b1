// The order of the appends of one transaction. From Produce v12 on a batch brings its partition into the
// transaction (KIP-890), and the coordinator needs a sync for that; producers send ahead meanwhile. So what
// comes later of the same transactional id waits its turn, even where it needs nothing added.
//
// Rule kept: appends of a transactional id happen in the order in which their requests came. One entry for an
// id with requests under way, none for others.

import type { BatchProducer } from './batch-producer.ts'
import { type ErrorCode, errorCodes } from '../protocol/errors.ts'

interface TopicPartition {
  topic: string
  partition: number
}

/** Makes partitions part of the producer's transaction, for good; the code for all of them. */
export type AddImplicitly = (
  transactionalId: string,
  producer: Pick<BatchProducer, 'producerId' | 'producerEpoch'>,
  partitions: readonly TopicPartition[],
) => Promise<ErrorCode>

export class TransactionTurns {
  private readonly addImplicitly: AddImplicitly
  /** By transactional id, the end of the last turn; never rejects. */
  private readonly last = new Map<string, Promise<unknown>>()

  constructor(addImplicitly: AddImplicitly) {
    this.addImplicitly = addImplicitly
  }

  /**
   * Calls `append` with how the adding of `missing` went: at once where nothing is missing and nobody waits, else in
   * its turn. `append` must not wait for anything itself.
   */
  take<T>(
    transactionalId: string,
    producer: BatchProducer,
    missing: readonly TopicPartition[],
    append: (errorCode: ErrorCode) => T,
  ): T | Promise<T> {
    const before = this.last.get(transactionalId)
    if (before === undefined && missing.length === 0) return append(errorCodes.NONE)
    // Asked for now, not in turn: those that came together share the coordinator's sync.
    const adding =
      missing.length === 0
        ? Promise.resolve(errorCodes.NONE)
        : this.addImplicitly(transactionalId, producer, missing)
    const turn = Promise.all([adding, before]).then(([errorCode]) => append(errorCode))
    const leave = (): void => {
      if (this.last.get(transactionalId) === ended) this.last.delete(transactionalId)
    }
    const ended: Promise<void> = turn.then(leave, leave)
    this.last.set(transactionalId, ended)
    return turn
  }
}
