// DescribeLogDirs, versions 1-5: what lies in the data directory, and how much room there is. A partition that is
// not here is left out. Source: Kafka's ReplicaManager.describeLogDirs.

import { errorCodes } from '../protocol/errors.ts'
import type { Request, Response } from './context.ts'
import type { LogDirectory } from './log-directory.ts'

type DescribeLogDirsRequest = Request<'DescribeLogDirs'>
type Result = Response<'DescribeLogDirs'>['results'][number]
type Topic = Result['topics'][number]

export function handleDescribeLogDirs(
  request: DescribeLogDirsRequest,
  { directory }: { directory: LogDirectory },
): Response<'DescribeLogDirs'> {
  return { errorCode: errorCodes.NONE, results: [describe(request, directory)] }
}

function describe({ topics }: DescribeLogDirsRequest, directory: LogDirectory): Result {
  const logDir = directory.path
  if (directory.isOffline) return { errorCode: errorCodes.KAFKA_STORAGE_ERROR, logDir, topics: [] }
  return {
    errorCode: errorCodes.NONE,
    logDir,
    topics: [...logsByTopic(topics, directory)].map(
      ([name, partitions]): Topic => ({ name, partitions: [...partitions.values()] }),
    ),
    ...directory.capacity(),
  }
}

/** By topic, then by partition. */
function logsByTopic(
  asked: DescribeLogDirsRequest['topics'],
  directory: LogDirectory,
): Map<string, Map<number, Topic['partitions'][number]>> {
  const wanted =
    asked && new Set(asked.flatMap(({ topic, partitions }) => partitions.map((p) => `${topic}/${p}`)))
  const found = new Map<string, Map<number, Topic['partitions'][number]>>()
  for (const { topic, partition, sizeInBytes } of directory.logs()) {
    if (wanted !== null && !wanted.has(`${topic}/${partition}`)) continue
    const partitions = found.get(topic) ?? new Map()
    found.set(topic, partitions)
    partitions.set(partition, {
      partitionIndex: partition,
      partitionSize: BigInt(sizeInBytes),
      // Of a replica that catches up; the only one is never behind.
      offsetLag: 0n,
      isFutureKey: false,
    })
  }
  return found
}
