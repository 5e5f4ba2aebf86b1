// OffsetForLeaderEpoch, versions 2-4: where an epoch of the partition's leadership ended (KIP-320).

import { errorCodes } from '../protocol/errors.ts'
import type { PartitionDirectory, Request, Response } from './context.ts'

export function handleOffsetForLeaderEpoch(
  request: Request<'OffsetForLeaderEpoch'>,
  { directory }: { directory: PartitionDirectory },
): Response<'OffsetForLeaderEpoch'> {
  return {
    topics: request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition: index, currentLeaderEpoch, leaderEpoch }) => {
        const partition = directory.partition(topic, index)
        if (partition === undefined) {
          return { partition: index, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION }
        }
        return { partition: index, ...partition.offsetForLeaderEpoch(leaderEpoch, currentLeaderEpoch) }
      }),
    })),
  }
}
