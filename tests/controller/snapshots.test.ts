// When the metadata is put into a snapshot, and what a start makes of it.

import { describe, expect, test } from 'vitest'
import { Controller } from '../../broker/controller/controller.ts'
import { MetadataImage } from '../../broker/controller/image.ts'
import { decodeFact } from '../../broker/controller/metadata-codec.ts'
import { SingleNodeQuorum } from '../../broker/controller/single-node-quorum.ts'
import { parseSnapshotFileName, readSnapshot } from '../../broker/controller/snapshot-file.ts'
import type { SnapshotLimits } from '../../broker/controller/snapshots.ts'
import { ZERO_UUID } from '../../broker/protocol/schema.ts'
import { FaultyStorage } from '../../broker/storage/faulty-storage.ts'
import { MemoryStorage } from '../../broker/storage/memory-storage.ts'
import { CorruptLogError, type Storage } from '../../broker/storage/storage.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { Random } from '../world/random.ts'
import { join, rules, settings, topic } from './world.ts'

const DIRECTORY = '__cluster_metadata-0'
const HOUR_MS = 3_600_000

async function open(
  storage: Storage,
  limits: SnapshotLimits,
  clock = new ManualClock(1_700_000_000_000),
  nextTurn = () => Promise.resolve(),
) {
  const warnings: string[] = []
  const quorum = await SingleNodeQuorum.open({
    storage,
    clock,
    nodeId: 1,
    nextTurn,
    onDamagedSnapshot: (error) => void warnings.push(error.message),
  })
  const random = new Random(1)
  const controller = new Controller({
    quorum,
    clock,
    settings: () => settings,
    rules,
    randomBytes: (size) => random.bytes(size),
    snapshotLimits: () => limits,
    onSnapshotFailed: (error) => void warnings.push(error.message),
  })
  await controller.load()
  await join(controller, 1)
  const create = (name: string) =>
    controller.submit({ type: 'createTopics', topics: [topic(name)], validateOnly: false })
  return { quorum, controller, clock, create, warnings }
}

const byBytes = (maxBytes: number): SnapshotLimits => ({ maxBytes, maxIntervalMs: 0 })
const namesOf = (storage: Storage) => storage.list(DIRECTORY).map(({ name }) => name)
const snapshotsOf = (storage: Storage) => namesOf(storage).filter((name) => parseSnapshotFileName(name))
const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}
/** A restart gives partitions new epochs, their topics stay. */
const topicsOf = (image: MetadataImage) =>
  Array.from(image.topics(), ({ name, topicId, partitions }) => [name, topicId, partitions.length])
/** A log that has been put into snapshots twice. */
async function twice(storage: Storage) {
  const world = await open(storage, byBytes(3000))
  for (let i = 0; snapshotsOf(storage).length < 2; i++) {
    await world.create(`topic-${i}`)
    await settle()
  }
  await world.create('last')
  const topics = topicsOf(world.controller.image)
  await world.quorum.close()
  return topics
}

describe('a snapshot is due', () => {
  test('after so many bytes; what two of them cover leaves the log', async () => {
    const storage = new MemoryStorage()
    const { create, quorum } = await open(storage, byBytes(2000))
    for (let i = 0; i < 40; i++) {
      await create(`topic-${i}`)
      await settle()
    }
    expect(snapshotsOf(storage)).toHaveLength(2)
    const [older, newer] = snapshotsOf(storage).map(
      (name) => parseSnapshotFileName(name)?.endOffset as bigint,
    )
    expect(quorum.snapshotEnd).toBe(newer)
    const logs = namesOf(storage).filter((name) => name.endsWith('.log'))
    expect(BigInt((logs[0] as string).slice(0, 20))).toBe(older)
    expect(quorum.bytesSinceSnapshot).toBeLessThan(2500)
  })

  test('after so long, if anything has changed', async () => {
    const storage = new MemoryStorage()
    const { create, clock } = await open(storage, { maxBytes: 1e9, maxIntervalMs: HOUR_MS })
    await create('a')
    await clock.advance(HOUR_MS - 1)
    await settle()
    expect(snapshotsOf(storage)).toEqual([])
    await clock.advance(1)
    await settle()
    expect(snapshotsOf(storage)).toHaveLength(1)
    await clock.advance(5 * HOUR_MS)
    await settle()
    expect(snapshotsOf(storage)).toHaveLength(1)
    await create('b')
    await settle()
    expect(snapshotsOf(storage)).toHaveLength(2)
  })

  test('again ten seconds after there was no room for it', async () => {
    const storage = new FaultyStorage(new Random(1))
    const { create, clock, warnings } = await open(storage, byBytes(1500))
    await create('a')
    storage.failNext('rename', 'ENOSPC')
    for (let i = 0; i < 8; i++) await create(`topic-${i}`)
    await settle()
    expect(warnings.join()).toContain('ENOSPC')
    expect(snapshotsOf(storage)).toEqual([])
    await clock.advance(10_000)
    await settle()
    expect(snapshotsOf(storage)).toHaveLength(1)
  })
})

/** So slow a machine that every look at its clock costs six milliseconds. */
class SlowClock extends ManualClock {
  private looks = 0
  override monotonicMs(): number {
    return super.monotonicMs() + 6 * this.looks++
  }
}

test('is made in slices, and holds one offset however the metadata goes on meanwhile', async () => {
  const storage = new MemoryStorage()
  const clock = new SlowClock(1_700_000_000_000)
  let during: (() => Promise<void>) | undefined
  let turns = 0
  const { create, quorum, controller } = await open(storage, byBytes(2000), clock, async () => {
    turns++
    await during?.()
  })
  let covered: unknown
  during = async () => {
    during = undefined
    covered = topicsOf(controller.image)
    await controller.submit({ type: 'deleteTopics', topics: [{ name: 'topic-0', topicId: ZERO_UUID }] })
    await create('meanwhile')
  }
  for (let i = 0; quorum.snapshotEnd === 0n; i++) {
    await create(`topic-${i}`)
    await settle()
  }
  expect(turns).toBeGreaterThan(10)
  expect(during).toBeUndefined()
  const [name] = snapshotsOf(storage) as [string]
  const image = new MetadataImage()
  readSnapshot(storage, `${DIRECTORY}/${name}`, {
    records: (values) => values.forEach((value) => image.apply(decodeFact(value, 0, value.length))),
  })
  expect(topicsOf(image)).toEqual(covered)
  expect(topicsOf(image)).not.toEqual(topicsOf(controller.image))
})

describe('a start', () => {
  test('finds all of it in the snapshot and the log behind it', async () => {
    const storage = new MemoryStorage()
    const topics = await twice(storage)
    const quorum = await SingleNodeQuorum.open({ storage, clock: new ManualClock(), nodeId: 1 })
    expect(quorum.snapshotEnd).toBeGreaterThan(0n)
    await quorum.close()
    const again = await open(storage, byBytes(1e9))
    expect(topicsOf(again.controller.image)).toEqual(topics)
    expect(again.warnings).toEqual([])
  })

  test('goes on from the older snapshot where the newest is damaged, and replaces it', async () => {
    const storage = new MemoryStorage()
    const topics = await twice(storage)
    const newest = snapshotsOf(storage).at(-1) as string
    storage.open(`${DIRECTORY}/${newest}`).writeAt(Buffer.from([0xff, 0xff, 0xff]), 120)
    const again = await open(storage, byBytes(1))
    expect(again.warnings.join()).toContain(newest)
    expect(topicsOf(again.controller.image)).toEqual(topics)
    await again.create('one-more')
    await settle()
    expect(snapshotsOf(storage)).not.toContain(newest)
  })

  test('is refused where no snapshot reaches the log: it would lack what lies between', async () => {
    const storage = new MemoryStorage()
    await twice(storage)
    for (const name of snapshotsOf(storage)) storage.removeFile(`${DIRECTORY}/${name}`)
    await expect(open(storage, byBytes(1e9))).rejects.toThrow(CorruptLogError)
    await expect(open(storage, byBytes(1e9))).rejects.toThrow('no whole snapshot reaches it')
  })

  test('takes a snapshot that is ahead of the log for the log’s beginning', async () => {
    const storage = new MemoryStorage()
    await twice(storage)
    for (const name of namesOf(storage)) {
      // As another voter's snapshot comes: without a log of its own.
      if (parseSnapshotFileName(name) === undefined) storage.removeFile(`${DIRECTORY}/${name}`)
    }
    const { quorum } = await open(storage, byBytes(1e9))
    expect(quorum.endOffset).toBeGreaterThan(quorum.snapshotEnd)
  })
})
