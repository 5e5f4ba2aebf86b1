// OffsetCommit, versions 2-10: topics by name, from version 10 on by id.

import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { PartitionDirectory, Request, RequestContext, Response } from './context.ts'
import { existence, forExisting } from './existing-partitions.ts'
import { resolveTopic } from './topic-names.ts'

const BY_TOPIC_ID_FROM = 10
/** First version that knows GROUP_ID_NOT_FOUND. */
const GROUP_NOT_FOUND_FROM = 9

export async function handleOffsetCommit(
  request: Request<'OffsetCommit'>,
  context: RequestContext,
  { groups, directory }: { groups: GroupCoordinator; directory: PartitionDirectory },
): Promise<Response<'OffsetCommit'>> {
  const byId = context.apiVersion >= BY_TOPIC_ID_FROM
  const topics = request.topics.map((topic) => ({ ...topic, ...resolveTopic(directory, topic, byId) }))
  const answered = await forExisting(
    topics,
    ({ name, errorCode }, partitionIndex) =>
      errorCode === errorCodes.NONE ? existence(directory, name, partitionIndex) : errorCode,
    // Nothing to keep is still asked about: a member that was fenced must hear of it.
    async (existing) => (await groups.offsetCommit({ ...request, topics: existing }, context)).topics,
  )
  if (context.apiVersion >= GROUP_NOT_FOUND_FROM) return { topics: answered }
  return {
    topics: answered.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map(({ partitionIndex, errorCode }) => ({
        partitionIndex,
        errorCode: errorCode === errorCodes.GROUP_ID_NOT_FOUND ? errorCodes.ILLEGAL_GENERATION : errorCode,
      })),
    })),
  }
}
