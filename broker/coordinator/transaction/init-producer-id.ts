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
//   Empty, Complete*    the epoch before the last bump    same answer again, no bump (a retry)
//   Empty, Complete*    another epoch                     PRODUCER_FENCED
//
// One row is stricter than Kafka's: in Ongoing it does not look at the stated epoch, so a zombie that
// states an old one has its successor's open transaction aborted before it is fenced itself.

import { errorCodes } from '../../protocol/errors.ts'
import type { ProducerIdAndEpoch, RememberedInit, TransactionCommand } from './commands.ts'
import {
  fencedAndAborted,
  initialized,
  isEpochExhausted,
  NO_PRODUCER_EPOCH,
  newTransaction,
  type Transaction,
} from './transaction.ts'

export type InitOutcome =
  | { type: 'refused'; errorCode: number }
  /** `errorCode` CONCURRENT_TRANSACTIONS: written, but the caller has to come again. */
  | { type: 'written'; transaction: Transaction; errorCode: number; remember: RememberedInit | undefined }
  | { type: 'needsProducerId' }

export function decideInit(
  command: Extract<TransactionCommand, { type: 'init' }>,
  known: Transaction | undefined,
  remembered: RememberedInit | undefined,
  nowMs: number,
): InitOutcome {
  const { transactionalId, transactionTimeoutMs, expected, freshProducerId } = command
  if (known === undefined) {
    if (freshProducerId === undefined) return { type: 'needsProducerId' }
    return written(newTransaction(transactionalId, freshProducerId, transactionTimeoutMs, nowMs))
  }
  if (expected !== undefined && !namesProducer(expected, known, remembered)) return fenced
  switch (known.state) {
    case 'PrepareCommit':
    case 'PrepareAbort':
    case 'PrepareEpochFence':
      return { type: 'refused', errorCode: errorCodes.CONCURRENT_TRANSACTIONS }
    case 'Ongoing':
      if (expected !== undefined && expected.producerEpoch !== known.producerEpoch) return fenced
      return {
        type: 'written',
        transaction: fencedAndAborted(known, nowMs),
        errorCode: errorCodes.CONCURRENT_TRANSACTIONS,
        remember: undefined,
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
      previousProducerId: known.producerId,
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

function written(transaction: Transaction, remember?: RememberedInit): InitOutcome {
  return { type: 'written', transaction, errorCode: errorCodes.NONE, remember }
}

/** The stated id is ours, or was ours until its epochs ran out (a retry of the request that replaced it). */
function namesProducer(
  { producerId, producerEpoch }: ProducerIdAndEpoch,
  known: Transaction,
  remembered: RememberedInit | undefined,
): boolean {
  if (producerId === known.producerId) return true
  return producerId === remembered?.previousProducerId && isEpochExhausted(producerEpoch)
}
