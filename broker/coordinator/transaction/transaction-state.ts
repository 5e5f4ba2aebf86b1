// The states of a transactional id and the only moves between them (Kafka's TransactionState). The ids
// are those kept in __transaction_state, the names those that DescribeTransactions shows.
//
//   (none) ── InitProducerId ──► Empty
//
//   Empty ── AddPartitions, AddOffsets ──► Ongoing ── more of them ──► Ongoing
//                                             │
//                 ┌──── EndTxn(commit) ───────┼─────── EndTxn(abort) ─────────┐
//                 │                           │                               │
//                 │              InitProducerId, timeout                      │
//                 │                           ▼                               │
//                 │                  PrepareEpochFence (epoch + 1) ──────────►│
//                 ▼                                                           ▼
//           PrepareCommit                                               PrepareAbort
//                 │ every partition has its marker                            │
//                 ▼                                                           ▼
//           CompleteCommit                                              CompleteAbort
//
//   CompleteCommit, CompleteAbort ── AddPartitions, AddOffsets ──► Ongoing
//   Empty, CompleteCommit, CompleteAbort ── InitProducerId ──► Empty
//   Empty, CompleteCommit, CompleteAbort ── EndTxn(abort) of transaction.version 2 ──► PrepareAbort
//   Empty, CompleteCommit, CompleteAbort ── unused for transactional.id.expiration.ms ──► Dead (tombstone)
//
// Under transaction.version 2 every Prepare* raises the epoch, and where that was the last one of a producer
// id, Complete* goes over to a new id at epoch 0 (KIP-890).
// PrepareEpochFence is passed through inside one decision: the log shows Ongoing, then PrepareAbort with
// the raised epoch.

export const transactionStates = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
  'PrepareEpochFence',
] as const

export type TransactionState = (typeof transactionStates)[number]

/** From which states each state may be entered. */
const enteredFrom: Readonly<Record<TransactionState, readonly TransactionState[]>> = {
  Empty: ['Empty', 'CompleteCommit', 'CompleteAbort'],
  Ongoing: ['Ongoing', 'Empty', 'CompleteCommit', 'CompleteAbort'],
  PrepareCommit: ['Ongoing'],
  PrepareAbort: ['Ongoing', 'PrepareEpochFence', 'Empty', 'CompleteCommit', 'CompleteAbort'],
  CompleteCommit: ['PrepareCommit'],
  CompleteAbort: ['PrepareAbort'],
  Dead: ['Empty', 'CompleteCommit', 'CompleteAbort'],
  PrepareEpochFence: ['Ongoing'],
}

export function mayBecome(from: TransactionState, to: TransactionState): boolean {
  return enteredFrom[to].includes(from)
}

/** The id kept in the log. */
export function stateId(state: TransactionState): number {
  return transactionStates.indexOf(state)
}

/** Undefined for an id that no Kafka release writes. */
export function stateOfId(id: number): TransactionState | undefined {
  return transactionStates[id]
}

/** Decided, and not every partition has its marker. */
export function isPrepared(state: TransactionState): boolean {
  return state === 'PrepareCommit' || state === 'PrepareAbort'
}

/** Nothing open: the id may expire, and InitProducerId answers at once. */
export function isIdle(state: TransactionState): boolean {
  return mayBecome(state, 'Dead')
}
