// Lives of a metadata log that is put into snapshots all the time, on a disk that loses what was not synced, finds no
// room, fails to sync, and damages the newest snapshot. After every start the metadata is what some prefix of the appended batches
// comes to, and that prefix has everything that was committed.

import { afterAll, expect, test } from 'vitest'
import { Controller } from '../../broker/controller/controller.ts'
import { MetadataImage } from '../../broker/controller/image.ts'
import { decodeFact } from '../../broker/controller/metadata-codec.ts'
import { QuorumError } from '../../broker/controller/quorum.ts'
import { SingleNodeQuorum } from '../../broker/controller/single-node-quorum.ts'
import { parseSnapshotFileName } from '../../broker/controller/snapshot-file.ts'
import { FaultyStorage } from '../../broker/storage/faulty-storage.ts'
import { type Storage, StorageError } from '../../broker/storage/storage.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { Random, seeds } from '../world/random.ts'
import { contentOf, join, rules, settings, topic } from './world.ts'

const DIRECTORY = '__cluster_metadata-0'
const counts = {
  starts: 0,
  fromSnapshot: 0,
  crashes: 0,
  noRoom: 0,
  syncsFailed: 0,
  damaged: 0,
  passedOver: 0,
  segmentsGone: 0,
}

afterAll(() => {
  for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(0)
})

class World {
  readonly storage: FaultyStorage
  readonly random: Random
  readonly clock = new ManualClock(1_700_000_000_000)
  controller!: Controller
  quorum!: SingleNodeQuorum
  /** Every batch of records that was appended, and how many of them are committed for certain. */
  private batches: Buffer[][] = []
  private committed = 0

  constructor(seed: number) {
    this.random = new Random(seed)
    this.storage = new FaultyStorage(this.random)
  }

  async start(): Promise<void> {
    const { storage, random, clock } = this
    this.quorum = await SingleNodeQuorum.open({
      storage: ofThisLife(storage),
      clock,
      nodeId: 1,
      onDamagedSnapshot: () => void counts.passedOver++,
    })
    counts.starts++
    if (this.quorum.snapshotEnd > 0n) counts.fromSnapshot++
    this.controller = new Controller({
      quorum: this.quorum,
      clock,
      settings: () => settings,
      rules,
      randomBytes: (size) => random.bytes(size),
      publish: () => void this.committed++,
      snapshotLimits: () => ({ maxBytes: 1200, maxIntervalMs: 0 }),
    })
    const append = this.quorum.append.bind(this.quorum)
    this.quorum.append = (values) => {
      const appended = append(values)
      this.batches.push(values.map((value) => Buffer.from(value)))
      return appended
    }
    // What the last life left: the replay alone, before anything is added.
    const replayed = new MetadataImage()
    this.quorum.replay((records) => {
      for (const record of records) replayed.apply(decodeFact(record, 0, record.length))
    })
    this.batches = this.batches.slice(0, this.prefixOf(replayed))
    this.committed = this.batches.length
    await this.controller.load()
    await join(this.controller, 1)
  }

  /** How many of the appended batches make this image; fails where none does that has all that is committed. */
  private prefixOf(image: MetadataImage): number {
    const content = JSON.stringify(contentOf(image), bigints)
    for (let count = this.batches.length; count >= this.committed; count--) {
      const model = new MetadataImage()
      for (const record of this.batches.slice(0, count).flat()) {
        model.apply(decodeFact(record, 0, record.length))
      }
      if (JSON.stringify(contentOf(model), bigints) === content) return count
    }
    throw new Error(
      `seed ${this.random.seed}: of ${this.batches.length} batches ${this.committed} are committed, no prefix makes ${content}`,
    )
  }

  change(): Promise<unknown> {
    const { random, controller } = this
    const name = `topic-${random.below(6)}`
    switch (random.below(4)) {
      case 0:
        return controller.submit({ type: 'createTopics', topics: [topic(name)], validateOnly: false })
      case 1:
        return controller.submit({
          type: 'deleteTopics',
          topics: [{ name, topicId: '0'.repeat(32) }],
        })
      case 2:
        return controller.submit({
          type: 'setConfigs',
          resources: [
            {
              resourceType: 32,
              resourceName: name,
              configs: [
                { name: 'share.delivery.count.limit', configOperation: 0, value: `${random.between(2, 10)}` },
              ],
            },
          ],
          validateOnly: false,
        })
      default: {
        const brokerEpoch = controller.image.broker(1)?.epoch as bigint
        return controller.submit({ type: 'nextProducerIds', brokerId: 1, brokerEpoch })
      }
    }
  }

  /** A sync that could not begin is tried again by the clock. */
  async answered(asked: Promise<unknown>): Promise<void> {
    let isAnswered = false
    void asked.finally(() => (isAnswered = true))
    for (await breathe(); !isAnswered; await breathe()) await this.clock.advance(100)
  }

  snapshots(): string[] {
    return this.storage
      .list(DIRECTORY)
      .map(({ name }) => name)
      .filter((name) => parseSnapshotFileName(name) !== undefined)
  }

  damageNewest(): void {
    const newest = this.snapshots().at(-1)
    if (newest === undefined || this.snapshots().length < 2) return
    const file = this.storage.open(`${DIRECTORY}/${newest}`)
    file.writeAt(Buffer.from([0xff, 0xff]), this.random.below(file.sizeInBytes - 2))
    counts.damaged++
  }

  /** One after a failed sync leaves what that has lost to be read, as long as there is power. */
  async stop(): Promise<void> {
    this.controller.close()
    await this.quorum.close().catch(() => {})
  }
}

/** A process that lost its power writes no more, whatever of it still runs here. */
function ofThisLife(storage: FaultyStorage): Storage {
  const life = storage.crashes
  return new Proxy(storage, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      return (...given: unknown[]) => {
        if (target.crashes !== life) throw new StorageError('', 'power was cut')
        return Reflect.apply(member, target, given) as unknown
      }
    },
  })
}

const bigints = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}n` : value)
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test.each(seeds(1, 60))('nothing committed is lost to a snapshot, seed %i', async (seed) => {
  const world = new World(seed)
  const { random, storage } = world
  await world.start()
  for (let step = 0; step < 60; step++) {
    if (random.chance(0.05)) {
      storage.failNext(random.pick(['append', 'open', 'rename']), 'ENOSPC', { nth: random.between(1, 3) })
      counts.noRoom++
    }
    if (random.chance(0.02)) {
      storage.failNext('sync', 'EIO', { nth: random.between(1, 3) })
      counts.syncsFailed++
    }
    const asked = world.change().catch((error: unknown) => {
      expect(error, `seed ${seed} step ${step}`).toBeInstanceOf(QuorumError)
    })
    const patience = random.below(4)
    if (patience > 1) await world.answered(asked)
    else if (patience === 1) await breathe()
    if (random.chance(0.08)) {
      if (random.chance(0.7)) {
        counts.crashes++
        storage.crash()
        world.controller.close()
      } else {
        storage.clearFaults()
        await world.stop()
      }
      if (random.chance(0.2)) world.damageNewest()
      await world.start()
    }
  }
  // Two are kept; a crash may bring back one that was removed just then, and one may be on its way.
  expect(world.snapshots().length, `seed ${seed}`).toBeLessThanOrEqual(5)
  const first = storage.list(DIRECTORY).find(({ name }) => name.endsWith('.log'))
  if (first !== undefined && first.name !== '00000000000000000000.log') counts.segmentsGone++
})
