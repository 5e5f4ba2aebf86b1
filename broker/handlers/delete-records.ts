// DeleteRecords, versions 0-2: readers no longer see what lies before an offset; -1 is the high watermark.

import { isInternalTopic } from '../controller/topic-name.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { PartitionDirectory, Request, Response } from './context.ts'

export function handleDeleteRecords(
  request: Request<'DeleteRecords'>,
  { directory }: { directory: PartitionDirectory },
): Response<'DeleteRecords'> {
  return {
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, offset }) => {
        const partition = directory.partition(name, partitionIndex)
        if (partition === undefined) {
          return { partitionIndex, lowWatermark: -1n, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION }
        }
        if (isInternalTopic(name)) {
          return { partitionIndex, lowWatermark: -1n, errorCode: errorCodes.INVALID_TOPIC_EXCEPTION }
        }
        return { partitionIndex, ...partition.deleteRecordsBefore(offset) }
      }),
    })),
  }
}
