// InitProducerId of a transactional producer: who owns the id from now on, and under which epoch.
//
//   state               stated id/epoch (v3+)             answer
//   (none)              any                               new producer id, epoch 0
//   any                 id is not this one, nor the one   PRODUCER_FENCED
//                       before it at its last epoch
//   Prepare*            any                               CONCURRENT_TRANSACTIONS
//   Ongoing             none, or the current epoch        fence, abort; CONCURRENT_TRANSACTIONS until done
//   Ongoing             another epoch                     PRODUCER_FENCED
//   Empty, Complete*    none, or the current epoch        epoch + 1; if that is spent: new id, epoch 0
//   Empty, Complete*    the epoch before the last bump    same answer again, no bump (a retry; also of a
//                                                         producer that did not hear of its decision)
//   Empty, Complete*    another epoch                     PRODUCER_FENCED
//
// One row is stricter than Kafka's: in Ongoing it does not look at the stated epoch, so a zombie that
// states an old one has its successor's open transaction aborted before it is fenced itself.

import { errorCodes } from '../../protocol/errors.ts'
import type { ProducerIdAndEpoch, RememberedEpoch, TransactionCommand } from './commands.ts'
import {
  fencedAndAborted,
  initialized,
  fenceVersion,
  isEpochExhausted,
  needsNextProducerId,
  NO_PRODUCER_EPOCH,
  NO_PRODUCER_ID,
  newTransaction,
  type Transaction,
} from './transaction.ts'

export type InitOutcome =
  | { type: 'refused'; errorCode: number }
  /** `errorCode` CONCURRENT_TRANSACTIONS: written, but the caller has to come again. */
  | { type: 'written'; transaction: Transaction; errorCode: number; remember: RememberedEpoch | undefined }
  | { type: 'needsProducerId' }

export function decideInit(
  command: Extract<TransactionCommand, { type: 'init' }>,
  known: Transaction | undefined,
  remembered: RememberedEpoch | undefined,
  /** Finalized: in its words an open transaction is fenced. */
  transactionVersion: number,
  nowMs: number,
): InitOutcome {
  const { transactionalId, transactionTimeoutMs, expected, freshProducerId } = command
  if (known === undefined) {
    if (freshProducerId === undefined) return { type: 'needsProducerId' }
    return written(newTransaction(transactionalId, freshProducerId, transactionTimeoutMs, nowMs))
  }
  if (expected !== undefined && !namesProducer(expected, known)) return fenced
  switch (known.state) {
    case 'PrepareCommit':
    case 'PrepareAbort':
    case 'PrepareEpochFence':
      return { type: 'refused', errorCode: errorCodes.CONCURRENT_TRANSACTIONS }
    case 'Ongoing': {
      if (expected !== undefined && expected.producerEpoch !== known.producerEpoch) return fenced
      const clientTransactionVersion = fenceVersion(transactionVersion)
      const isSpent = needsNextProducerId(known, clientTransactionVersion)
      if (isSpent && freshProducerId === undefined) return { type: 'needsProducerId' }
      const nextProducerId = isSpent ? (freshProducerId as bigint) : NO_PRODUCER_ID
      return {
        type: 'written',
        transaction: fencedAndAborted(known, { clientTransactionVersion, nextProducerId }, nowMs),
        errorCode: errorCodes.CONCURRENT_TRANSACTIONS,
        remember: undefined,
      }
    }
    case 'Empty':
    case 'CompleteCommit':
    case 'CompleteAbort':
      break
    case 'Dead':
      throw new Error(`${transactionalId} is dead and still known`)
  }
  if (expected === undefined || expected.producerEpoch === known.producerEpoch) {
    const spent = isEpochExhausted(known.producerEpoch)
    if (spent && freshProducerId === undefined) return { type: 'needsProducerId' }
    const producerId = spent ? (freshProducerId as bigint) : known.producerId
    const producerEpoch = spent ? 0 : known.producerEpoch + 1
    return written(initialized(known, producerId, producerEpoch, transactionTimeoutMs, nowMs), {
      lastProducerEpoch: expected === undefined ? NO_PRODUCER_EPOCH : known.producerEpoch,
    })
  }
  if (expected.producerEpoch !== remembered?.lastProducerEpoch) return fenced
  return written(
    initialized(known, known.producerId, known.producerEpoch, transactionTimeoutMs, nowMs),
    remembered,
  )
}

const fenced: InitOutcome = { type: 'refused', errorCode: errorCodes.PRODUCER_FENCED }

function written(transaction: Transaction, remember?: RememberedEpoch): InitOutcome {
  return { type: 'written', transaction, errorCode: errorCodes.NONE, remember }
}

/** The stated id is ours, or was ours until its epochs ran out (a retry of the request that replaced it). */
function namesProducer({ producerId, producerEpoch }: ProducerIdAndEpoch, known: Transaction): boolean {
  if (producerId === known.producerId) return true
  return producerId === known.previousProducerId && isEpochExhausted(producerEpoch)
}
