// The cleaner at work in a directory: which partitions it takes, whom it spares, what it does when it is disturbed.

import { describe, expect, test } from 'vitest'
import { type CleanerConfig, defaultCleanerConfig } from '../../broker/partition/log-cleaner.ts'
import type { Partition } from '../../broker/partition/partition.ts'
import type { PartitionConfig } from '../../broker/partition/partition-api.ts'
import { PartitionLogView } from '../../broker/partition/log-view.ts'
import type { PartitionsOptions } from '../../broker/partition/partitions-options.ts'
import { buildBatch } from '../../broker/protocol/record-batch/builder.ts'
import { isControlBatch, recordCountOf } from '../../broker/protocol/record-batch/header.ts'
import { splitBatches } from '../../broker/protocol/record-batch/validate.ts'
import { MemoryStorage } from '../../broker/storage/memory-storage.ts'
import { assignment, valuesIn, World } from './fixture.ts'

const NOW_MS = 1_700_000_000_000
const DAY_MS = 24 * 60 * 60_000
const COMPACTED: Partial<PartitionConfig> = {
  cleanupPolicy: 'compact',
  segmentBytes: 1000,
  minCleanableDirtyRatio: 0,
}

/** Its cleaner runs when it is told to. */
function worldWith(options: Partial<PartitionsOptions> = {}, cleaner: Partial<CleanerConfig> = {}): World {
  const cleanerConfig = () => ({ ...defaultCleanerConfig, backoffMs: 1e12, ...cleaner })
  return new World({ cleanerConfig, ...options })
}

interface Sender {
  producerId: bigint
  baseSequence: number
  isTransactional?: boolean
}

/** One record; acknowledged when it resolves. */
async function put(partition: Partition, key: string, value: string | null, sender?: Sender): Promise<void> {
  const records = [
    { timestampMs: NOW_MS, key: Buffer.from(key), value: value === null ? null : Buffer.from(value) },
  ]
  const batch = buildBatch(records, sender === undefined ? {} : { producerEpoch: 0, ...sender })
  const { lastOffset, errorMessage } = partition.append(batch, { nowMs: NOW_MS, fromClient: true })
  expect(errorMessage).toBeNull()
  expect(await partition.whenCommitted(lastOffset)).toBe(0)
}

/** `rounds` values of each of ten keys. */
async function fill(partition: Partition, rounds: number): Promise<void> {
  for (let i = 0; i < rounds * 10; i++) await put(partition, `k${i % 10}`, `v${i}`)
  await partition.parts?.files.settled()
}

function valuesOf(partition: Partition): string[] {
  return batchesOf(partition).flatMap((records) => valuesIn(records))
}

function batchesOf(partition: Partition): Buffer[] {
  const found: Buffer[] = []
  for (let offset = partition.logStartOffset; ; ) {
    const read = partition.read({
      fromOffset: offset,
      maxBytes: 1 << 20,
      isolation: 'read_uncommitted',
      minOneBatch: true,
    })
    if (read.records.length === 0) return found
    const starts = splitBatches(read.records, 0, read.records.length)
    found.push(...starts.map((at, i) => read.records.subarray(at, starts[i + 1])))
    offset = read.nextOffset
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const newestBase = (partition: Partition): bigint =>
  partition.parts?.log.describeSegments().at(-1)?.baseOffset ?? 0n

describe('which logs are cleaned', () => {
  test('compacted ones that are dirty enough, every backoff, and how far is written down', async () => {
    const world = worldWith({}, { backoffMs: 15_000 })
    const partition = await world.open({ ...COMPACTED, minCleanableDirtyRatio: 0.9 })
    const [plain] = await world.partitions.ensure([
      assignment({ ...COMPACTED, cleanupPolicy: 'delete' }, { topic: 'plain' }),
    ])
    await fill(partition, 10)
    await fill(plain as Partition, 10)
    const until = newestBase(partition)
    await world.clock.advance(14_999)
    expect(valuesOf(partition)).toHaveLength(100)
    await world.clock.advance(1)
    await world.partitions.cleaner.run()
    expect(valuesOf(partition)).toHaveLength(10 + Number(partition.endOffset - until))
    expect(valuesOf(plain as Partition)).toHaveLength(100)
    expect(world.storage.readFile('cleaner-offset-checkpoint')?.toString()).toBe(`0\n1\norders 0 ${until}\n`)
    // A little more is not enough.
    await fill(partition, 1)
    expect(await world.partitions.cleaner.run()).toBe(0)
  })

  test('none where it is switched off', async () => {
    const world = worldWith({}, { enable: false })
    const partition = await world.open(COMPACTED)
    await fill(partition, 10)
    expect(await world.partitions.cleaner.run()).toBe(0)
  })

  test('not what a running job has planned to read, until it has', async () => {
    const world = worldWith()
    const partition = await world.open(COMPACTED)
    await fill(partition, 20)
    const view = new PartitionLogView(partition)
    const pin = view.pin(60n)
    await world.partitions.cleaner.run()
    const cleanUntil = partition.parts?.log
      .describeSegments()
      .find(({ endOffset }) => endOffset > 60n)?.baseOffset
    const left = valuesOf(partition)
    expect(left.filter((value) => Number(value.slice(1)) >= Number(cleanUntil))).toHaveLength(
      200 - Number(cleanUntil),
    )
    expect(left.length).toBeLessThan(180)
    pin.release()
    await world.partitions.cleaner.run()
    expect(valuesOf(partition).length).toBeLessThan(40)
  })

  test('none of what is planned to be read while they are cleaned', async () => {
    const world = worldWith({}, { ioMaxBytesPerSecond: 20_000 })
    const partition = await world.open(COMPACTED)
    await fill(partition, 20)
    const { storage } = world
    const running = world.partitions.cleaner.run()
    for (let i = 0; i < 400 && !storage.list('orders-0').some(({ name }) => name.includes('.cleaned')); i++) {
      await world.clock.advance(10)
    }
    const before = valuesOf(partition)
    expect(before).toHaveLength(200)
    const pin = new PartitionLogView(partition).pin(0n)
    for (let i = 0; i < 100; i++) await world.clock.advance(1000)
    await running
    expect(valuesOf(partition)).toEqual(before)
    expect(storage.list('orders-0').filter(({ name }) => /cleaned|swap/.test(name))).toEqual([])
    pin.release()
    const again = world.partitions.cleaner.run()
    for (let i = 0; i < 100; i++) await world.clock.advance(1000)
    expect(await again).toBe(1)
    expect(valuesOf(partition).length).toBeLessThan(40)
  })

  test('in memory, too', async () => {
    const world = worldWith({ isVolatile: true })
    const partition = await world.open(COMPACTED)
    await fill(partition, 10)
    expect(await world.partitions.cleaner.run()).toBe(1)
    expect(valuesOf(partition).length).toBeLessThan(40)
  })

  test('what was kept in memory only, from where the topic has become a durable one', async () => {
    const world = worldWith()
    const config = { ...COMPACTED, cleanupPolicy: 'compact,delete' as const, retentionMs: DAY_MS }
    const partition = await world.open({ ...config, durability: 'memory' })
    await fill(partition, 10)
    world.partitions.setConfig('orders', assignment({ ...config, durability: 'fsync' }).config)
    await fill(partition, 10)
    await world.partitions.writeCheckpoints()
    expect(await world.partitions.cleaner.run()).toBe(1)
    expect(valuesOf(partition).length).toBeLessThan(40)
    world.clock.tick(DAY_MS + 1)
    world.partitions.applyRetention()
    await partition.parts?.files.settled()
    world.partitions.applyRetention()
    expect([partition.logStartOffset, partition.endOffset]).toEqual([200n, 200n])
  })

  test('of compact,delete the compacted segments go by retention', async () => {
    const world = worldWith()
    const partition = await world.open({ ...COMPACTED, cleanupPolicy: 'compact,delete', retentionMs: DAY_MS })
    await fill(partition, 10)
    await world.partitions.cleaner.run()
    world.clock.tick(DAY_MS + 1)
    world.partitions.applyRetention()
    await partition.parts?.files.settled()
    world.partitions.applyRetention()
    expect([partition.logStartOffset, partition.endOffset]).toEqual([100n, 100n])
    await put(partition, 'k', 'next')
    expect(valuesOf(partition)).toEqual(['next'])
  })
})

describe('a partition that cannot be cleaned', () => {
  test('is told of once and left alone, the others go on', async () => {
    const told: string[] = []
    const world = worldWith({ onUncleanable: ({ name }, { message }) => told.push(`${name}: ${message}`) })
    const partition = await world.open(COMPACTED)
    const [other] = await world.partitions.ensure([assignment(COMPACTED, { topic: 'other' })])
    await fill(partition, 10)
    await fill(other as Partition, 10)
    const file = world.storage.open('orders-0/00000000000000000000.log')
    file.writeAt(Buffer.from('x'), 70)
    expect(await world.partitions.cleaner.run()).toBe(2)
    expect(told).toEqual([expect.stringMatching(/^orders-0: .*0{20}\.log at byte 0: checksum mismatch/)])
    expect(valuesOf(other as Partition).length).toBeLessThan(40)
    expect(await world.partitions.cleaner.run()).toBe(0)
    expect(told).toHaveLength(1)
  })

  test('deleted in the midst of it, is gone at once, nothing fails, and the next one is cleaned', async () => {
    const told: unknown[] = []
    const options = {
      onUncleanable: (...one: unknown[]) => told.push(one),
      onOffline: () => told.push('offline'),
    }
    const world = worldWith(options, { ioMaxBytesPerSecond: 1000 })
    const partition = await world.open(COMPACTED)
    const [other] = await world.partitions.ensure([assignment(COMPACTED, { topic: 'other' })])
    await fill(partition, 20)
    await fill(other as Partition, 20)
    const running = world.partitions.cleaner.run()
    // It has read its thousand bytes and waits for the next second.
    await world.clock.advance(1500)
    expect(world.storage.list('orders-0').some(({ name }) => name.endsWith('.cleaned'))).toBe(false)
    let isGone = false
    void world.partitions.delete([{ topic: 'orders', partition: 0 }]).then(() => (isGone = true))
    for (let i = 0; i < 10; i++) await settle()
    expect(isGone).toBe(true)
    expect(world.storage.list('orders-0')).toEqual([])
    // The other one is next; at that pace it takes until long after.
    expect(valuesOf(other as Partition)).toHaveLength(200)
    for (let i = 0; i < 100; i++) await world.clock.advance(1000)
    expect(await running).toBe(2)
    expect(valuesOf(other as Partition).length).toBeLessThan(40)
    expect(told).toEqual([])
  })

  test('stopped in the midst of it, is as it was', async () => {
    const storage = new MemoryStorage()
    const world = worldWith({ storage }, { ioMaxBytesPerSecond: 5000 })
    const partition = await world.open(COMPACTED)
    await fill(partition, 20)
    const running = world.partitions.cleaner.run()
    for (let i = 0; i < 400 && !storage.list('orders-0').some(({ name }) => name.includes('.cleaned')); i++) {
      await world.clock.advance(100)
    }
    expect(storage.list('orders-0').some(({ name }) => name.includes('.cleaned'))).toBe(true)
    expect(await world.partitions.close()).toBe(true)
    await running
    expect(storage.list('orders-0').some(({ name }) => name.includes('.cleaned'))).toBe(false)
    expect(valuesOf(await world.open(COMPACTED))).toHaveLength(200)
  })
})

describe('what stays for a while', () => {
  test('a tombstone for delete.retention.ms after it is first cleaned, counted by a clock that can be vouched for', async () => {
    const world = worldWith()
    const partition = await world.open({ ...COMPACTED, deleteRetentionMs: DAY_MS })
    const cleanedTombstones = async (): Promise<number> => {
      await fill(partition, 4)
      await world.partitions.cleaner.run()
      return batchesOf(partition).filter((batch) => batch.includes('gone')).length
    }
    await put(partition, 'gone', 'x')
    await put(partition, 'gone', null)
    expect(await cleanedTombstones()).toBe(1)
    world.clock.tick(DAY_MS - 1)
    expect(await cleanedTombstones()).toBe(1)
    // The clock jumps ahead: nobody knows yet that the day is over.
    world.clock.set(DAY_MS)
    expect(await cleanedTombstones()).toBe(1)
    world.clock.set(-DAY_MS)
    world.clock.tick(1)
    expect(await cleanedTombstones()).toBe(0)
  })

  test('a marker until its data is gone, and then for delete.retention.ms; the last batch of a producer as its head', async () => {
    const world = worldWith()
    const partition = await world.open({ ...COMPACTED, deleteRetentionMs: DAY_MS })
    const controls = (): number => batchesOf(partition).filter((batch) => isControlBatch(batch, 0)).length
    const cleanMore = async (): Promise<void> => {
      await fill(partition, 4)
      await world.partitions.cleaner.run()
    }
    const producer = { producerId: 9n, producerEpoch: 0, coordinatorEpoch: 0, nowMs: NOW_MS }
    await put(partition, 'a', 'committed', { producerId: 9n, baseSequence: 0, isTransactional: true })
    await partition.whenCommitted(partition.appendMarker({ ...producer, commit: true }).lastOffset)
    await put(partition, 'b', 'aborted', { producerId: 9n, baseSequence: 1, isTransactional: true })
    await partition.whenCommitted(partition.appendMarker({ ...producer, commit: false }).lastOffset)
    await cleanMore()
    expect([valuesOf(partition).filter((value) => /committed|aborted/.test(value)), controls()]).toEqual([
      ['committed'],
      2,
    ])
    // The producer's last batch has lost its record, and still says which sequence it had.
    const heads = batchesOf(partition).filter((batch) => recordCountOf(batch, 0) === 0)
    expect(heads).toHaveLength(1)
    await put(partition, 'a', 'overwritten')
    await put(partition, 'c', 'later', { producerId: 9n, baseSequence: 2 })
    await cleanMore()
    await cleanMore()
    expect(controls()).toBe(2)
    world.clock.tick(DAY_MS)
    await cleanMore()
    expect(controls()).toBe(0)
    expect(batchesOf(partition).filter((batch) => recordCountOf(batch, 0) === 0)).toHaveLength(0)
  })
})
