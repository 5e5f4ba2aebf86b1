// The table of states against Kafka's, move by move.

import { expect, test } from 'vitest'
import {
  mayBecome,
  stateId,
  stateOfId,
  transactionStates,
} from '../../../broker/coordinator/transaction/transaction-state.ts'

test('the ids in the log are Kafka’s', () => {
  expect(transactionStates.map((state) => [stateId(state), state])).toEqual([
    [0, 'Empty'],
    [1, 'Ongoing'],
    [2, 'PrepareCommit'],
    [3, 'PrepareAbort'],
    [4, 'CompleteCommit'],
    [5, 'CompleteAbort'],
    [6, 'Dead'],
    [7, 'PrepareEpochFence'],
  ])
  for (const state of transactionStates) expect(stateOfId(stateId(state))).toBe(state)
  expect(stateOfId(8)).toBeUndefined()
  expect(stateOfId(-1)).toBeUndefined()
})

test('of the 64 moves these 19 are allowed', () => {
  const allowed = transactionStates.flatMap((from) =>
    transactionStates.filter((to) => mayBecome(from, to)).map((to) => `${from} > ${to}`),
  )
  expect(allowed).toEqual([
    'Empty > Empty',
    'Empty > Ongoing',
    'Empty > PrepareAbort',
    'Empty > Dead',
    'Ongoing > Ongoing',
    'Ongoing > PrepareCommit',
    'Ongoing > PrepareAbort',
    'Ongoing > PrepareEpochFence',
    'PrepareCommit > CompleteCommit',
    'PrepareAbort > CompleteAbort',
    'CompleteCommit > Empty',
    'CompleteCommit > Ongoing',
    'CompleteCommit > PrepareAbort',
    'CompleteCommit > Dead',
    'CompleteAbort > Empty',
    'CompleteAbort > Ongoing',
    'CompleteAbort > PrepareAbort',
    'CompleteAbort > Dead',
    'PrepareEpochFence > PrepareAbort',
  ])
})
