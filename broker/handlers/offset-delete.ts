// OffsetDelete, version 0 (KIP-496): forgets offsets of a group that nobody subscribes to.

import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { PartitionDirectory, Request, Response } from './context.ts'
import { existence, forExisting } from './existing-partitions.ts'

export async function handleOffsetDelete(
  request: Request<'OffsetDelete'>,
  { groups, directory }: { groups: GroupCoordinator; directory: PartitionDirectory },
): Promise<Response<'OffsetDelete'>> {
  let errorCode: number = errorCodes.NONE
  const topics = await forExisting(
    request.topics,
    ({ name }, partitionIndex) => existence(directory, name, partitionIndex),
    // Nothing to delete is still asked about: whether there is the group is answered for all.
    async (existing) => {
      const answer = await groups.offsetDelete({ ...request, topics: existing })
      errorCode = answer.errorCode
      return errorCode === errorCodes.NONE ? answer.topics : refused(existing, errorCode)
    },
  )
  if (errorCode !== errorCodes.NONE) return { errorCode, topics: [] }
  return { errorCode, topics: topics.map(({ name, partitions }) => ({ name, partitions })) }
}

/** What is answered for nobody to read: the error stands above the topics, and there are none then. */
function refused(
  topics: readonly { name: string; partitions: readonly { partitionIndex: number }[] }[],
  errorCode: number,
) {
  return topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
  }))
}
