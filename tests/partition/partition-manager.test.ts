// A data directory with its partitions: made, opened again, cleaned up, deleted, damaged.

import { expect, test } from 'vitest'
import { Partitions } from '../../broker/partition/partition-manager.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { FaultyStorage } from '../../broker/storage/faulty-storage.ts'
import { CorruptLogError, StorageError } from '../../broker/storage/storage.ts'
import { CORROBORATION_MS } from '../../broker/time/clock-guard.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { Random, seeds } from '../world/random.ts'
import { assignment, batchOf, endTransaction, readAll, send, sendAs, valuesIn, World } from './fixture.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const OTHER_ID = 'f'.repeat(32)
const FIRST_LOG = 'orders-0/00000000000000000000.log'

/** The process is killed: what it wrote is there, nothing was closed. The next open() finds that. */
async function kill(world: World): Promise<void> {
  await world.partitions.writeCheckpoints()
}

async function appendAndWait(world: World, ...values: string[]): Promise<void> {
  const partition = world.partitions.get('orders', 0)
  if (partition === undefined) throw new Error('no partition')
  for (const value of values) await partition.whenCommitted(send(partition, value).lastOffset)
}

test('a topic that is deleted is gone at once, and its name begins anew', async () => {
  const world = new World()
  const old = await world.open()
  await appendAndWait(world, 'a', 'b', 'c')
  await world.partitions.writeCheckpoints()
  const waiting = old.whenCommitted(99n)
  const deleting = world.partitions.delete([{ topic: 'orders', partition: 0 }])
  expect(world.partitions.get('orders', 0)).toBeUndefined()
  expect(await waiting).toBe(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  expect(send(old, 'late').errorCode).toBe(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  await deleting
  expect(world.storage.list('').filter(({ isDirectory }) => isDirectory)).toEqual([])
  const [again] = await world.partitions.ensure([assignment({}, { topicId: OTHER_ID })])
  expect(again?.endOffset).toBe(0n)
  // Killed here, the old recovery point (3) must not make the new, empty log look damaged.
  const opened = await world.open({}, { topicId: OTHER_ID })
  expect([opened.offlineReason, opened.endOffset]).toEqual([undefined, 0n])
})

test('an interrupted deletion is finished at the next start', async () => {
  const world = new World()
  await world.open()
  await world.partitions.close()
  world.storage.rename('orders-0', `orders-0.${OTHER_ID}-delete`)
  await world.open()
  expect(world.storage.list('').map(({ name }) => name)).not.toContain(`orders-0.${OTHER_ID}-delete`)
})

test('a folder of another topic id is set aside, not opened and not removed', async () => {
  const world = new World()
  await world.open()
  await appendAndWait(world, 'theirs')
  await world.partitions.close()
  const partition = await world.open({}, { topicId: OTHER_ID })
  expect(partition.endOffset).toBe(0n)
  expect(world.partitions.strayDirectories()).toEqual(['orders-0.0123456789abcdef0123456789abcdef-stray'])
})

test('a folder that a deletion left behind is never taken for that of a new topic of the name', async () => {
  const world = new World()
  await world.open()
  await appendAndWait(world, 'deleted')
  await world.partitions.close()
  // The power cut came before the rename was durable, and took the file that says whose folder it is.
  world.storage.replaceFileUnsynced('orders-0/partition.metadata', Buffer.alloc(0))
  world.partitions = await Partitions.open({ storage: world.storage, clock: world.clock })
  expect(await world.partitions.setAsideStrays()).toEqual([`orders-0.${'0'.repeat(32)}-stray`])
  const [again] = await world.partitions.ensure([assignment({}, { topicId: OTHER_ID })])
  expect([again?.offlineReason, again?.endOffset]).toEqual([undefined, 0n])
  // Left as it was it would keep every later stop from being a clean one.
  expect(await world.partitions.close()).toBe(true)
})

test('a power cut while a topic is made again under an old name leaves nothing of the old one', async () => {
  for (const seed of seeds(1, 60)) {
    const random = new Random(seed)
    const storage = new FaultyStorage(random)
    const world = new World({ storage, defer: (act) => queueMicrotask(act) })
    await world.open()
    await appendAndWait(world, 'a', 'b')
    await world.partitions.close()
    // The topic was deleted and its folder is gone, the checkpoints still name it.
    storage.removeDirectory('orders-0')
    await storage.syncDirectory('')
    world.partitions = await Partitions.open({ storage, clock: world.clock })
    storage.holdSyncs = true
    const making = world.partitions.ensure([assignment({}, { topicId: OTHER_ID })]).catch(() => [])
    await settle()
    storage.finishSyncs(random.below(4))
    await settle()
    storage.crash()
    storage.holdSyncs = false
    await making
    const opened = await world.open({}, { topicId: OTHER_ID })
    expect([seed, opened.offlineReason, opened.endOffset]).toEqual([seed, undefined, 0n])
  }
})

test('nothing is made or acknowledged on a directory that has failed', async () => {
  const storage = new FaultyStorage(new Random(1))
  const world = new World({ storage })
  const partition = await world.open()
  storage.failNext('sync')
  expect(await partition.whenCommitted(send(partition, 'lost').lastOffset)).toBe(
    errorCodes.KAFKA_STORAGE_ERROR,
  )
  const [later] = await world.partitions.ensure([assignment({}, { partition: 1 })])
  // Its sync would never be asked for: whoever waited for it would wait for ever.
  expect(later?.isOffline).toBe(true)
  expect(later && send(later, 'x').errorCode).toBe(errorCodes.KAFKA_STORAGE_ERROR)
})

/** A broker's directory on a disk that fails on command. */
async function onFaultyDisk(config: Parameters<World['open']>[0] = {}) {
  const storage = new FaultyStorage(new Random(1))
  const world = new World({ storage, defer: (act) => queueMicrotask(act) })
  return { storage, world, partition: await world.open(config) }
}

test('without room an append is refused and changes nothing; reads go on, and appends when there is room', async () => {
  const { storage, world, partition } = await onFaultyDisk({ segmentBytes: 300 })
  const from = (baseSequence: number) =>
    sendAs(partition, { producerId: 1n, baseSequence, isTransactional: true }, `v${baseSequence}`.padEnd(40))
  expect(from(0).errorCode).toBe(errorCodes.NONE)
  storage.failNext('append', 'ENOSPC', { sticky: true })
  storage.failNext('open', 'ENOSPC', { sticky: true })
  // Also where a new segment would be begun first, and for what is written beside the log.
  for (let again = 0; again < 3; again++) {
    expect(from(1)).toMatchObject({ errorCode: errorCodes.KAFKA_STORAGE_ERROR, baseOffset: -1n })
    expect(endTransaction(partition, 1n, false).errorCode).toBe(errorCodes.KAFKA_STORAGE_ERROR)
  }
  await expect(world.partitions.writeCheckpoints()).rejects.toThrow(StorageError)
  world.partitions.applyRetention()
  expect(valuesIn(readAll(partition).records)).toEqual(['v0'.padEnd(40)])
  expect([partition.isOffline, partition.endOffset, partition.lastStableOffset]).toEqual([false, 1n, 0n])
  storage.clearFaults()
  for (const sequence of [1, 2, 3, 4, 5]) expect(from(sequence).errorCode).toBe(errorCodes.NONE)
  expect(await partition.whenCommitted(endTransaction(partition, 1n, false).lastOffset)).toBe(errorCodes.NONE)
  expect(partition.lastStableOffset).toBe(7n)
  expect(readAll(partition, 'read_committed').abortedTransactions).toEqual([
    { producerId: 1n, firstOffset: 0n },
  ])
  expect(await world.partitions.close()).toBe(true)
})

test('a first batch that finds no room is not overtaken by those that its producer sent behind it', async () => {
  const { storage, partition } = await onFaultyDisk()
  const from = (baseSequence: number) =>
    sendAs(partition, { producerId: 1n, baseSequence }, `v${baseSequence}`).errorCode
  storage.failNext('append', 'ENOSPC')
  expect(from(0)).toBe(errorCodes.KAFKA_STORAGE_ERROR)
  expect(from(1)).toBe(errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER)
  expect([from(0), from(1)]).toEqual([errorCodes.NONE, errorCodes.NONE])
  await partition.whenCommitted(partition.endOffset - 1n)
  expect(valuesIn(readAll(partition).records)).toEqual(['v0', 'v1'])
})

test('a marker without room for its index entry, or the entry without the marker, is neither', async () => {
  for (const nth of [1, 2]) {
    const { storage, world, partition } = await onFaultyDisk()
    sendAs(partition, { producerId: 1n, baseSequence: 0, isTransactional: true }, 'x')
    storage.failNext('append', 'ENOSPC', { nth })
    // Nor is there a descriptor any more to take the entry back with.
    if (nth === 2) storage.failNext('open', 'EMFILE', { nth: 2 })
    expect(endTransaction(partition, 1n, false).errorCode).toBe(errorCodes.KAFKA_STORAGE_ERROR)
    expect(partition.endOffset).toBe(1n)
    storage.clearFaults()
    // Someone else's abort at the very offset.
    sendAs(partition, { producerId: 2n, baseSequence: 0, isTransactional: true }, 'y')
    await partition.whenCommitted(endTransaction(partition, 2n, false).lastOffset)
    await partition.whenCommitted(endTransaction(partition, 1n, true).lastOffset)
    const aborted = [{ producerId: 2n, firstOffset: 1n }]
    expect(readAll(partition, 'read_committed').abortedTransactions).toEqual(aborted)
    await world.partitions.close()
    expect(readAll(await world.open(), 'read_committed').abortedTransactions).toEqual(aborted)
  }
})

test('an index entry that was taken back does not come back in a power cut', async () => {
  for (const seed of seeds(1, 30)) {
    const storage = new FaultyStorage(new Random(seed))
    const world = new World({ storage, defer: (act) => queueMicrotask(act) })
    const partition = await world.open({ segmentBytes: 600 })
    sendAs(partition, { producerId: 2n, baseSequence: 0, isTransactional: true }, 'w')
    await partition.whenCommitted(endTransaction(partition, 2n, false).lastOffset)
    sendAs(partition, { producerId: 1n, baseSequence: 0, isTransactional: true }, 'x')
    storage.failNext('append', 'ENOSPC', { nth: 2 })
    expect(endTransaction(partition, 1n, false).errorCode).toBe(errorCodes.KAFKA_STORAGE_ERROR)
    // Into the next segment, so that the one with the entry is not looked at again.
    for (let i = 0; i < 8; i++) await partition.whenCommitted(send(partition, 'y'.repeat(60)).lastOffset)
    await world.partitions.writeCheckpoints()
    storage.crash()
    const after = await world.open({ segmentBytes: 600 })
    expect([seed, readAll(after, 'read_committed', 1n).errorCode, after.offlineReason]).toEqual([
      seed,
      errorCodes.NONE,
      undefined,
    ])
  }
})

test('epochs that find no room hold the recovery point back until they are written', async () => {
  const { storage, world, partition } = await onFaultyDisk()
  const recoveryPoint = () => storage.readFile('recovery-point-offset-checkpoint')?.toString() ?? ''
  storage.failNext('append', 'ENOSPC', { nth: 2 })
  await partition.whenCommitted(send(partition, 'first of its epoch').lastOffset)
  await partition.parts?.files.settled().then(() => undefined)
  storage.failNext('append', 'ENOSPC')
  await world.partitions.writeCheckpoints().catch(() => {})
  expect(recoveryPoint()).not.toContain('orders 0 1')
  await world.partitions.writeCheckpoints()
  expect(recoveryPoint()).toContain('orders 0 1')
  expect(storage.readFile('orders-0/leader-epoch-checkpoint')?.toString()).toBe('0\n1\n0 0\n')
})

test('a topic that is made without room works once there is some; one can be deleted without room', async () => {
  const { storage, world } = await onFaultyDisk()
  storage.failNext('append', 'ENOSPC', { sticky: true })
  storage.failNext('open', 'EMFILE', { sticky: true })
  const [starved] = await world.partitions.ensure([assignment({}, { topic: 'late', topicId: OTHER_ID })])
  expect(starved && send(starved, 'x').errorCode).toBe(errorCodes.KAFKA_STORAGE_ERROR)
  await world.partitions.delete([{ topic: 'orders', partition: 0 }])
  expect(storage.exists('orders-0')).toBe(false)
  await world.clock.advance(5000)
  await settle()
  expect(world.partitions.get('late', 0)?.isOffline).toBe(true)
  storage.clearFaults()
  await world.clock.advance(5000)
  await settle()
  const late = world.partitions.get('late', 0)
  expect(late && (await late.whenCommitted(send(late, 'x').lastOffset))).toBe(errorCodes.NONE)
  // The name that was deleted without room for the checkpoints is free all the same.
  const [again] = await world.partitions.ensure([assignment({}, { topicId: OTHER_ID })])
  expect([again?.offlineReason, again?.endOffset]).toEqual([undefined, 0n])
})

test('a producer of old records is known after a restart, until it was idle for long', async () => {
  const world = new World({ clock: new ManualClock(1_700_000_000_000 + 3 * DAY_MS) })
  const now = () => world.clock.now()
  const batch = () => batchOf(['old'], { producerId: 1n, producerEpoch: 0, baseSequence: 0 })
  const first = await world.open()
  await first.whenCommitted(first.append(batch(), { nowMs: now(), fromClient: true }).lastOffset)
  await world.partitions.close()
  const second = await world.open()
  // A retry whose answer the restart has cost: appended again it would be there twice.
  expect(second.append(batch(), { nowMs: now(), fromClient: true })).toMatchObject({
    isDuplicate: true,
    baseOffset: 0n,
  })
  await world.partitions.close()
  world.clock.tick(DAY_MS)
  const third = await world.open()
  // The clock of a new process says so; it is believed when it has run evenly for a while.
  expect(third.parts?.producers.producerCount).toBe(1)
  await world.clock.advance(2 * CORROBORATION_MS)
  expect(third.parts?.producers.producerCount).toBe(0)
})

test('a clean stop is one for topics that promise nothing, too', async () => {
  for (const seed of seeds(1, 20)) {
    const storage = new FaultyStorage(new Random(seed))
    const world = new World({ storage, defer: (act) => queueMicrotask(act) })
    const partition = await world.open({ durability: 'memory' })
    for (let i = 0; i < 20; i++) send(partition, `v${i}`.repeat(30))
    expect(await world.partitions.close()).toBe(true)
    storage.crash()
    const after = await world.open({ durability: 'memory' })
    expect([seed, after.offlineReason, after.endOffset]).toEqual([seed, undefined, 20n])
  }
})

test('retention removes what is too old or too much, never what a pin holds or what is above the watermark', async () => {
  const world = new World()
  const partition = await world.open({ segmentBytes: 200, retentionMs: DAY_MS })
  await appendAndWait(world, ...Array.from({ length: 9 }, (_, i) => `${i}`.repeat(40)))
  const pin = partition.parts?.log.pin(3n)
  expect(world.partitions.applyRetention()).toBe(0)
  world.clock.tick(DAY_MS + 1)
  world.partitions.applyRetention()
  await settle()
  expect(partition.logStartOffset <= 3n && partition.logStartOffset > 0n).toBe(true)
  expect(valuesIn(readAll(partition, 'read_uncommitted', 3n).records)[0]).toContain('3')
  pin?.release()
  world.partitions.applyRetention()
  await settle()
  // The newest segment is old as well: it was rolled and went too.
  expect([partition.logStartOffset, partition.endOffset]).toEqual([9n, 9n])
  await appendAndWait(world, 'next')
  expect(partition.highWatermark).toBe(10n)
})

test('retention does not believe a clock that has jumped, nor one that a process finds', async () => {
  const world = new World()
  const config = { segmentBytes: 200, retentionMs: DAY_MS }
  let partition = await world.open(config)
  await appendAndWait(world, ...Array.from({ length: 9 }, (_, i) => `${i}`.repeat(40)))
  const startAfterRetention = async (): Promise<bigint> => {
    world.partitions.applyRetention()
    await settle()
    return partition.logStartOffset
  }
  world.clock.set(400 * DAY_MS)
  expect(await startAfterRetention()).toBe(0n)
  world.clock.tick(CORROBORATION_MS - 1)
  expect(await startAfterRetention()).toBe(0n)
  // It was a mistake, and somebody has set it right.
  world.clock.set(-400 * DAY_MS)
  expect(await startAfterRetention()).toBe(0n)
  expect(await world.partitions.close()).toBe(true)

  world.clock.set(400 * DAY_MS)
  partition = await world.open(config)
  expect(await startAfterRetention()).toBe(0n)
  world.clock.tick(CORROBORATION_MS - 1)
  expect(await startAfterRetention()).toBe(0n)
  world.clock.tick(1)
  expect(await startAfterRetention()).toBe(9n)
})

test('what a stopped process saw of the time counts for the next one', async () => {
  const world = new World()
  const config = { segmentBytes: 200, retentionMs: DAY_MS }
  await world.open(config)
  await appendAndWait(world, ...Array.from({ length: 9 }, (_, i) => `${i}`.repeat(40)))
  world.clock.tick(2 * DAY_MS)
  expect(await world.partitions.close()).toBe(true)
  const partition = await world.open(config)
  world.partitions.applyRetention()
  await settle()
  expect(partition.logStartOffset).toBe(9n)
})

test('retention in a directory that was there before, by a clock that has parts of milliseconds', async () => {
  class FineClock extends ManualClock {
    private readings = 0
    /** As performance.now() has it. */
    override monotonicMs(): number {
      return super.monotonicMs() + ((this.readings++ * 3) % 8) / 8
    }
  }
  const world = new World({ clock: new FineClock() })
  const config = { segmentBytes: 200, retentionMs: DAY_MS }
  await world.open(config)
  await appendAndWait(world, ...Array.from({ length: 9 }, (_, i) => `${i}`.repeat(40)))
  expect(await world.partitions.close()).toBe(true)
  world.clock.tick(1000)
  const partition = await world.open(config)
  for (let looks = 0; looks < 4; looks++) {
    expect(world.partitions.applyRetention()).toBe(0)
    world.clock.tick(CORROBORATION_MS / 2)
  }
  world.clock.tick(DAY_MS)
  world.partitions.applyRetention()
  await settle()
  expect(partition.logStartOffset).toBe(9n)
})

test('retention by size keeps the newest bytes, on the clock', async () => {
  const world = new World()
  const partition = await world.open({ segmentBytes: 200, retentionBytes: 500 })
  await appendAndWait(world, ...Array.from({ length: 20 }, (_, i) => `${i}`.padStart(40)))
  await world.clock.advance(5 * 60_000)
  await settle()
  expect(partition.logStartOffset > 0n).toBe(true)
  expect(partition.sizeInBytes).toBeGreaterThanOrEqual(500)
  expect(partition.sizeInBytes).toBeLessThan(800)
})

test('the state of producers outlives the segments that it came from', async () => {
  const world = new World()
  const partition = await world.open({ segmentBytes: 200, retentionMs: DAY_MS })
  await partition.whenCommitted(
    sendAs(partition, { producerId: 1n, baseSequence: 0 }, 'a'.repeat(50)).lastOffset,
  )
  await appendAndWait(world, 'x'.repeat(90), 'y'.repeat(90))
  world.clock.tick(DAY_MS / 2)
  partition.deleteRecordsBefore(-1n)
  await partition.parts?.files.settled()
  world.partitions.applyRetention()
  expect(partition.parts?.log.describeSegments()[0]?.baseOffset).toBeGreaterThan(0n)
  await kill(world)
  const after = await world.open({ segmentBytes: 200, retentionMs: DAY_MS })
  expect(sendAs(after, { producerId: 1n, baseSequence: 0 }, 'a'.repeat(50))).toMatchObject({
    isDuplicate: true,
    baseOffset: 0n,
  })
  expect(sendAs(after, { producerId: 1n, baseSequence: 2 }, 'gap').errorCode).toBe(
    errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
  )
})

test.each(['a clean stop', 'a crash'])(
  'the last five batches of a producer are known after %s, also behind a roll',
  async (end) => {
    const world = new World()
    const config = { segmentBytes: 250 }
    const before = await world.open(config)
    let last = { baseOffset: -1n, lastOffset: -1n }
    for (let sequence = 0; sequence < 8; sequence++) {
      last = sendAs(before, { producerId: 1n, baseSequence: sequence }, 'v'.repeat(60))
    }
    await before.whenCommitted(last.lastOffset)
    expect(before.parts?.log.describeSegments().length).toBeGreaterThan(3)
    await before.parts?.files.settled()
    if (end === 'a crash') await kill(world)
    else await world.partitions.close()
    const after = await world.open(config)
    for (let sequence = 3; sequence < 8; sequence++) {
      const again = sendAs(after, { producerId: 1n, baseSequence: sequence }, 'v'.repeat(60))
      expect(again, `sequence ${sequence}`).toMatchObject({ isDuplicate: true, baseOffset: BigInt(sequence) })
    }
    expect(sendAs(after, { producerId: 1n, baseSequence: 8 }, 'next').baseOffset).toBe(8n)
  },
)

test.each(['snapshot', 'leader-epoch-checkpoint'])(
  'a damaged %s is made again from the log',
  async (kind) => {
    const world = new World()
    const before = await world.open({}, { leaderEpoch: 3 })
    for (let sequence = 0; sequence < 3; sequence++) {
      await before.whenCommitted(
        sendAs(before, { producerId: 1n, baseSequence: sequence, isTransactional: true }, 'v').lastOffset,
      )
    }
    await world.partitions.close()
    const path = world.storage
      .list('orders-0')
      .map(({ name }) => `orders-0/${name}`)
      .find((name) => name.includes(kind)) as string
    const bytes = world.storage.readFile(path) as Buffer
    bytes[bytes.length - 3] = (bytes[bytes.length - 3] as number) ^ 0x55
    world.storage.replaceFileUnsynced(path, bytes)
    const after = await world.open({}, { leaderEpoch: 4 })
    expect(after.offlineReason).toBeUndefined()
    expect(after.lastStableOffset).toBe(0n)
    expect(after.offsetForLeaderEpoch(3)).toEqual({ errorCode: 0, leaderEpoch: 3, endOffset: 3n })
    // Known again either way: a snapshot has one batch of a producer, the log those before it.
    expect(sendAs(after, { producerId: 1n, baseSequence: 0, isTransactional: true }, 'v').isDuplicate).toBe(
      true,
    )
    expect(sendAs(after, { producerId: 1n, baseSequence: 3, isTransactional: true }, 'w').baseOffset).toBe(3n)
  },
)

test('a flipped byte below the recovery point takes its partition offline, with file and position; the others go on', async () => {
  const world = new World()
  await world.open()
  await world.partitions.ensure([assignment({}, { topic: 'other' })])
  await appendAndWait(world, 'aaaa', 'bbbb')
  await kill(world)
  const bytes = world.storage.readFile(FIRST_LOG) as Buffer
  bytes[66] = (bytes[66] as number) ^ 1
  world.storage.replaceFileUnsynced(FIRST_LOG, bytes)
  const damaged = await world.open()
  const [other] = await world.partitions.ensure([assignment({}, { topic: 'other' })])
  expect(damaged.offlineReason).toBeInstanceOf(CorruptLogError)
  expect(damaged.offlineReason?.message).toContain(`${FIRST_LOG} at byte 0`)
  expect(send(damaged, 'x')).toMatchObject({ errorCode: errorCodes.KAFKA_STORAGE_ERROR, baseOffset: -1n })
  expect(readAll(damaged)).toMatchObject({ errorCode: errorCodes.KAFKA_STORAGE_ERROR })
  expect(await damaged.whenCommitted(0n)).toBe(errorCodes.KAFKA_STORAGE_ERROR)
  expect(other && send(other, 'fine').errorCode).toBe(0)
  // Not clean: next time it must not be trusted either.
  expect(await world.partitions.close()).toBe(false)
})

test('a failed sync fails who waits and takes the directory offline for good', async () => {
  const storage = new FaultyStorage(new Random(1))
  const offline: string[] = []
  const world = new World({ storage, onOffline: (partition) => offline.push(partition.name) })
  const partition = await world.open()
  const [other] = await world.partitions.ensure([assignment({}, { topic: 'other' })])
  storage.failNext('sync', 'EIO')
  const { lastOffset } = send(partition, 'a')
  const ended: number[] = []
  partition.onEnd((errorCode) => ended.push(errorCode))
  expect(await partition.whenCommitted(lastOffset)).toBe(errorCodes.KAFKA_STORAGE_ERROR)
  expect(partition.offlineReason).toBeInstanceOf(StorageError)
  expect(ended).toEqual([errorCodes.KAFKA_STORAGE_ERROR])
  expect(other && send(other, 'b').errorCode).toBe(errorCodes.KAFKA_STORAGE_ERROR)
  expect(offline.toSorted()).toEqual(['orders-0', 'other-0'])
  expect(await world.partitions.close()).toBe(false)
})

test('an unclean stop is recovered: nothing is trusted that was not synced', async () => {
  const storage = new FaultyStorage(new Random(7))
  const world = new World({ storage })
  await world.open()
  await appendAndWait(world, 'a', 'b')
  storage.holdSyncs = true
  const partition = world.partitions.get('orders', 0)
  if (partition !== undefined) for (const value of ['c', 'd', 'e']) send(partition, value)
  storage.crash()
  storage.holdSyncs = false
  const after = await world.open()
  expect(valuesIn(readAll(after).records).slice(0, 2)).toEqual(['a', 'b'])
  expect(after.durableEndOffset).toBe(after.endOffset)
})

test.each(seeds(1, 10))(
  'records deleted before they were durable do not make the log look damaged, seed %i',
  async (seed) => {
    const storage = new FaultyStorage(new Random(seed))
    const world = new World({ storage })
    const partition = await world.open({ durability: 'os' })
    for (let i = 0; i < 20; i++) send(partition, 'x'.repeat(100))
    expect(partition.deleteRecordsBefore(-1n)).toEqual({ errorCode: 0, lowWatermark: 20n })
    await world.partitions.writeCheckpoints()
    storage.crash()
    const after = await world.open({ durability: 'os' })
    expect(after.offlineReason).toBeUndefined()
    expect(after.highWatermark).toBe(after.endOffset)
  },
)

test('in memory nothing is synced or checkpointed, and fifty partitions are made at once', async () => {
  const world = new World({ isVolatile: true })
  await world.open()
  const fifty = Array.from({ length: 50 }, (_, partition) =>
    assignment({}, { topic: '__consumer_offsets', partition }),
  )
  const made = await world.partitions.ensure(fifty)
  expect(made.map(({ index }) => index)).toEqual(fifty.map(({ partition }) => partition))
  expect(world.partitions.ofTopic('__consumer_offsets')).toHaveLength(50)
  const first = made[0]
  if (first !== undefined) {
    sendAs(first, { producerId: 1n, baseSequence: 0, isTransactional: true }, 'a')
    endTransaction(first, 1n, true)
    expect(first.lastStableOffset).toBe(2n)
  }
  expect(await world.partitions.close()).toBe(false)
  expect(world.storage.list('').filter(({ isDirectory }) => !isDirectory)).toEqual([])
})

test('closing twice is closing once, and no timer is left', async () => {
  const world = new World()
  await world.open()
  expect(await Promise.all([world.partitions.close(), world.partitions.close()])).toEqual([true, true])
  expect(world.clock.timersSet).toBe(0)
})

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
