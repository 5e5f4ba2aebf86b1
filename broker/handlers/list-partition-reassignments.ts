// ListPartitionReassignments, version 0: which partitions are on their way to other replicas. What is not, or is
// unknown, is left out.

import type { MetadataImage } from '../controller/image.ts'
import { isReassigning } from '../controller/reassignments.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { Request, Response } from './context.ts'

export function handleListPartitionReassignments(
  { topics }: Request<'ListPartitionReassignments'>,
  { image }: { image: MetadataImage },
): Response<'ListPartitionReassignments'> {
  const asked =
    topics?.map(({ name, partitionIndexes }) => ({ topic: image.topic(name), partitionIndexes })) ??
    Array.from(image.topics(), (topic) => ({
      topic,
      partitionIndexes: topic.partitions.map(({ partition }) => partition),
    }))
  return {
    errorCode: errorCodes.NONE,
    errorMessage: null,
    topics: asked.flatMap(({ topic, partitionIndexes }) => {
      const moving = partitionIndexes
        .flatMap((index) => topic?.partitions[index] ?? [])
        .filter(isReassigning)
        .map(({ partition, replicas, addingReplicas, removingReplicas }) => ({
          partitionIndex: partition,
          replicas,
          addingReplicas,
          removingReplicas,
        }))
      return topic === undefined || moving.length === 0 ? [] : { name: topic.name, partitions: moving }
    }),
  }
}
