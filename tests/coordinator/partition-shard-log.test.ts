// The shard's log over a real partition: what is appended is found again by a replay, in log order and
// with its transactions, and the partition's refusals and its end reach the shard.

import { groupPorts } from '../world/group-ports.ts'
import { describe, expect, test } from 'vitest'
import { GroupCoordinator } from '../../broker/coordinator/group/group-coordinator.ts'
import { PartitionShardLog } from '../../broker/coordinator/partition-shard-log.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { defaultPartitionConfig } from '../../broker/partition/partition-config.ts'
import { Partitions } from '../../broker/partition/partition-manager.ts'
import type { Partition } from '../../broker/partition/partition.ts'
import { MemoryStorage } from '../../broker/storage/memory-storage.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'

class World {
  readonly clock = new ManualClock()
  readonly storage = new MemoryStorage()
  partitions!: Partitions
  partition!: Partition
  log!: PartitionShardLog

  private readonly segmentBytes: number

  constructor(segmentBytes: number) {
    this.segmentBytes = segmentBytes
  }

  static async start(segmentBytes = defaultPartitionConfig.segmentBytes): Promise<World> {
    const world = new World(segmentBytes)
    await world.open()
    return world
  }

  async open(): Promise<void> {
    const { storage, clock } = this
    this.partitions = await Partitions.open({ storage, clock })
    const [partition] = await this.partitions.ensure([
      {
        topic: '__consumer_offsets',
        partition: 0,
        topicId: '0123456789abcdef0123456789abcdef',
        leaderEpoch: 3,
        config: {
          ...defaultPartitionConfig,
          cleanupPolicy: 'compact',
          durability: 'os',
          segmentBytes: this.segmentBytes,
        },
      },
    ])
    this.partition = partition as Partition
    this.log = new PartitionShardLog(this.partition, clock)
  }

  async restart(): Promise<void> {
    await this.partitions.close()
    await this.open()
  }

  append(text: string, producerId?: bigint): bigint {
    const records = text.split('').map((letter) => ({ key: Buffer.from(letter), value: Buffer.from(text) }))
    const producer = producerId === undefined ? undefined : { producerId, producerEpoch: 1 }
    return this.log.append(records, producer).lastOffset
  }

  mark(producerId: bigint, commit: boolean): number {
    const nowMs = this.clock.now()
    const marker = { producerId, producerEpoch: 1, commit, coordinatorEpoch: 0, transactionVersion: 0, nowMs }
    return this.partition.appendMarker(marker).errorCode
  }

  async replayed(log = this.log): Promise<string[]> {
    const met: string[] = []
    await log.replay({
      record: (key, _value, producer) =>
        met.push(`${Buffer.from(key)}${producer ? ` of ${producer.producerId}` : ''}`),
      marker: ({ producerId }, committed) => met.push(`${committed ? 'commit' : 'abort'} ${producerId}`),
    })
    return met
  }
}

describe('a replay', () => {
  test('meets records, transactions and markers in log order, after a restart, too', async () => {
    const world = await World.start()
    expect(world.log.epoch).toBe(3)
    expect(await world.replayed()).toEqual([])
    expect(world.append('ab')).toBe(1n)
    world.append('c', 7n)
    world.append('d', 8n)
    expect([world.mark(7n, true), world.mark(8n, false)]).toEqual([0, 0])
    world.append('e')
    const expected = ['a', 'b', 'c of 7', 'd of 8', 'commit 7', 'abort 8', 'e']
    expect(await world.replayed()).toEqual(expected)
    await world.restart()
    expect(world.log.endOffset).toBe(7n)
    expect(await world.replayed()).toEqual(expected)
    await world.partitions.close()
  })

  test('reads a log of several chunks, each record once', async () => {
    const world = await World.start()
    const text = 'x'.repeat(100)
    for (let i = 0; i < 60; i++) world.append(text)
    expect(world.partition.sizeInBytes).toBeGreaterThan(2 * 256 * 1024)
    expect(await world.replayed()).toHaveLength(6_000)
    await world.partitions.close()
  })

  test('is of the log as it was when it began, whatever the cleaner does meanwhile', async () => {
    const world = await World.start(50_000)
    // The value of a key moves from one to the other: half of each cleaning would be both of them.
    for (let i = 0; i < 100; i++) world.append((i % 2 === 0 ? 'x' : 'y').repeat(100))
    await world.partition.whenDurable(world.log.endOffset - 1n)
    await world.partition.parts?.files.settled()
    const { cleaner } = world.partitions
    const slow = new Proxy(world.partition, {
      get(partition, name) {
        const value: unknown = Reflect.get(partition, name)
        if (name !== 'readOffThread') return typeof value === 'function' ? value.bind(partition) : value
        return async (...read: Parameters<Partition['readOffThread']>) => {
          const result = await partition.readOffThread(...read)
          await cleaner.run()
          return result
        }
      },
    })
    expect(await world.replayed(new PartitionShardLog(slow, world.clock))).toHaveLength(10_000)
    expect(await cleaner.run()).toBeGreaterThan(0)
    expect((await world.replayed()).length).toBeLessThan(2_000)
    await world.partitions.close()
  })

  test('of a partition that has ended is refused', async () => {
    const world = await World.start()
    world.append('a')
    world.partition.end(errorCodes.NOT_LEADER_OR_FOLLOWER)
    await expect(world.replayed()).rejects.toMatchObject({ errorCode: errorCodes.NOT_LEADER_OR_FOLLOWER })
    await world.partitions.close()
  })
})

describe('an append', () => {
  test('is told of when the high watermark covers it, a marker likewise', async () => {
    const world = await World.start()
    let calls = 0
    const stop = world.log.onHighWatermark(() => calls++)
    const markers: string[] = []
    world.log.onMarker(({ producerId }, committed, offset) =>
      markers.push(`${producerId} ${committed} ${offset}`),
    )
    const last = world.append('a', 7n)
    // Whatever the topic's durability is, an answered commit is on disk.
    expect(world.log.highWatermark).toBe(0n)
    await world.partition.whenDurable(last)
    expect([calls, world.log.highWatermark]).toEqual([1, 1n])
    world.mark(7n, true)
    expect(markers).toEqual(['7 true 1'])
    await world.partition.whenCommitted(1n)
    expect([calls, world.log.highWatermark]).toEqual([2, 2n])
    stop()
    await world.partition.whenCommitted(world.append('b'))
    expect(calls).toBe(2)
    await world.partitions.close()
  })

  test('that is refused appends nothing', async () => {
    const world = await World.start()
    world.append('a', 7n)
    const attempts: [() => unknown, number][] = [
      [() => world.log.append([{ key: Buffer.alloc(2_000_000), value: null }]), errorCodes.MESSAGE_TOO_LARGE],
      [
        () =>
          world.log.append([{ key: Buffer.from('k'), value: null }], { producerId: 7n, producerEpoch: 0 }),
        errorCodes.INVALID_PRODUCER_EPOCH,
      ],
    ]
    for (const [attempt, errorCode] of attempts) {
      expect(attempt).toThrow(expect.objectContaining({ name: 'CoordinatorError', errorCode }) as Error)
    }
    world.partition.setLeaderEpoch(4)
    expect(() => world.append('b')).toThrow(
      expect.objectContaining({ errorCode: errorCodes.FENCED_LEADER_EPOCH }) as Error,
    )
    expect(world.log.endOffset).toBe(1n)
    await world.partitions.close()
  })
})

describe('a group coordinator over it', () => {
  const request = (committedOffset: bigint) => ({
    groupId: 'group',
    generationIdOrMemberEpoch: -1,
    memberId: '',
    groupInstanceId: null,
    retentionTimeMs: -1n,
    topics: [
      {
        name: 'orders',
        topicId: '',
        partitions: [
          { partitionIndex: 0, committedOffset, committedLeaderEpoch: -1, committedMetadata: null },
        ],
      },
    ],
  })

  async function coordinate(world: World): Promise<GroupCoordinator> {
    const { clock } = world
    const options = { ...groupPorts(), clock, partitionCount: 1 }
    const coordinator = new GroupCoordinator(options)
    await coordinator.openShard(0, world.log)
    return coordinator
  }

  async function fetched(coordinator: GroupCoordinator): Promise<bigint | number | undefined> {
    const response = await coordinator.offsetFetch(
      {
        groupId: 'group',
        topics: [{ name: 'orders', partitionIndexes: [0] }],
        groups: [],
        requireStable: true,
      },
      { apiVersion: 7, clientId: null, clientHost: '' },
    )
    const partition = response.topics[0]?.partitions[0]
    return response.errorCode || partition?.errorCode || partition?.committedOffset
  }

  test('keeps offsets and open transactions over a restart', async () => {
    const world = await World.start()
    const before = await coordinate(world)
    const { topics } = await before.offsetCommit(request(7n), { apiVersion: 8 })
    expect(topics[0]?.partitions[0]?.errorCode).toBe(0)
    const producer = { producerId: 5n, producerEpoch: 1 }
    await before.txnOffsetCommit(
      { ...request(9n), ...producer, transactionalId: 't', generationId: -1 },
      { apiVersion: 3 },
    )
    before.close()
    await world.restart()
    const after = await coordinate(world)
    expect(await fetched(after)).toBe(errorCodes.UNSTABLE_OFFSET_COMMIT)
    expect(world.mark(5n, true)).toBe(0)
    expect(await fetched(after)).toBe(9n)
    after.close()
    await world.partitions.close()
  })

  test('says so when the partition ends under it', async () => {
    const world = await World.start()
    const coordinator = await coordinate(world)
    const commit = coordinator.offsetCommit(request(7n), { apiVersion: 8 })
    world.partition.end(errorCodes.KAFKA_STORAGE_ERROR)
    expect((await commit).topics[0]?.partitions[0]?.errorCode).toBe(errorCodes.NOT_COORDINATOR)
    expect(await fetched(coordinator)).toBe(errorCodes.NOT_COORDINATOR)
    coordinator.close()
    await world.partitions.close()
  })
})
