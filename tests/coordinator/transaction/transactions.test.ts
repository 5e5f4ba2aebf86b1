// Stories of transactions, from their producer's first word to their last marker.

import { describe, expect, test } from 'vitest'
import { newTransaction, type Transaction } from '../../../broker/coordinator/transaction/transaction.ts'
import { transactionLogCodec } from '../../../broker/coordinator/transaction/transaction-log.ts'
import { TransactionMachine } from '../../../broker/coordinator/transaction/transaction-machine.ts'
import { defaultTransactionConfig } from '../../../broker/coordinator/transaction/config.ts'
import { partitionForHash } from '../../../broker/coordinator/java-hash.ts'
import { errorCodes, errorName } from '../../../broker/protocol/errors.ts'
import { MemoryShardLog } from '../../world/memory-shard-log.ts'
import { Fixture } from './fixture.ts'

const P = 1000n
const HOUR_MS = 3_600_000

/** A log that holds one id in the given form, as another coordinator left it. */
function logOf(...transactions: Transaction[]): MemoryShardLog {
  const log = new MemoryShardLog()
  const codec = transactionLogCodec(() => 0)
  for (const transaction of transactions) log.append([codec.encode({ type: 'transaction', transaction })])
  return log
}

describe('one transaction', () => {
  test('ends with a marker in every partition, the offsets of its group among them', async () => {
    const fixture = await Fixture.loaded()
    await fixture.init()
    await fixture.add(P, 0, 'a', [0, 2])
    await fixture.add(P, 0, 'b', [1])
    await fixture.addOffsets(P, 0, 'group')
    expect(await fixture.end(P, 0, true)).toBe('NONE')
    await fixture.settle()
    const offsets = partitionForHash('group', 50)
    expect(fixture.writer.written).toEqual(
      [
        { topic: '__consumer_offsets', partition: offsets },
        { topic: 'a', partition: 0 },
        { topic: 'a', partition: 2 },
        { topic: 'b', partition: 1 },
      ].map((at) => ({
        ...at,
        producerId: P,
        producerEpoch: 0,
        committed: true,
        coordinatorEpoch: 0,
        transactionVersion: 0,
      })),
    )
    expect(await fixture.state()).toBe('CompleteCommit')
  })

  test('without partitions completes without markers', async () => {
    const fixture = await Fixture.loaded()
    await fixture.init()
    await fixture.coordinator.addPartitionsToTxn(
      {
        transactions: [],
        v3AndBelowTransactionalId: 'tx',
        v3AndBelowProducerId: P,
        v3AndBelowProducerEpoch: 0,
        v3AndBelowTopics: [],
      },
      3,
    )
    expect(await fixture.state()).toBe('Ongoing')
    await fixture.end(P, 0, false)
    await fixture.settle()
    expect(await fixture.state()).toBe('CompleteAbort')
    expect(fixture.writer.attempts).toBe(0)
  })

  test('makes the next one wait until its last marker is written', async () => {
    const fixture = await Fixture.loaded()
    await fixture.init()
    await fixture.add(P, 0)
    fixture.writer.hold = true
    expect(await fixture.end(P, 0, true)).toBe('NONE')
    expect(await fixture.add(P, 0, 'b')).toBe('CONCURRENT_TRANSACTIONS')
    fixture.writer.release()
    await fixture.settle()
    expect(await fixture.add(P, 0, 'b')).toBe('NONE')
    await fixture.end(P, 0, false)
    await fixture.settle()
    expect(fixture.writer.written.map(({ topic, committed }) => [topic, committed])).toEqual([
      ['a', true],
      ['b', false],
    ])
  })

  test('writes nothing when a partition is added again', async () => {
    const fixture = await Fixture.loaded()
    await fixture.init()
    await fixture.add(P, 0, 'a', [0, 1])
    const end = fixture.log.endOffset
    expect(await fixture.add(P, 0, 'a', [1])).toBe('NONE')
    expect(fixture.log.endOffset).toBe(end)
  })
})

describe('markers', () => {
  test('that fail are sent again, those that arrived are not, and the pauses grow', async () => {
    const fixture = await Fixture.loaded()
    await fixture.init()
    await fixture.add(P, 0, 'a', [0, 1])
    fixture.writer.answers = [
      0,
      errorCodes.NOT_LEADER_OR_FOLLOWER,
      ...Array(6).fill(errorCodes.REQUEST_TIMED_OUT),
    ]
    await fixture.end(P, 0, true)
    await fixture.settle()
    const { transactionStates } = await fixture.coordinator.describeTransactions({ transactionalIds: ['tx'] })
    expect(transactionStates[0]).toMatchObject({
      transactionState: 'PrepareCommit',
      topics: [{ topic: 'a', partitions: [1] }],
    })
    const attemptsAt: number[] = []
    for (let ms = 0; ms < 4_000 && (await fixture.state()) !== 'CompleteCommit'; ms += 10) {
      const before = fixture.writer.attempts
      await fixture.clock.advance(10)
      if (fixture.writer.attempts > before) attemptsAt.push(ms + 10)
    }
    expect(attemptsAt).toEqual([20, 60, 140, 300, 620, 1260, 2260])
    expect(fixture.writer.written.map(({ partition }) => partition)).toEqual([0, 1])
  })

  test('of a partition that is gone are given up, but not on the word of the writer alone', async () => {
    const fixture = await Fixture.loaded()
    await fixture.init()
    await fixture.add(P, 0, 'a', [0])
    await fixture.add(P, 0, 'gone', [0])
    fixture.missing.add('gone')
    const unknown = errorCodes.UNKNOWN_TOPIC_OR_PARTITION
    fixture.writer.answers = [unknown, unknown]
    await fixture.end(P, 0, true)
    await fixture.settle()
    expect(await fixture.state()).toBe('PrepareCommit')
    await fixture.clock.advance(20)
    expect(await fixture.state()).toBe('CompleteCommit')
    expect(fixture.writer.written.map(({ topic }) => topic)).toEqual(['a'])
  })

  test('that meet a later epoch are not forced; a new coordinator takes the decision up', async () => {
    const fixture = await Fixture.loaded()
    await fixture.init()
    await fixture.add(P, 0)
    fixture.writer.answers = [errorCodes.TRANSACTION_COORDINATOR_FENCED]
    await fixture.end(P, 0, true)
    await fixture.clock.advance(60_000)
    expect(fixture.writer.attempts).toBe(1)
    expect(fixture.warnings).toEqual([expect.stringContaining('a-0 has met a later epoch')])
    await fixture.restart()
    await fixture.settle()
    expect(fixture.writer.written).toMatchObject([{ topic: 'a', coordinatorEpoch: 1 }])
    expect(await fixture.state()).toBe('CompleteCommit')
  })

  test('of an earlier decision do not count for a later one of the same epoch', () => {
    const machine = new TransactionMachine(defaultTransactionConfig, () => undefined)
    const partitions = new Map([['a', new Set([0])]])
    const open: Transaction = { ...newTransaction('tx', P, 1_000, 0), state: 'Ongoing', partitions }
    const apply = (state: Transaction['state']) =>
      machine.apply({ type: 'transaction', transaction: { ...open, state } })
    for (const state of ['Ongoing', 'PrepareCommit', 'CompleteCommit', 'Ongoing', 'PrepareAbort'] as const) {
      apply(state)
    }
    const marked = (decision: number) =>
      machine.decide({ type: 'marked', transactionalId: 'tx', decision, partitions }, 1, 0)
    expect(marked(1)).toMatchObject({
      facts: [],
      notes: [],
      replies: [{ body: { errorCode: errorCodes.INVALID_TXN_STATE } }],
    })
    expect(marked(2).facts).toMatchObject([{ transaction: { state: 'CompleteAbort' } }])
  })
})

describe('who owns an id', () => {
  test('a new instance aborts what the old one left open, and shuts it out at once', async () => {
    const fixture = await Fixture.loaded()
    await fixture.init()
    await fixture.add(P, 0)
    fixture.writer.hold = true
    expect(errorName((await fixture.init()).errorCode)).toBe('CONCURRENT_TRANSACTIONS')
    expect(await fixture.end(P, 0, true)).toBe('PRODUCER_FENCED')
    expect(errorName((await fixture.init()).errorCode)).toBe('CONCURRENT_TRANSACTIONS')
    fixture.writer.release()
    await fixture.settle()
    expect(fixture.writer.written).toMatchObject([{ producerEpoch: 1, committed: false }])
    expect(await fixture.init()).toMatchObject({ errorCode: 0, producerId: P, producerEpoch: 2 })
  })

  test('a producer may raise its own epoch, and asking twice gives the same answer (KIP-360)', async () => {
    const fixture = await Fixture.loaded()
    await fixture.init()
    const stated = { producerId: P, producerEpoch: 0 }
    expect(await fixture.init(stated)).toMatchObject({ errorCode: 0, producerEpoch: 1 })
    expect(await fixture.init(stated)).toMatchObject({ errorCode: 0, producerEpoch: 1 })
    // A new instance came: now the old producer's retry must not get its epoch.
    expect(await fixture.init()).toMatchObject({ errorCode: 0, producerEpoch: 2 })
    expect(errorName((await fixture.init(stated)).errorCode)).toBe('PRODUCER_FENCED')
    expect(errorName((await fixture.init({ ...stated, producerEpoch: 1 })).errorCode)).toBe('PRODUCER_FENCED')
  })

  test('after a restart nobody remembers the epoch before, as in Kafka', async () => {
    const fixture = await Fixture.loaded()
    await fixture.init()
    await fixture.init({ producerId: P, producerEpoch: 0 })
    await fixture.restart()
    expect(errorName((await fixture.init({ producerId: P, producerEpoch: 0 })).errorCode)).toBe(
      'PRODUCER_FENCED',
    )
    expect(await fixture.init({ producerId: P, producerEpoch: 1 })).toMatchObject({ producerEpoch: 2 })
  })

  test('when the epochs run out the id changes, and its retry finds the new one', async () => {
    const fixture = await Fixture.loaded(
      {},
      logOf({ ...newTransaction('tx', 7n, 60_000, 0), producerEpoch: 32_765 }),
    )
    expect(await fixture.init()).toMatchObject({ producerId: 7n, producerEpoch: 32_766 })
    const stated = { producerId: 7n, producerEpoch: 32_766 }
    expect(await fixture.init(stated)).toMatchObject({ errorCode: 0, producerId: 1000n, producerEpoch: 0 })
    expect(await fixture.init(stated)).toMatchObject({ errorCode: 0, producerId: 1000n, producerEpoch: 0 })
    expect(await fixture.init()).toMatchObject({ producerId: 1000n, producerEpoch: 1 })
    expect(errorName((await fixture.init(stated)).errorCode)).toBe('PRODUCER_FENCED')
  })

  test('the last epoch of all is for the fence: a producer at 32766 can still be shut out', async () => {
    const fixture = await Fixture.loaded(
      {},
      logOf({ ...newTransaction('tx', 7n, 60_000, 0), producerEpoch: 32_766 }),
    )
    await fixture.add(7n, 32_766)
    expect(errorName((await fixture.init()).errorCode)).toBe('CONCURRENT_TRANSACTIONS')
    await fixture.settle()
    expect(fixture.writer.written).toMatchObject([
      { producerId: 7n, producerEpoch: 32_767, committed: false },
    ])
    expect(await fixture.init()).toMatchObject({ errorCode: 0, producerId: 1000n, producerEpoch: 0 })
  })
})

describe('time', () => {
  test('a transaction that takes longer than its timeout is aborted and its producer shut out', async () => {
    const fixture = await Fixture.loaded()
    await fixture.init({ timeoutMs: 5_000 })
    await fixture.add(P, 0, 'a')
    await fixture.clock.advance(4_000)
    // More partitions do not lengthen it.
    expect(await fixture.add(P, 0, 'b')).toBe('NONE')
    await fixture.clock.advance(999)
    expect(await fixture.state()).toBe('Ongoing')
    await fixture.clock.advance(1)
    expect(await fixture.state()).toBe('CompleteAbort')
    expect(await fixture.end(P, 0, true)).toBe('PRODUCER_FENCED')
    expect(fixture.writer.written).toMatchObject([
      { topic: 'a', producerEpoch: 1, committed: false },
      { topic: 'b', producerEpoch: 1, committed: false },
    ])
  })

  test('a transaction that ended in time is left alone, and the next one has its whole time', async () => {
    const fixture = await Fixture.loaded()
    await fixture.init({ timeoutMs: 5_000 })
    await fixture.add(P, 0)
    await fixture.clock.advance(4_000)
    await fixture.end(P, 0, true)
    await fixture.settle()
    await fixture.add(P, 0)
    await fixture.clock.advance(4_999)
    expect(await fixture.state()).toBe('Ongoing')
    await fixture.clock.advance(1)
    expect(await fixture.state()).toBe('CompleteAbort')
  })

  test('a restart neither lengthens nor shortens the time of an open transaction', async () => {
    const fixture = await Fixture.loaded()
    await fixture.init({ timeoutMs: 5_000 })
    await fixture.add(P, 0)
    await fixture.clock.advance(3_000)
    await fixture.restart()
    await fixture.clock.advance(1_999)
    expect(await fixture.state()).toBe('Ongoing')
    await fixture.clock.advance(1)
    expect(await fixture.state()).toBe('CompleteAbort')
  })

  test('a log that refuses the abort is asked again', async () => {
    const fixture = await Fixture.loaded()
    await fixture.init({ timeoutMs: 5_000 })
    await fixture.add(P, 0)
    fixture.log.refuseAppends = 1
    await fixture.clock.advance(5_000)
    expect(await fixture.state()).toBe('Ongoing')
    await fixture.clock.advance(500)
    expect(await fixture.state()).toBe('CompleteAbort')
  })

  test('an id that nobody used for transactional.id.expiration.ms is forgotten, an open one never', async () => {
    const idle = newTransaction('idle', 1n, 60_000, 0)
    const open: Transaction = {
      ...newTransaction('tx', P, 24 * HOUR_MS, 0),
      state: 'Ongoing',
      startTimestampMs: new Fixture().clock.now(),
    }
    const fixture = await Fixture.loaded({ transactionalIdExpirationMs: HOUR_MS }, logOf(idle, open))
    await fixture.init({ id: 'fresh' })
    await fixture.clock.advance(HOUR_MS)
    expect(await fixture.state('idle')).toBe('TRANSACTIONAL_ID_NOT_FOUND')
    expect(await fixture.state('fresh')).toBe('TRANSACTIONAL_ID_NOT_FOUND')
    expect(await fixture.state('tx')).toBe('Ongoing')
    await fixture.restart()
    expect(await fixture.state('idle')).toBe('TRANSACTIONAL_ID_NOT_FOUND')
    expect(await fixture.init({ id: 'idle', producerId: 1n, producerEpoch: 0 })).toMatchObject({
      errorCode: 0,
      producerId: 1001n,
      producerEpoch: 0,
    })
  })

  test('no id is forgotten by a clock that nobody can vouch for', async () => {
    const fixture = await Fixture.loaded(
      { transactionalIdExpirationMs: HOUR_MS },
      logOf(newTransaction('idle', 1n, 60_000, 0)),
    )
    fixture.isClockBelieved = false
    await fixture.clock.advance(24 * HOUR_MS)
    expect(await fixture.state('idle')).toBe('Empty')
    fixture.isClockBelieved = true
    await fixture.clock.advance(HOUR_MS)
    expect(await fixture.state('idle')).toBe('TRANSACTIONAL_ID_NOT_FOUND')
  })

  test('many ids expire in bounded batches', async () => {
    const ids = Array.from({ length: 2_500 }, (_, i) => newTransaction(`id-${i}`, BigInt(i), 60_000, 0))
    const fixture = await Fixture.loaded({}, logOf(...ids))
    const before = fixture.log.batches.length
    await fixture.clock.advance(HOUR_MS)
    expect(
      fixture.log.batches.slice(before).map((batch) => ('records' in batch ? batch.records.length : 0)),
    ).toEqual([1000, 1000, 500])
  })
})

describe('a restart', () => {
  const prepared = (state: 'PrepareCommit' | 'PrepareAbort' | 'PrepareEpochFence'): Transaction => ({
    ...newTransaction('tx', P, 60_000, 0),
    producerEpoch: 4,
    state,
    partitions: new Map([['a', new Set([0, 1])]]),
    startTimestampMs: 0,
  })

  test.each([
    ['PrepareCommit', 'CompleteCommit', true],
    ['PrepareAbort', 'CompleteAbort', false],
    ['PrepareEpochFence', 'CompleteAbort', false],
  ] as const)('in %s goes on to %s', async (state, complete, committed) => {
    const fixture = await Fixture.loaded({}, logOf(prepared(state)))
    await fixture.clock.advance(1)
    expect(await fixture.state()).toBe(complete)
    expect(fixture.writer.written).toMatchObject([
      { topic: 'a', partition: 0, producerEpoch: 4, committed },
      { topic: 'a', partition: 1, producerEpoch: 4, committed },
    ])
  })

  test('takes a decision up only when the log cannot lose it', async () => {
    const log = new MemoryShardLog({ autoSync: false })
    log.append([
      transactionLogCodec(() => 0).encode({ type: 'transaction', transaction: prepared('PrepareCommit') }),
    ])
    const fixture = await Fixture.loaded({}, log)
    await fixture.clock.advance(20_000)
    expect(fixture.writer.attempts).toBe(0)
    log.autoSync = true
    log.sync()
    await fixture.settle()
    expect(await fixture.state()).toBe('CompleteCommit')
  })

  test('after a lost tail answers as if the lost requests had never come', async () => {
    const fixture = await Fixture.loaded()
    await fixture.init()
    await fixture.add(P, 0)
    fixture.log.autoSync = false
    const unanswered = fixture.end(P, 0, true)
    fixture.coordinator.close()
    expect(await unanswered).toBe('NOT_COORDINATOR')
    fixture.log.crash()
    fixture.log.autoSync = true
    await fixture.restart()
    expect(await fixture.state()).toBe('Ongoing')
    expect(fixture.writer.attempts).toBe(0)
    expect(await fixture.end(P, 0, false)).toBe('NONE')
  })

  test('reads over a marker that a transaction left in the log itself', async () => {
    const fixture = await Fixture.loaded()
    await fixture.init()
    fixture.log.appendMarker({ producerId: P, producerEpoch: 0 }, true)
    expect(await fixture.state()).toBe('Empty')
    await fixture.restart()
    expect(await fixture.state()).toBe('Empty')
  })

  test('refuses a log that it cannot read, and says so', async () => {
    const log = new MemoryShardLog()
    log.append([{ key: Buffer.from('00090000', 'hex'), value: null }])
    const fixture = new Fixture({}, log)
    await expect(fixture.coordinator.load(0, log)).rejects.toThrow('TransactionLogKey')
    expect(errorName((await fixture.init()).errorCode)).toBe('COORDINATOR_NOT_AVAILABLE')
  })

  test('leaves no timer behind', async () => {
    const fixture = await Fixture.loaded()
    await fixture.init()
    await fixture.add(P, 0)
    fixture.writer.answers = [errorCodes.REQUEST_TIMED_OUT]
    await fixture.end(P, 0, true)
    await fixture.settle()
    expect(fixture.clock.timersSet).toBeGreaterThan(0)
    fixture.coordinator.close()
    await fixture.settle()
    expect(fixture.clock.timersSet).toBe(0)
  })
})

describe('ListTransactions', () => {
  const list = async (
    filter: { states?: string[]; producerIds?: bigint[]; durationMs?: bigint; pattern?: string } = {},
  ) => {
    const begun = new Fixture().clock.now()
    const at = (id: string, producerId: bigint, state: Transaction['state'], startTimestampMs: number) => ({
      ...newTransaction(id, producerId, 60_000, 0),
      state,
      startTimestampMs,
    })
    const fixture = await Fixture.loaded(
      {},
      logOf(
        at('new', 1n, 'Ongoing', begun),
        at('old', 2n, 'Ongoing', begun - 9_000),
        at('done', 3n, 'CompleteCommit', 0),
      ),
    )
    const response = await fixture.coordinator.listTransactions({
      stateFilters: filter.states ?? [],
      producerIdFilters: filter.producerIds ?? [],
      durationFilter: filter.durationMs ?? -1n,
      transactionalIdPattern: filter.pattern ?? null,
    })
    const { errorCode, unknownStateFilters, transactionStates } = response
    return {
      errorCode,
      unknownStateFilters,
      ids: transactionStates.map(({ transactionalId }) => transactionalId),
    }
  }

  test.each([
    ['no filter', {}, ['new', 'old', 'done']],
    ['a state', { states: ['Ongoing'] }, ['new', 'old']],
    ['a producer id', { producerIds: [3n] }, ['done']],
    ['a duration', { states: ['Ongoing'], durationMs: 5_000n }, ['old']],
    ['a duration of 0', { durationMs: 0n }, ['old', 'done']],
  ])('with %s', async (_, filter, ids) => {
    expect(await list(filter)).toEqual({ errorCode: 0, unknownStateFilters: [], ids })
  })

  test('says which states nobody has; with no other it finds nothing', async () => {
    expect(await list({ states: ['Ongoing', 'Sleeping'] })).toMatchObject({
      unknownStateFilters: ['Sleeping'],
      ids: ['new', 'old'],
    })
    expect(await list({ states: ['Sleeping'] })).toMatchObject({ unknownStateFilters: ['Sleeping'], ids: [] })
  })

  test('by a pattern finds ids that match as a whole, in linear time, and refuses what is no pattern', async () => {
    expect((await list({ pattern: 'n.w' })).ids).toEqual(['new'])
    expect((await list({ pattern: 'ne' })).ids).toEqual([])
    expect((await list({ pattern: '(a+)+$' })).ids).toEqual([])
    const { errorCode } = await list({ pattern: '(' })
    expect(errorCode).toBe(errorCodes.INVALID_REGULAR_EXPRESSION)
  })
})
