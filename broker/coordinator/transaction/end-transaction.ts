// EndTxn: what a request to commit or abort meets, by the protocol that the client speaks.
//
// transaction.version 0 and 1 (up to EndTxn v4), after id and epoch were found to be the present ones: the retry
// of an answered request is told apart from a wrong one by state alone.
//
//   state            commit                     abort
//   Ongoing          decide commit              decide abort
//   PrepareCommit    CONCURRENT_TRANSACTIONS    INVALID_TXN_STATE
//   PrepareAbort     INVALID_TXN_STATE          CONCURRENT_TRANSACTIONS
//   CompleteCommit   NONE (a retry)             INVALID_TXN_STATE
//   CompleteAbort    INVALID_TXN_STATE          NONE (a retry)
//   Empty            INVALID_TXN_STATE          INVALID_TXN_STATE
//
// transaction.version 2 (EndTxn v5, KIP-890): every decision raises the epoch, so the epoch says it. "Retry" is
// the epoch before the present one, or the last epoch of the id before it; "present" is the present one.
//
//   state            commit, retry   commit, present   abort, retry   abort, present
//   Ongoing          PRODUCER_FENCED decide commit     PRODUCER_FENCED decide abort
//   PrepareCommit    CONCURRENT_TRANSACTIONS, whatever is asked: what was decided is not done yet
//   PrepareAbort     CONCURRENT_TRANSACTIONS, likewise
//   CompleteCommit   NONE            INVALID_TXN_STATE INVALID_TXN_STATE decide abort
//   CompleteAbort    INVALID_TXN_STATE INVALID_TXN_STATE NONE           decide abort
//   Empty            PRODUCER_FENCED INVALID_TXN_STATE PRODUCER_FENCED  decide abort
//
// A row stricter than Kafka's: it does not ask in which protocol a completed transaction was decided, so a fenced
// producer of version 2 is handed the epoch of a successor that speaks version 1.
//
// NONE and a decision tell the producer the id and epoch to go on with. Source: Kafka's TransactionCoordinator.

import { errorCodes } from '../../protocol/errors.ts'
import type { ProducerIdAndEpoch, TransactionCommand } from './commands.ts'
import { EPOCH_PER_TRANSACTION, isEpochExhausted, type Transaction } from './transaction.ts'
import { isPrepared } from './transaction-state.ts'

type EndCommand = Extract<TransactionCommand, { type: 'end' }>

export type EndOutcome =
  | { type: 'decide' }
  /** NONE: a retry of what is done. */
  | { type: 'answer'; errorCode: number }

const decide: EndOutcome = { type: 'decide' }

export function decideEnd(command: EndCommand, known: Transaction): EndOutcome {
  return command.clientTransactionVersion >= EPOCH_PER_TRANSACTION
    ? endByEpoch(command, known)
    : endByState(command, known)
}

function endByState({ committed, ...producer }: EndCommand, known: Transaction): EndOutcome {
  const { state, transactionalId } = known
  const refusal = ownershipError(producer, known)
  if (refusal !== undefined) return answer(refusal)
  switch (state) {
    case 'Ongoing':
      return decide
    case 'PrepareCommit':
    case 'PrepareAbort':
      return answer(
        (state === 'PrepareCommit') === committed
          ? errorCodes.CONCURRENT_TRANSACTIONS
          : errorCodes.INVALID_TXN_STATE,
      )
    case 'CompleteCommit':
    case 'CompleteAbort':
      return answer(
        (state === 'CompleteCommit') === committed ? errorCodes.NONE : errorCodes.INVALID_TXN_STATE,
      )
    case 'Empty':
      return answer(errorCodes.INVALID_TXN_STATE)
    case 'PrepareEpochFence':
      return answer(errorCodes.CONCURRENT_TRANSACTIONS)
    case 'Dead':
      throw new Error(`${transactionalId} is dead and still known`)
  }
}

function endByEpoch({ committed, producerId, producerEpoch }: EndCommand, known: Transaction): EndOutcome {
  const { state, transactionalId } = known
  if (isPrepared(state) || state === 'PrepareEpochFence') return answer(errorCodes.CONCURRENT_TRANSACTIONS)
  // The request that used up the last epoch: its answer named a new producer id.
  const retryOfLastEpoch =
    known.previousProducerId === producerId &&
    known.producerId !== producerId &&
    known.producerEpoch === 0 &&
    isEpochExhausted(producerEpoch)
  if (known.producerId !== producerId && !retryOfLastEpoch) {
    return answer(errorCodes.INVALID_PRODUCER_ID_MAPPING)
  }
  const isPresent = !retryOfLastEpoch && known.producerEpoch === producerEpoch
  // Only a decision of version 2 raises the epoch: the epoch after one of version 1 is somebody else's.
  const isRaised = known.clientTransactionVersion >= EPOCH_PER_TRANSACTION
  const isRetry = isRaised && (retryOfLastEpoch || known.producerEpoch === producerEpoch + 1)
  switch (state) {
    case 'Ongoing':
      return isPresent ? decide : answer(errorCodes.PRODUCER_FENCED)
    case 'Empty':
      if (!isPresent) return answer(errorCodes.PRODUCER_FENCED)
      return committed ? answer(errorCodes.INVALID_TXN_STATE) : decide
    case 'CompleteCommit':
    case 'CompleteAbort': {
      if (isRetry) {
        const isSame = (state === 'CompleteCommit') === committed
        return answer(isSame ? errorCodes.NONE : errorCodes.INVALID_TXN_STATE)
      }
      if (!isPresent) return answer(errorCodes.PRODUCER_FENCED)
      return committed ? answer(errorCodes.INVALID_TXN_STATE) : decide
    }
    default:
      throw new Error(`${transactionalId} is ${state} and still known`)
  }
}

/** Why this producer may not move the transaction, undefined if it may. */
export function ownershipError(
  { producerId, producerEpoch }: ProducerIdAndEpoch,
  known: Transaction | undefined,
): number | undefined {
  if (known === undefined) return errorCodes.INVALID_PRODUCER_ID_MAPPING
  if (known.producerId !== producerId) {
    // It was told its new id with the decision, and is quicker than the markers.
    return known.nextProducerId === producerId && producerEpoch === 0
      ? errorCodes.CONCURRENT_TRANSACTIONS
      : errorCodes.INVALID_PRODUCER_ID_MAPPING
  }
  // A higher epoch is refused too: nobody was handed it.
  return known.producerEpoch === producerEpoch ? undefined : errorCodes.PRODUCER_FENCED
}

function answer(errorCode: number): EndOutcome {
  return { type: 'answer', errorCode }
}
