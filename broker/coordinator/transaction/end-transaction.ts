// EndTxn: what a request to commit or abort meets, by state, under transaction.version 0 and 1. The
// retry of an answered EndTxn is told apart from a wrong one by state alone; with version 2 the epoch
// says it, and its table (KIP-890) takes this one's place for the requests that speak it.
//
//   state            commit                     abort
//   Ongoing          decide commit              decide abort
//   PrepareCommit    CONCURRENT_TRANSACTIONS    INVALID_TXN_STATE
//   PrepareAbort     INVALID_TXN_STATE          CONCURRENT_TRANSACTIONS
//   CompleteCommit   NONE (a retry)             INVALID_TXN_STATE
//   CompleteAbort    INVALID_TXN_STATE          NONE (a retry)
//   Empty            INVALID_TXN_STATE          INVALID_TXN_STATE

import { errorCodes } from '../../protocol/errors.ts'
import type { Transaction } from './transaction.ts'

/** Undefined: the transaction is open and may be decided. */
export function endTransactionError(
  { state, transactionalId }: Transaction,
  committed: boolean,
): number | undefined {
  switch (state) {
    case 'Ongoing':
      return undefined
    case 'PrepareCommit':
    case 'PrepareAbort':
      return (state === 'PrepareCommit') === committed
        ? errorCodes.CONCURRENT_TRANSACTIONS
        : errorCodes.INVALID_TXN_STATE
    case 'CompleteCommit':
    case 'CompleteAbort':
      return (state === 'CompleteCommit') === committed ? errorCodes.NONE : errorCodes.INVALID_TXN_STATE
    case 'Empty':
      return errorCodes.INVALID_TXN_STATE
    case 'PrepareEpochFence':
      return errorCodes.CONCURRENT_TRANSACTIONS
    case 'Dead':
      throw new Error(`${transactionalId} is dead and still known`)
  }
}
