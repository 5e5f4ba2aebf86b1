// OffsetCommit, versions 2-10: topics by name, from version 10 on by id.

import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { PartitionDirectory, Request, RequestContext, Response } from './context.ts'
import { existence, forExisting } from './existing-partitions.ts'
import { resolveTopic } from './topic-names.ts'

const BY_TOPIC_ID_FROM = 10

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
    async (existing) => (await groups.offsetCommit({ ...request, topics: existing })).topics,
  )
  return { topics: answered }
}
