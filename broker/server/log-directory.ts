// The data directory as DescribeLogDirs and AlterReplicaLogDirs see it.

import type { LogDirectory } from '../handlers/log-directory.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { Partitions } from '../partition/partition-manager.ts'
import type { Storage } from '../storage/storage.ts'

export function logDirectoryOf(storage: Storage, partitions: Partitions): LogDirectory {
  return {
    path: storage.location,
    get isOffline() {
      return partitions.isOffline
    },
    capacity: () => storage.capacity(),
    *logs() {
      for (const { topic, index, sizeInBytes } of partitions.all()) {
        yield { topic, partition: index, sizeInBytes }
      }
    },
    placeOf(topic, index) {
      const partition = partitions.get(topic, index)
      if (partition === undefined) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION
      return partition.isOffline ? errorCodes.KAFKA_STORAGE_ERROR : errorCodes.NONE
    },
  }
}
