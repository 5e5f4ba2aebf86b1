// A partition to be measured, opened as the broker opens it, on the real disk or in memory.

import fs from 'node:fs'
import { defaultPartitionConfig } from '../../broker/partition/partition-config.ts'
import type { Durability } from '../../broker/partition/partition-api.ts'
import { Partitions } from '../../broker/partition/partition-manager.ts'
import type { Partition } from '../../broker/partition/partition.ts'
import { MemoryStorage } from '../../broker/storage/memory-storage.ts'
import { openDirectory } from '../../broker/storage/real-storage.ts'
import { systemClock } from '../../broker/time/system-clock.ts'

export interface Workspace {
  partition: Partition
  partitions: Partitions
  /** Removes what was written, without syncing it first. */
  discard(): Promise<void>
}

export async function openWorkspace(directory: string, durability: Durability): Promise<Workspace> {
  const storage = durability === 'memory' ? new MemoryStorage() : openDirectory(directory)
  const partitions = await Partitions.open({
    storage,
    clock: systemClock,
    isVolatile: durability === 'memory',
  })
  const [partition] = await partitions.ensure([
    {
      topic: 'bench',
      partition: 0,
      topicId: '0123456789abcdef0123456789abcdef',
      leaderEpoch: 0,
      config: { ...defaultPartitionConfig, durability, maxMessageBytes: 2 * 1024 * 1024 },
    },
  ])
  if (partition === undefined || partition.isOffline) {
    throw new Error(`the partition to be measured is offline: ${partition?.offlineReason}`)
  }
  return {
    partition,
    partitions,
    discard: async () => {
      await partitions.delete([{ topic: partition.topic, partition: partition.index }])
      await partitions.close()
      storage.close()
      if (durability !== 'memory') fs.rmSync(directory, { recursive: true, force: true })
    },
  }
}
