// Which transactions a run of the cleaner has walked through: it alone decides whether a batch is of an aborted
// one, and whether a marker has nothing left to speak of.
//
//   met in offset order                                          answer
//   data of a transaction that the abort index names             aborted: its records go
//   other data of a transaction                                  stays; the marker will be needed
//   abort marker whose data was met in this run                  stays, with its entry of the abort index
//   abort or commit marker, no data met                          may go (after its delete horizon)
//   control batch without a record                               cleaned before: may go
//   other control records                                        stay
//
// Source: Kafka's CleanedTransactionMetadata.

import { controlTypes } from '../../protocol/record-batch/control.ts'
import type { AbortedTransaction } from '../txn-index.ts'

interface OngoingAborted {
  readonly transaction: AbortedTransaction
  hasData: boolean
}

export class CleanedTransactions {
  /** Those that begin later, by first offset; the next one is last. */
  private readonly toCome: AbortedTransaction[]
  private readonly aborted = new Map<bigint, OngoingAborted>()
  /** Producers of committed transactions, or of ones that are decided beyond this run. */
  private readonly withData = new Set<bigint>()

  /** `aborted`: all that overlap the offsets of the run. */
  constructor(aborted: readonly AbortedTransaction[]) {
    this.toCome = aborted.toSorted((a, b) => (a.firstOffset > b.firstOffset ? -1 : 1))
  }

  /** A data batch was met: true where its transaction was aborted. */
  onData(producerId: bigint, isTransactional: boolean, lastOffset: bigint): boolean {
    this.reach(lastOffset)
    if (!isTransactional) return false
    const aborted = this.aborted.get(producerId)
    if (aborted === undefined) {
      this.withData.add(producerId)
      return false
    }
    aborted.hasData = true
    return true
  }

  /**
   * A control batch was met, `controlType` undefined where it has no record: true where it may go. `keptAborted` is
   * told of the abort index's entry that has to stay with a marker.
   */
  onControl(
    producerId: bigint,
    controlType: number | undefined,
    lastOffset: bigint,
    keptAborted: (transaction: AbortedTransaction) => void,
  ): boolean {
    this.reach(lastOffset)
    if (controlType === undefined) return true
    if (controlType === controlTypes.commit) return !this.withData.delete(producerId)
    if (controlType !== controlTypes.abort) return false
    const aborted = this.aborted.get(producerId)
    this.aborted.delete(producerId)
    if (aborted?.hasData !== true) return true
    keptAborted(aborted.transaction)
    return false
  }

  private reach(offset: bigint): void {
    for (let next = this.toCome.at(-1); next !== undefined && next.firstOffset <= offset; ) {
      this.toCome.pop()
      if (!this.aborted.has(next.producerId)) {
        this.aborted.set(next.producerId, { transaction: next, hasData: false })
      }
      next = this.toCome.at(-1)
    }
  }
}
