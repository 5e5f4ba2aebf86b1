// What a transactional producer may do in which phase, and what an error means to it: every step in every phase, and
// the ways through them that end a transaction.

import { describe, expect, test } from 'vitest'
import { errorCodes } from '../../broker/protocol/errors.ts'
import {
  type Phase,
  ProducerTransaction,
  type Step,
  type TransactionFact,
  type TransactionTerms,
} from '../../broker/protocol/producer-transaction.ts'

const FIRST = { producerId: 7n, producerEpoch: 3 }
const NEXT = { producerId: 7n, producerEpoch: 4 }
const byState: TransactionTerms = { byEpoch: false, transactionTimeoutMs: 1000, seesItsWrites: false }
const byEpoch: TransactionTerms = { ...byState, byEpoch: true }

const begun: TransactionFact = { type: 'begun', atMs: 100 }
const joining: TransactionFact = { type: 'joining', partition: 'out-0' }
const offsets: TransactionFact = { type: 'offsetsJoining' }
const failed: TransactionFact = { type: 'failed' }
const aborting: TransactionFact = { type: 'aborting' }
const ended: TransactionFact = { type: 'ended', next: NEXT }
const renewed: TransactionFact = { type: 'renewed', next: NEXT }
const aborted: TransactionFact = { type: 'aborted' }
const closed: TransactionFact = { type: 'closed' }
const appended = (records: number): TransactionFact => ({ type: 'appended', partition: 'out-0', records })

function after(terms: TransactionTerms, ...facts: readonly TransactionFact[]): ProducerTransaction {
  const transaction = new ProducerTransaction(terms, FIRST)
  for (const fact of facts) transaction.apply(fact)
  return transaction
}

/** The ways into each phase; with a partition that joined, and without. */
const phases: [name: string, phase: Phase, facts: TransactionFact[]][] = [
  ['idle', 'idle', []],
  ['open', 'open', [begun]],
  ['open, joined', 'open', [begun, joining]],
  ['open, offsets', 'open', [begun, offsets]],
  ['failed', 'failed', [begun, failed]],
  ['failed, joined', 'failed', [begun, joining, failed]],
  ['aborting', 'aborting', [begun, aborting]],
  ['aborting, joined', 'aborting', [begun, joining, aborting]],
  ['closed', 'closed', [closed]],
]

describe('what is to be done', () => {
  const steps: Step[] = ['begin', 'write', 'commit', 'abort']
  const refused = (phase: Phase) => expect.stringMatching(`session is ${phase}`)
  const table: Record<string, readonly unknown[]> = {
    idle: ['go', refused('idle'), refused('idle'), 'nothing'],
    open: [refused('open'), 'go', 'nothing', 'nothing'],
    'open, joined': [refused('open'), 'go', 'end', 'end'],
    'open, offsets': [refused('open'), 'go', 'end', 'end'],
    failed: [refused('failed'), refused('failed'), refused('failed'), 'renew'],
    'failed, joined': [refused('failed'), refused('failed'), refused('failed'), 'end'],
    aborting: [refused('aborting'), refused('aborting'), refused('aborting'), 'nothing'],
    'aborting, joined': [refused('aborting'), refused('aborting'), refused('aborting'), 'end'],
    closed: [refused('closed'), refused('closed'), refused('closed'), 'nothing'],
  }
  test.each(phases)('%s', (name, phase, facts) => {
    const transaction = after(byState, ...facts)
    expect(transaction.phase).toBe(phase)
    const answers = steps.map((step) => {
      try {
        return transaction.decide(step)
      } catch (error) {
        return (error as Error).message
      }
    })
    expect(answers).toEqual(table[name])
    // To be asked changes nothing.
    expect(transaction.phase).toBe(phase)
  })
})

test('who goes on after a failure is told that failure, the first one, until the next transaction', () => {
  const first = new Error('no space left on device')
  const transaction = after(byState, begun, joining, { type: 'failed', cause: first })
  transaction.apply({ type: 'failed', cause: new Error('a later one') })
  for (const step of ['write', 'commit'] as const) expect(() => transaction.decide(step)).toThrow(first)
  for (const fact of [aborting, ended, renewed, aborted, begun, failed]) transaction.apply(fact)
  expect(() => transaction.decide('write')).toThrow('session is failed')
})

describe('what can come of it', () => {
  const facts = [begun, joining, offsets, appended(1), failed, aborting, ended, renewed, aborted, closed]
  // The phase that follows; -: it cannot be, and the machine says so. A failure that comes late changes nothing.
  const table: Record<string, string> = {
    idle: 'open - - - idle - - - - closed',
    open: '- open open - failed aborting idle - - closed',
    'open, joined': '- open open open failed aborting idle - - closed',
    'open, offsets': '- open open - failed aborting idle - - closed',
    failed: '- - - - failed aborting - - - closed',
    'failed, joined': '- - - failed failed aborting - - - closed',
    aborting: '- - - - aborting aborting aborting aborting idle closed',
    'aborting, joined': '- - - aborting aborting aborting aborting aborting - closed',
    closed: '- - - - closed - - - - closed',
  }
  test.each(phases)('%s', (name, _, before) => {
    const phasesAfter = facts.map((fact) => {
      const transaction = after(byState, ...before)
      try {
        transaction.apply(fact)
        return transaction.phase
      } catch {
        return '-'
      }
    })
    expect(phasesAfter.join(' ')).toBe(table[name])
  })
})

describe('sequences and epochs', () => {
  test('sequences go on by records, over transactions where the epoch stays, and wrap where Kafka’s do', () => {
    const transaction = after(byState, begun, joining, appended(5), ended, begun, joining)
    expect(transaction.producer).toEqual(FIRST)
    expect(transaction.baseSequence('out-0')).toBe(5)
    expect(transaction.baseSequence('out-1')).toBe(0)
    transaction.apply(appended(0x7fffffff))
    expect(transaction.baseSequence('out-0')).toBe(4)
  })

  test('each end of a transaction of version 2 begins a new epoch, in which sequences begin at zero', () => {
    for (const way of [[], [failed, aborting], [aborting]]) {
      const transaction = after(byEpoch, begun, joining, appended(5), ...way, ended)
      expect(transaction.producer).toEqual(NEXT)
      expect(transaction.baseSequence('out-0')).toBe(0)
      expect(transaction.decide('abort')).toBe('nothing')
    }
  })

  test('an end that the coordinator knew nothing of leaves epoch and sequences', () => {
    const transaction = after(byEpoch, begun, joining, appended(5), aborting, { type: 'ended' }, aborted)
    expect(transaction.producer).toEqual(FIRST)
    expect(transaction.baseSequence('out-0')).toBe(5)
  })

  test.each([
    ['failed and then aborted', [failed, aborting]],
    ['failed while it was aborted', [aborting, failed]],
  ])('an append whose fate is unknown, %s, asks for a new epoch behind the end', (_, way) => {
    const transaction = after(byState, begun, joining, appended(5), ...way, ended)
    expect(transaction.decide('abort')).toBe('renew')
    expect(() => transaction.apply(aborted)).toThrow(/not aborted yet/)
    transaction.apply(renewed)
    transaction.apply(aborted)
    expect(transaction).toMatchObject({ phase: 'idle', producer: NEXT })
    expect(transaction.baseSequence('out-0')).toBe(0)
  })

  test('a new epoch is not asked for where it is known what was written, or nothing failed', () => {
    const seeing = { ...byState, seesItsWrites: true }
    expect(after(seeing, begun, joining, failed, aborting, ended).decide('abort')).toBe('nothing')
    expect(after(byState, begun, joining, aborting, ended).decide('abort')).toBe('nothing')
  })

  test('the next transaction remembers nothing of what had joined', () => {
    const transaction = after(byState, begun, joining, offsets, ended, begun)
    expect(transaction.isBegun).toBe(false)
    expect(transaction.has('out-0')).toBe(false)
    expect(() => transaction.apply(appended(1))).toThrow(/never joined/)
  })
})

describe('what an error means', () => {
  const codes = ['PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH', 'INVALID_TXN_STATE', 'NOT_COORDINATOR'] as const
  const inTime = 1099
  const late = 1100
  test.each([
    ['begun, in time', [begun, joining], inTime, 'fenced fenced refused refused'],
    ['begun, late', [begun, joining], late, 'overdue overdue overdue refused'],
    ['begun by offsets, late', [begun, offsets], late, 'overdue overdue overdue refused'],
    ['nothing had joined, late', [begun], late, 'fenced fenced refused refused'],
  ])('%s', (_, facts, nowMs, meanings) => {
    const transaction = after(byState, ...facts)
    const found = codes.map((name) => transaction.refusal(errorCodes[name], nowMs).meaning)
    expect(found.join(' ')).toBe(meanings)
  })

  test('an abort that finds no transaction is done, unless it may have been committed', () => {
    const { INVALID_TXN_STATE, PRODUCER_FENCED } = errorCodes
    const committing: TransactionFact = { type: 'committing' }
    const ways: [TransactionTerms, TransactionFact[], boolean][] = [
      [byState, [begun, joining, failed, aborting], true],
      [byState, [begun, joining, committing, failed, aborting], false],
      [byState, [begun, joining, committing, ended, begun, joining, failed, aborting], true],
      // The coordinator takes an abort of this epoch, whether or not anything had joined.
      [byEpoch, [begun, joining, failed, aborting], false],
      [byEpoch, [begun, joining, committing, failed, aborting], false],
    ]
    for (const [terms, facts, isDone] of ways) {
      expect(after(terms, ...facts).hadNothingToAbort(INVALID_TXN_STATE)).toBe(isDone)
      expect(after(terms, ...facts).hadNothingToAbort(PRODUCER_FENCED)).toBe(false)
    }
  })

  test('who was too late hears how long it had been open, and how long it may be', () => {
    const refusal = after(byState, begun, joining).refusal(errorCodes.PRODUCER_FENCED, 2600.4)
    expect(refusal).toEqual({ meaning: 'overdue', openMs: 2500, timeoutMs: 1000 })
  })
})
