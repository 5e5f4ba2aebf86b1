// What the log says, read batch by batch by someone who trusts nobody: its own state by id, and its own
// rules of which record may follow which.

import type { Transaction } from '../../../broker/coordinator/transaction/transaction.ts'
import { containsAll } from '../../../broker/coordinator/transaction/partition-set.ts'
import { transactionLogCodec } from '../../../broker/coordinator/transaction/transaction-log.ts'
import { type MemoryBatch, type MemoryShardLog, replayBatch } from '../../world/memory-shard-log.ts'

const codec = transactionLogCodec(() => 0)

export class Shadow {
  readonly state = new Map<string, Transaction>()
  readonly onRecord: (before: Transaction | undefined, after: Transaction | undefined) => void
  private read = 0

  constructor(onRecord: Shadow['onRecord'] = () => {}) {
    this.onRecord = onRecord
  }

  /** Reads what is new, up to an offset (exclusive). */
  follow(log: MemoryShardLog, until = log.endOffset): this {
    for (; this.read < log.batches.length; this.read++) {
      const batch = log.batches[this.read] as MemoryBatch
      if (batch.lastOffset >= until) break
      replayBatch(batch, {
        record: (key, value) => this.record(key, value),
        marker: () => {
          throw new Error('a marker in __transaction_state')
        },
      })
    }
    return this
  }

  private record(key: Uint8Array, value: Uint8Array | null): void {
    const fact = codec.decode(key, value)
    if (fact.type === 'tombstone') {
      const before = this.state.get(fact.transactionalId)
      if (before === undefined || isOpen(before)) {
        throw new Error(`${fact.transactionalId} expired in ${before?.state}`)
      }
      this.state.delete(fact.transactionalId)
      this.onRecord(before, undefined)
      return
    }
    const after = fact.transaction
    const before = this.state.get(after.transactionalId)
    const broken = brokenRule(before, after)
    if (broken !== undefined) throw new Error(`${broken}: ${show(before)} then ${show(after)}`)
    this.state.set(after.transactionalId, after)
    this.onRecord(before, after)
  }
}

export function isOpen({ state }: Transaction): boolean {
  return state === 'Ongoing' || state === 'PrepareCommit' || state === 'PrepareAbort'
}

export function sameTransaction(a: Transaction | undefined, b: Transaction | undefined): boolean {
  return (
    a !== undefined &&
    b !== undefined &&
    a.state === b.state &&
    a.producerId === b.producerId &&
    a.nextProducerId === b.nextProducerId &&
    a.clientTransactionVersion === b.clientTransactionVersion &&
    // Version 0 of the record has no room for it.
    (b.previousProducerId === -1n || a.previousProducerId === b.previousProducerId) &&
    a.producerEpoch === b.producerEpoch &&
    a.transactionTimeoutMs === b.transactionTimeoutMs &&
    a.startTimestampMs === b.startTimestampMs &&
    a.lastUpdateTimestampMs === b.lastUpdateTimestampMs &&
    containsAll(a.partitions, b.partitions) &&
    containsAll(b.partitions, a.partitions)
  )
}

export function show(transaction: Transaction | undefined): string {
  if (transaction === undefined) return '(none)'
  const { transactionalId, state, producerId, producerEpoch, partitions } = transaction
  return `${transactionalId} ${state} ${producerId}/${producerEpoch} [${[...partitions.keys()].join()}]`
}

function brokenRule(before: Transaction | undefined, after: Transaction): string | undefined {
  const owner = before?.producerId === after.producerId && before.producerEpoch === after.producerEpoch
  const raised = before?.producerId === after.producerId && before.producerEpoch + 1 === after.producerEpoch
  const byEpoch = after.clientTransactionVersion >= 2
  // Of the last epoch of its id; only then another one follows.
  const wrongNext = (after.nextProducerId !== -1n) !== (byEpoch && (before?.producerEpoch ?? 0) >= 32766)
  switch (after.state) {
    case 'Empty':
      return before === undefined || !isOpen(before) ? undefined : 'InitProducerId over an open transaction'
    case 'Ongoing':
      if (before === undefined || before.state.startsWith('Prepare'))
        return 'partitions added to no transaction'
      if (!owner) return 'partitions added by another producer'
      return before.state !== 'Ongoing' || containsAll(after.partitions, before.partitions)
        ? undefined
        : 'partitions forgotten'
    case 'PrepareCommit':
      if (wrongNext) return 'a next producer id out of place'
      return before?.state === 'Ongoing' &&
        (byEpoch ? raised : owner) &&
        containsAll(after.partitions, before.partitions)
        ? undefined
        : 'I12: a commit that is none'
    case 'PrepareAbort': {
      if (wrongNext) return 'a next producer id out of place'
      const ofNothing = byEpoch && before !== undefined && !isOpen(before) && after.partitions.size === 0
      return (before?.state === 'Ongoing' || ofNothing) &&
        (raised || (owner && !byEpoch)) &&
        containsAll(after.partitions, before.partitions)
        ? undefined
        : 'I12: an abort that is none'
    }
    case 'CompleteCommit':
    case 'CompleteAbort': {
      const goesOn =
        before?.nextProducerId === -1n
          ? owner
          : after.producerId === before?.nextProducerId && after.producerEpoch === 0
      const prepared = after.state === 'CompleteCommit' ? 'PrepareCommit' : 'PrepareAbort'
      return before?.state === prepared && goesOn ? undefined : 'I12: the outcome changed'
    }
    default:
      return `state ${after.state} in the log`
  }
}
