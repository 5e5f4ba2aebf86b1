// transaction.version 2 (KIP-890, second part): every decision raises the epoch, partitions join by being
// written to, and a producer id whose epochs are used up gives way to a new one.

import { describe, expect, test } from 'vitest'
import type { TransactionConfig } from '../../../broker/coordinator/transaction/config.ts'
import { newTransaction, type Transaction } from '../../../broker/coordinator/transaction/transaction.ts'
import { transactionLogCodec } from '../../../broker/coordinator/transaction/transaction-log.ts'
import { MemoryShardLog } from '../../world/memory-shard-log.ts'
import { Fixture } from './fixture.ts'

const P = 1000n
/** The last epoch that a client is handed. */
const LAST_EPOCH = 32766

const levelTwo = { transactionVersion: () => 2 }

async function opened(config: Partial<TransactionConfig> = levelTwo): Promise<Fixture> {
  const fixture = await Fixture.loaded(config)
  await fixture.init()
  expect(await fixture.addImplicitly(P, 0)).toBe('NONE')
  return fixture
}

/** The id is found with the last epoch of P in use. */
async function wornOut(state: Transaction['state'], config: Partial<TransactionConfig> = levelTwo) {
  const log = new MemoryShardLog()
  const partitions = new Map(state === 'Ongoing' ? [['a', new Set([0])]] : [])
  const transaction = { ...newTransaction('tx', P, 60_000, 0), producerEpoch: LAST_EPOCH, state, partitions }
  const startTimestampMs = 1_700_000_000_000
  const fact = { type: 'transaction', transaction: { ...transaction, startTimestampMs } } as const
  log.append([transactionLogCodec(() => 1).encode(fact)])
  const fixture = await Fixture.loaded(config, log)
  // What the fixture hands out next is not P.
  await fixture.producerIds.next()
  return fixture
}

describe('a decision', () => {
  test('raises the epoch, for its markers and for what the producer goes on with', async () => {
    const fixture = await opened()
    expect(await fixture.endByEpoch(P, 0, true)).toEqual({ error: 'NONE', next: [P, 1] })
    await fixture.settle()
    expect(fixture.writer.written).toMatchObject([
      { topic: 'a', partition: 0, producerId: P, producerEpoch: 1, committed: true, transactionVersion: 2 },
    ])
    expect(await fixture.addImplicitly(P, 0)).toBe('INVALID_PRODUCER_EPOCH')
    expect(await fixture.addImplicitly(P, 1)).toBe('NONE')
  })

  test('asked for again is told from the next one by its epoch', async () => {
    const fixture = await opened()
    await fixture.endByEpoch(P, 0, true)
    await fixture.settle()
    expect(await fixture.endByEpoch(P, 0, true)).toEqual({ error: 'NONE', next: [P, 1] })
    expect((await fixture.endByEpoch(P, 0, false)).error).toBe('INVALID_TXN_STATE')
    expect((await fixture.endByEpoch(P, 1, true)).error).toBe('INVALID_TXN_STATE')
    expect((await fixture.endByEpoch(P, 7, true)).error).toBe('PRODUCER_FENCED')
    expect((await fixture.endByEpoch(P + 5n, 0, true)).error).toBe('INVALID_PRODUCER_ID_MAPPING')
    await fixture.addImplicitly(P, 1)
    expect((await fixture.endByEpoch(P, 0, true)).error).toBe('PRODUCER_FENCED')
  })

  test('is asked for again while its markers are on their way', async () => {
    const fixture = await opened()
    fixture.writer.hold = true
    await fixture.endByEpoch(P, 0, true)
    expect((await fixture.endByEpoch(P, 0, true)).error).toBe('CONCURRENT_TRANSACTIONS')
    expect((await fixture.endByEpoch(P, 1, false)).error).toBe('CONCURRENT_TRANSACTIONS')
    fixture.writer.release()
    await fixture.settle()
    expect(await fixture.state()).toBe('CompleteCommit')
  })

  test('to abort may end a transaction that has nothing in it, and is the only one that may', async () => {
    const fixture = await Fixture.loaded(levelTwo)
    await fixture.init()
    expect((await fixture.endByEpoch(P, 0, true)).error).toBe('INVALID_TXN_STATE')
    expect(await fixture.endByEpoch(P, 0, false)).toEqual({ error: 'NONE', next: [P, 1] })
    await fixture.settle()
    expect(await fixture.state()).toBe('CompleteAbort')
    expect(fixture.writer.attempts).toBe(0)
    expect(await fixture.endByEpoch(P, 1, false)).toEqual({ error: 'NONE', next: [P, 2] })
  })

  test('of a client of version 1 leaves the epoch alone, beside the others', async () => {
    const fixture = await Fixture.loaded(levelTwo)
    await fixture.init()
    await fixture.add(P, 0)
    expect(await fixture.end(P, 0, true)).toBe('NONE')
    await fixture.settle()
    expect(fixture.writer.written).toMatchObject([{ producerEpoch: 0, transactionVersion: 0 }])
    expect(await fixture.add(P, 0)).toBe('NONE')
  })

  test('survives a restart with its raised epoch', async () => {
    const fixture = await opened()
    fixture.writer.hold = true
    await fixture.endByEpoch(P, 0, false)
    await fixture.restart()
    fixture.writer.release()
    await fixture.settle()
    expect(fixture.writer.written).toMatchObject([
      { producerEpoch: 1, committed: false },
      { producerEpoch: 1 },
    ])
    expect(await fixture.endByEpoch(P, 0, false)).toEqual({ error: 'NONE', next: [P, 1] })
  })
})

test('a fenced producer is not handed the epoch of a successor that speaks version 1', async () => {
  const fixture = await Fixture.loaded(levelTwo)
  await fixture.init()
  await fixture.init()
  await fixture.add(P, 1)
  await fixture.end(P, 1, false)
  await fixture.settle()
  expect((await fixture.endByEpoch(P, 0, false)).error).toBe('PRODUCER_FENCED')
})

describe('a partition', () => {
  test('that is written to at once after EndTxn waits for the markers of the transaction before', async () => {
    const fixture = await opened()
    fixture.writer.hold = true
    await fixture.endByEpoch(P, 0, true)
    const adding = fixture.addImplicitly(P, 1)
    await fixture.clock.advance(50)
    fixture.writer.release()
    await fixture.settle()
    expect(await adding).toBe('NONE')
    expect(fixture.clock.now()).toBe(1_700_000_000_050)
  })

  test('waits no longer than add.partitions.to.txn.retry.backoff.max.ms', async () => {
    const fixture = await opened()
    fixture.writer.hold = true
    await fixture.endByEpoch(P, 0, true)
    const adding = fixture.addImplicitly(P, 1)
    await fixture.clock.advance(101)
    expect(await adding).toBe('CONCURRENT_TRANSACTIONS')
    fixture.writer.release()
  })

  test('of a coordinator that goes is refused in words that producers retry', async () => {
    const fixture = await opened()
    fixture.writer.hold = true
    await fixture.endByEpoch(P, 0, true)
    const adding = fixture.addImplicitly(P, 1)
    await fixture.settle()
    fixture.coordinator.close()
    expect(await adding).toBe('NOT_ENOUGH_REPLICAS')
  })
})

describe('the last epoch of a producer id', () => {
  test('is followed by a new id at epoch 0, which waits for the markers of the old one', async () => {
    const fixture = await wornOut('Ongoing')
    fixture.writer.hold = true
    const { error, next } = await fixture.endByEpoch(P, LAST_EPOCH, true)
    const [nextId] = next
    expect(error).toBe('NONE')
    expect(next).toEqual([nextId, 0])
    expect(nextId).not.toBe(P)
    // Quicker than the markers: it is not mistaken for a stranger.
    const adding = fixture.addImplicitly(nextId, 0)
    expect((await fixture.endByEpoch(P, LAST_EPOCH, true)).error).toBe('CONCURRENT_TRANSACTIONS')
    fixture.writer.release()
    await fixture.settle()
    expect(await adding).toBe('NONE')
    expect(fixture.writer.written).toMatchObject([{ producerId: P, producerEpoch: LAST_EPOCH + 1 }])
  })

  test('a retry of that EndTxn gets the same answer, even after a restart', async () => {
    const fixture = await wornOut('Ongoing')
    const first = await fixture.endByEpoch(P, LAST_EPOCH, true)
    await fixture.settle()
    expect(await fixture.endByEpoch(P, LAST_EPOCH, true)).toEqual(first)
    await fixture.restart()
    expect(await fixture.endByEpoch(P, LAST_EPOCH, true)).toEqual(first)
    expect((await fixture.endByEpoch(P, LAST_EPOCH, false)).error).toBe('INVALID_TXN_STATE')
    const [nextId] = first.next
    await fixture.addImplicitly(nextId, 0)
    expect((await fixture.endByEpoch(P, LAST_EPOCH, true)).error).toBe('INVALID_PRODUCER_ID_MAPPING')
  })

  test('a restart between decision and markers keeps the new id', async () => {
    const fixture = await wornOut('Ongoing')
    fixture.writer.hold = true
    const { next } = await fixture.endByEpoch(P, LAST_EPOCH, false)
    await fixture.restart()
    fixture.writer.release()
    await fixture.settle()
    expect(await fixture.addImplicitly(next[0], 0)).toBe('NONE')
  })

  test('InitProducerId of the old id at its last epoch is the retry of a producer that heard nothing', async () => {
    const fixture = await wornOut('Ongoing')
    const { next } = await fixture.endByEpoch(P, LAST_EPOCH, true)
    await fixture.settle()
    expect(await fixture.init({ producerId: P, producerEpoch: LAST_EPOCH })).toMatchObject({
      errorCode: 0,
      producerId: next[0],
      producerEpoch: 0,
    })
  })

  test('a transaction that runs out of time goes over to a new id, once there is one', async () => {
    const fixture = await wornOut('Ongoing')
    fixture.hasSpareId = false
    await fixture.clock.advance(60_000)
    expect(await fixture.state()).toBe('Ongoing')
    fixture.hasSpareId = true
    await fixture.clock.advance(500)
    expect(await fixture.state()).toBe('CompleteAbort')
    expect(fixture.writer.written).toMatchObject([{ producerId: P, producerEpoch: LAST_EPOCH + 1 }])
    expect(await fixture.addImplicitly(P, LAST_EPOCH)).toBe('INVALID_PRODUCER_ID_MAPPING')
  })

  test('a fence goes over to a new id, too', async () => {
    const fixture = await wornOut('Ongoing')
    expect((await fixture.init()).errorCode).toBe(51)
    await fixture.settle()
    const answer = await fixture.init()
    expect(answer).toMatchObject({ errorCode: 0, producerEpoch: 1 })
    expect(answer.producerId).not.toBe(P)
  })
})

describe('a fence', () => {
  test('raises the epoch once; the next InitProducerId once more', async () => {
    const fixture = await opened()
    expect((await fixture.init()).errorCode).toBe(51)
    await fixture.settle()
    expect(fixture.writer.written).toMatchObject([
      { producerEpoch: 1, committed: false, transactionVersion: 2 },
    ])
    expect(await fixture.init()).toMatchObject({ errorCode: 0, producerId: P, producerEpoch: 2 })
  })

  test('by time: the producer may still ask for the abort that has happened, not for a commit', async () => {
    const fixture = await opened()
    await fixture.clock.advance(60_000)
    await fixture.settle()
    expect(await fixture.addImplicitly(P, 0, 1)).toBe('INVALID_PRODUCER_EPOCH')
    expect((await fixture.endByEpoch(P, 0, true)).error).toBe('INVALID_TXN_STATE')
    expect(await fixture.endByEpoch(P, 0, false)).toEqual({ error: 'NONE', next: [P, 1] })
    expect(await fixture.addImplicitly(P, 1)).toBe('NONE')
  })

  test('is in the words of the level that is finalized at the time', async () => {
    let level = 0
    const fixture = await opened({ transactionVersion: () => level })
    await fixture.init()
    await fixture.settle()
    expect(fixture.writer.written).toMatchObject([{ producerEpoch: 1, transactionVersion: 0 }])
    level = 2
    const { producerEpoch } = await fixture.init()
    await fixture.addImplicitly(P, producerEpoch)
    await fixture.init()
    await fixture.settle()
    expect(fixture.writer.written.at(-1)).toMatchObject({
      producerEpoch: producerEpoch + 1,
      transactionVersion: 2,
    })
  })
})

test('a producer that did not hear of its decision goes on with InitProducerId, without another epoch', async () => {
  const fixture = await opened()
  await fixture.endByEpoch(P, 0, true)
  await fixture.settle()
  expect(await fixture.init({ producerId: P, producerEpoch: 0 })).toMatchObject({
    errorCode: 0,
    producerEpoch: 1,
  })
  // Whoever comes without an epoch takes the id over: what was remembered counts no more.
  expect(await fixture.init()).toMatchObject({ producerEpoch: 2 })
  expect(await fixture.init({ producerId: P, producerEpoch: 0 })).toMatchObject({ errorCode: 90 })
})
