// One partition of an internal topic in small segments that the cleaner goes through, and who loads its log.

import { expect } from 'vitest'
import { PartitionShardLog } from '../../broker/coordinator/partition-shard-log.ts'
import { defaultCleanerConfig } from '../../broker/partition/log-cleaner.ts'
import type { Partition } from '../../broker/partition/partition.ts'
import { defaultPartitionConfig } from '../../broker/partition/partition-config.ts'
import { Partitions } from '../../broker/partition/partition-manager.ts'
import { MemoryStorage } from '../../broker/storage/memory-storage.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { Random } from '../world/random.ts'

export abstract class ShardWorld {
  readonly clock = new ManualClock()
  readonly random: Random
  removedBytes = 0
  protected abstract readonly topic: string
  protected partition!: Partition
  private readonly storage = new MemoryStorage()
  private partitions!: Partitions

  constructor(seed: number) {
    this.random = new Random(seed)
  }

  /** A new coordinator takes the log over. */
  protected abstract load(log: PartitionShardLog): Promise<void>
  protected abstract unload(): void

  async open(): Promise<void> {
    const { storage, clock } = this
    this.partitions = await Partitions.open({
      storage,
      clock,
      cleanerConfig: () => ({ ...defaultCleanerConfig, backoffMs: 1e12 }),
      onCleaned: (_, { bytesBefore, bytesAfter }) => (this.removedBytes += bytesBefore - bytesAfter),
      onUncleanable: (_, reason) => expect.fail(String(reason)),
    })
    const config = {
      ...defaultPartitionConfig,
      cleanupPolicy: 'compact' as const,
      segmentBytes: 2000,
      minCleanableDirtyRatio: 0,
      // Tombstones go as soon as they may: what they deleted must have gone before.
      deleteRetentionMs: 0,
    }
    const topicId = '0123456789abcdef0123456789abcdef'
    const assignment = { topic: this.topic, partition: 0, topicId, leaderEpoch: 0, config }
    this.partition = (await this.partitions.ensure([assignment]))[0] as Partition
    await this.load(new PartitionShardLog(this.partition, clock))
    // The clock has to be believed before a tombstone goes.
    this.partitions.applyRetention()
    clock.tick(10 * 60_000)
    this.partitions.applyRetention()
  }

  async restart(): Promise<void> {
    this.unload()
    expect(await this.partitions.close()).toBe(true)
    await this.open()
  }

  async compact(): Promise<void> {
    await this.partition.parts?.files.settled()
    await this.partitions.cleaner.run()
  }

  close(): Promise<boolean> {
    this.unload()
    return this.partitions.close()
  }
}
