// One partition from its reader's and its writer's side: what an append answers, when it counts, who may
// see it, and what is left of it after a restart.

import { expect, test } from 'vitest'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { readBatchHeader } from '../../broker/protocol/record-batch/header.ts'
import { splitBatches } from '../../broker/protocol/record-batch/validate.ts'
import { FaultyStorage } from '../../broker/storage/faulty-storage.ts'
import type { Durability } from '../../broker/partition/partition-api.ts'
import { Random } from '../world/random.ts'
import { batchOf, endTransaction, readAll, send, sendAs, valuesIn, World } from './fixture.ts'

test('what was appended is read back from where the reader stands', async () => {
  const partition = await new World().open()
  expect(send(partition, 'a', 'b', 'c')).toMatchObject({
    errorCode: 0,
    baseOffset: 0n,
    lastOffset: 2n,
    logAppendTimeMs: -1n,
  })
  expect(send(partition, 'd')).toMatchObject({ baseOffset: 3n, lastOffset: 3n })
  expect(await partition.whenCommitted(3n)).toBe(0)
  expect(valuesIn(readAll(partition).records)).toEqual(['a', 'b', 'c', 'd'])
  expect(valuesIn(readAll(partition, 'read_uncommitted', 3n).records)).toEqual(['d'])
  expect(readAll(partition, 'read_uncommitted', 4n)).toMatchObject({
    errorCode: 0,
    records: Buffer.alloc(0),
    highWatermark: 4n,
  })
})

test('under fsync nothing is seen or acknowledged before the sync', async () => {
  const partition = await new World().open()
  const { lastOffset } = send(partition, 'a')
  const events: string[] = []
  partition.onHighWatermark(lastOffset, (errorCode) => events.push(`acknowledged ${errorCode}`))
  expect(partition.endOffset).toBe(1n)
  expect(partition.highWatermark).toBe(0n)
  expect(readAll(partition).records).toHaveLength(0)
  expect(readAll(partition, 'read_uncommitted', 1n).errorCode).toBe(0)
  await partition.whenCommitted(lastOffset)
  expect(events).toEqual(['acknowledged 0'])
  expect(partition.durableEndOffset).toBe(1n)
  expect(valuesIn(readAll(partition).records)).toEqual(['a'])
})

test('with durability os an append counts at once, a forced one when it is durable', async () => {
  const partition = await new World().open({ durability: 'os' })
  send(partition, 'a')
  expect(partition.highWatermark).toBe(1n)
  expect(partition.durableEndOffset).toBe(0n)
  partition.append(batchOf(['forced']), { nowMs: 0, fromClient: false, forceDurable: true })
  send(partition, 'behind it')
  expect(partition.highWatermark).toBe(1n)
  expect(await partition.whenCommitted(2n)).toBe(0)
  expect(partition.durableEndOffset).toBe(3n)
})

test('a topic that turns to memory waits for no disk; one that turns from it has on disk what was synced', async () => {
  const storage = new FaultyStorage(new Random(1))
  const world = new World({ storage, defer: (act) => act() })
  const partition = await world.open({ durability: 'os' })
  const turnTo = (durability: Durability) => partition.setConfig({ ...partition.config, durability })
  storage.holdSyncs = true
  partition.append(batchOf(['forced']), { nowMs: 0, fromClient: false, forceDurable: true })
  send(partition, 'behind it')
  expect(partition.highWatermark).toBe(0n)
  turnTo('memory')
  send(partition, 'in memory')
  expect([partition.highWatermark, partition.durableEndOffset]).toEqual([3n, 3n])
  turnTo('fsync')
  const later = partition.whenDurable(2n)
  expect([partition.highWatermark, partition.durableEndOffset]).toEqual([3n, 0n])
  storage.holdSyncs = false
  storage.finishSyncs()
  expect(await later).toBe(0)
  expect(partition.durableEndOffset).toBe(3n)
})

test('with durability interval the sync comes by the clock or by the count', async () => {
  const world = new World()
  const partition = await world.open({ durability: 'interval', flushMs: 100, flushMessages: 3 })
  send(partition, 'a')
  expect(partition.highWatermark).toBe(1n)
  await world.clock.advance(99)
  expect(partition.durableEndOffset).toBe(0n)
  const byClock = new Promise<number>((resolve) => partition.onAdvance(() => resolve(1)))
  await world.clock.advance(1)
  await byClock
  send(partition, 'b', 'c', 'd')
  expect(await partition.whenDurable(3n)).toBe(0)
})

test('in memory everything counts at once', async () => {
  const partition = await new World({ isVolatile: true }).open()
  send(partition, 'a')
  expect([partition.highWatermark, partition.lastStableOffset, partition.durableEndOffset]).toEqual([
    1n,
    1n,
    1n,
  ])
})

test('callbacks come after the append has returned, once, in offset order', async () => {
  const partition = await new World({ isVolatile: true }).open()
  const order: string[] = []
  partition.onAdvance(() => order.push('advance'))
  partition.onHighWatermark(1n, () => order.push('1'))
  partition.onHighWatermark(0n, () => order.push('0'))
  partition.onHighWatermark(0n, () => order.push('cancelled'))()
  send(partition, 'a')
  send(partition, 'b')
  order.push('appended')
  await Promise.resolve()
  expect(order).toEqual(['appended', '0', '1', 'advance'])
})

test("a reader outside the log is out of range, epochs other than the leader's are told so", async () => {
  const partition = await new World({ isVolatile: true }).open({}, { leaderEpoch: 5 })
  send(partition, 'a')
  const at = (fromOffset: bigint, currentLeaderEpoch = -1) =>
    partition.read({
      fromOffset,
      maxBytes: 100,
      isolation: 'read_uncommitted',
      minOneBatch: true,
      currentLeaderEpoch,
    }).errorCode
  expect(at(2n)).toBe(errorCodes.OFFSET_OUT_OF_RANGE)
  expect(at(-1n)).toBe(errorCodes.OFFSET_OUT_OF_RANGE)
  expect(at(0n, 5)).toBe(0)
  expect(at(0n, 4)).toBe(errorCodes.FENCED_LEADER_EPOCH)
  expect(at(0n, 6)).toBe(errorCodes.UNKNOWN_LEADER_EPOCH)
})

test('a refused batch changes nothing', async () => {
  const partition = await new World({ isVolatile: true }).open({
    maxMessageBytes: 200,
    cleanupPolicy: 'compact',
  })
  const refuse = (batch: Buffer) => partition.append(batch, { nowMs: 1_700_000_000_000, fromClient: true })
  const flipped = batchOf(['abc'])
  flipped[flipped.length - 2] = 0xff
  expect(refuse(flipped).errorCode).toBe(errorCodes.CORRUPT_MESSAGE)
  expect(refuse(batchOf(['x'.repeat(200)])).errorCode).toBe(errorCodes.MESSAGE_TOO_LARGE)
  expect(refuse(batchOf(['no key'])).recordErrors).toMatchObject([{ batchIndex: 0 }])
  expect(refuse(batchOf(['a'], { isControl: true })).errorCode).toBe(errorCodes.INVALID_RECORD)
  expect(partition.endOffset).toBe(0n)
})

test('LogAppendTime is stamped into the batch and told to the producer', async () => {
  const partition = await new World({ isVolatile: true }).open({ messageTimestampType: 'LogAppendTime' })
  const result = partition.append(batchOf(['a'], { timestampMs: 5 }), {
    nowMs: 1_700_000_001_234,
    fromClient: true,
  })
  expect(result.logAppendTimeMs).toBe(1_700_000_001_234n)
  expect(partition.listOffset(1_700_000_001_234n, 'read_uncommitted')).toMatchObject({
    offset: 0n,
    timestamp: 1_700_000_001_234n,
  })
  expect(partition.listOffset(1_700_000_001_235n, 'read_uncommitted')).toMatchObject({ offset: -1n })
})

test('the timestamp type may change at any time: each batch keeps the one it came under', async () => {
  const partition = await new World({ isVolatile: true }).open()
  const appendAt = (nowMs: number) =>
    partition.append(batchOf(['a'], { timestampMs: 1_699_999_999_000 }), { nowMs, fromClient: true })
  expect(appendAt(1_700_000_000_000).logAppendTimeMs).toBe(-1n)
  partition.setConfig({ ...partition.config, messageTimestampType: 'LogAppendTime' })
  expect(appendAt(1_700_000_001_000).logAppendTimeMs).toBe(1_700_000_001_000n)
  partition.setConfig({ ...partition.config, messageTimestampType: 'CreateTime' })
  expect(appendAt(1_700_000_002_000).logAppendTimeMs).toBe(-1n)
  const { records } = readAll(partition)
  const heads = splitBatches(records, 0, records.length).map((at) => readBatchHeader(records, at))
  expect(heads.map(({ timestampType, maxTimestamp }) => [timestampType, maxTimestamp])).toEqual([
    ['CreateTime', 1_699_999_999_000n],
    ['LogAppendTime', 1_700_000_001_000n],
    ['CreateTime', 1_699_999_999_000n],
  ])
})

test.each([
  ['gzip', { compressionGzipLevel: 1 }, { compressionGzipLevel: 9 }],
  ['zstd', { compressionZstdLevel: -100 }, { compressionZstdLevel: 19 }],
] as const)('%s compresses by the level of the topic', async (compressionType, fast, small) => {
  const value = Array.from({ length: 3000 }, (_, i) => `${(i * i) % 977} and ${i % 13}`).join(' ')
  const sizeWith = async (levels: object): Promise<number> => {
    const partition = await new World({ isVolatile: true }).open({ compressionType, ...levels })
    send(partition, value)
    const { records } = readAll(partition)
    expect(valuesIn(records)).toEqual([value])
    return records.length
  }
  expect(await sizeWith(small)).toBeLessThan(await sizeWith(fast))
})

test('a topic with a codec of its own recompresses what comes', async () => {
  const partition = await new World({ isVolatile: true }).open({ compressionType: 'gzip' })
  const value = 'again '.repeat(100)
  send(partition, value)
  partition.append(batchOf([value], { codec: 'snappy' }), { nowMs: 1_700_000_000_000, fromClient: true })
  const { records } = readAll(partition)
  expect(records.length).toBeLessThan(value.length)
  expect(valuesIn(records)).toEqual([value, value])
})

test('a duplicate is answered with the first offsets and waits for the first one to be durable', async () => {
  const partition = await new World().open()
  const first = sendAs(partition, { producerId: 1n, baseSequence: 0 }, 'a', 'b')
  const again = sendAs(partition, { producerId: 1n, baseSequence: 0 }, 'a', 'b')
  expect(again).toMatchObject({ errorCode: 0, baseOffset: 0n, lastOffset: 1n, isDuplicate: true })
  expect(partition.endOffset).toBe(2n)
  expect(partition.highWatermark <= again.lastOffset).toBe(true)
  expect(await partition.whenCommitted(first.lastOffset)).toBe(0)
  expect(sendAs(partition, { producerId: 1n, baseSequence: 3 }, 'd').errorCode).toBe(
    errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
  )
})

test('the last stable offset waits for the first open transaction, and read_committed with it', async () => {
  const partition = await new World({ isVolatile: true }).open()
  send(partition, 'plain')
  sendAs(partition, { producerId: 1n, baseSequence: 0, isTransactional: true }, 'one')
  sendAs(partition, { producerId: 2n, baseSequence: 0, isTransactional: true }, 'two')
  expect(partition.hasOpenTransaction(1n, 0)).toBe(true)
  expect(partition.lastStableOffset).toBe(1n)
  expect(partition.listOffset(-1n, 'read_committed').offset).toBe(1n)
  expect(partition.listOffset(-1n, 'read_uncommitted').offset).toBe(3n)
  expect(endTransaction(partition, 2n, false)).toMatchObject({ errorCode: 0, baseOffset: 3n })
  expect(partition.lastStableOffset).toBe(1n)
  expect(valuesIn(readAll(partition, 'read_committed').records)).toEqual(['plain'])
  endTransaction(partition, 1n, true)
  expect(partition.lastStableOffset).toBe(5n)
  expect(readAll(partition, 'read_committed').abortedTransactions).toEqual([
    { producerId: 2n, firstOffset: 2n },
  ])
  expect(readAll(partition, 'read_committed', 4n).abortedTransactions).toEqual([])
  expect(readAll(partition).abortedTransactions).toBeNull()
})

test('a decision counts when it is durable, not when it is appended', async () => {
  const partition = await new World().open({ durability: 'os' })
  sendAs(partition, { producerId: 1n, baseSequence: 0, isTransactional: true }, 'one')
  const { lastOffset } = endTransaction(partition, 1n, true)
  expect(partition.highWatermark).toBe(1n)
  expect(partition.lastStableOffset).toBe(0n)
  await partition.whenCommitted(lastOffset)
  expect(partition.lastStableOffset).toBe(2n)
})

test('markers are reported from inside their append', async () => {
  const partition = await new World({ isVolatile: true }).open()
  const seen: unknown[] = []
  partition.onMarker(({ producerId, commit }, offset) =>
    seen.push([producerId, commit, offset, partition.endOffset]),
  )
  endTransaction(partition, 9n, false)
  expect(seen).toEqual([[9n, false, 0n, 1n]])
})

test('deleted records are out of range, and a topic that only compacts refuses', async () => {
  const world = new World({ isVolatile: true })
  const partition = await world.open()
  for (const value of ['a', 'b', 'c']) send(partition, value)
  expect(partition.deleteRecordsBefore(4n).errorCode).toBe(errorCodes.OFFSET_OUT_OF_RANGE)
  expect(partition.deleteRecordsBefore(2n)).toEqual({ errorCode: 0, lowWatermark: 2n })
  expect(partition.deleteRecordsBefore(1n)).toEqual({ errorCode: 0, lowWatermark: 2n })
  expect(partition.listOffset(-2n, 'read_uncommitted').offset).toBe(2n)
  expect(readAll(partition, 'read_uncommitted', 1n).errorCode).toBe(errorCodes.OFFSET_OUT_OF_RANGE)
  expect(partition.deleteRecordsBefore(-1n)).toEqual({ errorCode: 0, lowWatermark: 3n })
  partition.setConfig({ ...partition.config, cleanupPolicy: 'compact' })
  expect(partition.deleteRecordsBefore(3n).errorCode).toBe(errorCodes.POLICY_VIOLATION)
})

test('epochs end where the next one begins', async () => {
  const partition = await new World({ isVolatile: true }).open({}, { leaderEpoch: 2 })
  send(partition, 'a', 'b')
  partition.setLeaderEpoch(4)
  send(partition, 'c')
  partition.setLeaderEpoch(7)
  expect(partition.offsetForLeaderEpoch(7)).toEqual({ errorCode: 0, leaderEpoch: 7, endOffset: 3n })
  expect(partition.offsetForLeaderEpoch(4)).toEqual({ errorCode: 0, leaderEpoch: 4, endOffset: 3n })
  expect(partition.offsetForLeaderEpoch(3)).toEqual({ errorCode: 0, leaderEpoch: 2, endOffset: 2n })
  expect(partition.offsetForLeaderEpoch(1)).toEqual({ errorCode: 0, leaderEpoch: 1, endOffset: 0n })
  expect(partition.offsetForLeaderEpoch(8)).toEqual({ errorCode: 0, leaderEpoch: -1, endOffset: -1n })
  expect(() => partition.setLeaderEpoch(6)).toThrow('leader epoch 6 after 7')
})

test('a clean restart finds everything: records, producers, open transactions, aborts, epochs', async () => {
  const world = new World()
  const before = await world.open({}, { leaderEpoch: 1 })
  sendAs(before, { producerId: 1n, baseSequence: 0, isTransactional: true }, 'aborted')
  endTransaction(before, 1n, false)
  sendAs(before, { producerId: 2n, baseSequence: 0, isTransactional: true }, 'open')
  expect(await world.partitions.close()).toBe(true)
  const after = await world.open({}, { leaderEpoch: 2 })
  expect([after.endOffset, after.highWatermark, after.lastStableOffset]).toEqual([3n, 3n, 2n])
  expect(readAll(after, 'read_committed').abortedTransactions).toEqual([{ producerId: 1n, firstOffset: 0n }])
  expect(sendAs(after, { producerId: 2n, baseSequence: 0, isTransactional: true }, 'open')).toMatchObject({
    isDuplicate: true,
    baseOffset: 2n,
  })
  expect(sendAs(after, { producerId: 1n, baseSequence: 5, isTransactional: true }, 'gap').errorCode).toBe(
    errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
  )
  endTransaction(after, 2n, true)
  await after.whenCommitted(3n)
  expect(after.lastStableOffset).toBe(4n)
  expect(after.offsetForLeaderEpoch(1)).toMatchObject({ leaderEpoch: 1, endOffset: 3n })
})

test('a closed partition answers that it is not the leader', async () => {
  const world = new World()
  const partition = await world.open()
  const { lastOffset } = send(partition, 'a')
  const waiting = partition.whenCommitted(lastOffset)
  const ended: number[] = []
  partition.onEnd((errorCode) => ended.push(errorCode))
  await world.partitions.close()
  expect(await waiting).toBe(0)
  expect(ended).toEqual([errorCodes.NOT_LEADER_OR_FOLLOWER])
  expect(send(partition, 'b').errorCode).toBe(errorCodes.NOT_LEADER_OR_FOLLOWER)
  expect(world.clock.timersSet).toBe(0)
})
