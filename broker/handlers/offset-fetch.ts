// OffsetFetch, versions 1-10: several groups at once from version 8 on, topics by id from version 10 on.
// Groups keep offsets under names; this is where ids become names and names ids again.

import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts'
import type { OffsetFetchGroupResult } from '../coordinator/group/messages.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { PartitionDirectory, Request, RequestContext, Response } from './context.ts'
import { groupContext } from './group-context.ts'

const BY_TOPIC_ID_FROM = 10

type OffsetFetchRequest = Request<'OffsetFetch'>
type AskedTopic = NonNullable<OffsetFetchRequest['groups'][number]['topics']>[number]

export async function handleOffsetFetch(
  request: OffsetFetchRequest,
  context: RequestContext,
  { groups, directory }: { groups: GroupCoordinator; directory: PartitionDirectory },
): Promise<Response<'OffsetFetch'>> {
  if (context.apiVersion < BY_TOPIC_ID_FROM) return groups.offsetFetch(request, groupContext(context))
  const named = request.groups.map((group) => ({
    ...group,
    topics:
      group.topics?.flatMap((topic) => {
        const name = directory.topicName(topic.topicId)
        return name === undefined ? [] : [{ ...topic, name }]
      }) ?? null,
  }))
  const answer = await groups.offsetFetch({ ...request, groups: named }, groupContext(context))
  return {
    ...answer,
    groups: answer.groups.map((result, i) => withIds(result, request.groups[i]?.topics ?? null, directory)),
  }
}

function withIds(
  result: OffsetFetchGroupResult,
  asked: readonly AskedTopic[] | null,
  directory: PartitionDirectory,
): OffsetFetchGroupResult {
  // Where all topics were asked for, one that is gone meanwhile has no id to be told under.
  const known = result.topics.flatMap((topic) => {
    const topicId = directory.topicId(topic.name)
    return topicId === undefined ? [] : [{ ...topic, topicId }]
  })
  const unknown = (asked ?? [])
    .filter(({ topicId }) => directory.topicName(topicId) === undefined)
    .map(({ topicId, partitionIndexes }) => ({
      name: '',
      topicId,
      partitions: partitionIndexes.map((partitionIndex) => ({
        partitionIndex,
        committedOffset: -1n,
        committedLeaderEpoch: -1,
        metadata: '',
        errorCode: errorCodes.UNKNOWN_TOPIC_ID,
      })),
    }))
  return { ...result, topics: [...known, ...unknown] }
}
