// AlterReplicaLogDirs, versions 1-2. There is one data directory: to move a replica to where it is succeeds, any other
// directory is not found. Codes and order of checks: Kafka's ReplicaManager.alterReplicaLogDirs.

import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import type { Request, Response } from './context.ts'
import type { LogDirectory } from './log-directory.ts'

type AlterReplicaLogDirsResponse = Response<'AlterReplicaLogDirs'>

/** Of `<topic>-<n>.<32 digits>-future`, which no file system takes when it is longer. */
const LONGEST_FOLDER_NAME = 255
const FUTURE_SUFFIX_LENGTH = '.'.length + 32 + '-future'.length

export function handleAlterReplicaLogDirs(
  { dirs }: Request<'AlterReplicaLogDirs'>,
  { directory }: { directory: LogDirectory },
): AlterReplicaLogDirsResponse {
  // A partition that is named twice goes to the last of the two directories.
  const byTopic = new Map<string, Map<number, string>>()
  for (const { path, topics } of dirs) {
    for (const { name, partitions } of topics) {
      const paths = byTopic.get(name) ?? new Map<number, string>()
      byTopic.set(name, paths)
      for (const partition of partitions) paths.set(partition, path)
    }
  }
  return {
    results: [...byTopic].map(([topicName, paths]) => ({
      topicName,
      partitions: [...paths].map(([partitionIndex, path]) => ({
        partitionIndex,
        errorCode: move(topicName, partitionIndex, path, directory),
      })),
    })),
  }
}

function move(topic: string, partition: number, path: string, directory: LogDirectory): ErrorCode {
  if (`${topic}-${partition}`.length + FUTURE_SUFFIX_LENGTH > LONGEST_FOLDER_NAME) {
    return errorCodes.INVALID_TOPIC_EXCEPTION
  }
  if (path !== directory.path) return errorCodes.LOG_DIR_NOT_FOUND
  if (directory.isOffline) return errorCodes.KAFKA_STORAGE_ERROR
  return directory.placeOf(topic, partition)
}
