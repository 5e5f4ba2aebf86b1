// The requests about share groups and their offsets (KIP-932): ShareGroupHeartbeat, ShareGroupDescribe, and what admin
// clients ask of offsets. A group is only told of where share groups are switched on.

import type { Features } from '../../coordinator/features.ts'
import type { GroupCoordinator } from '../../coordinator/group/group-coordinator.ts'
import { describeShareRefused } from '../../coordinator/group/share/describe.ts'
import { heartbeatRefused } from '../../coordinator/group/share/messages.ts'
import type { ShareGroups } from '../../coordinator/group/share/share-groups.ts'
import { errorCodes, errorText } from '../../protocol/errors.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { PartitionDirectory, Request, RequestContext, Response } from '../context.ts'
import { groupContext } from '../group-context.ts'

export interface ShareGroupServices {
  shareGroups: ShareGroups
  features: Features
}

const LONGEST_MEMBER_ID = 36
const isOff = ({ features }: ShareGroupServices): boolean => features.level('share.version') < 1

export async function handleShareGroupHeartbeat(
  request: Request<'ShareGroupHeartbeat'>,
  context: RequestContext,
  services: ShareGroupServices,
): Promise<Response<'ShareGroupHeartbeat'>> {
  if (isOff(services)) return heartbeatRefused(errorCodes.UNSUPPORTED_VERSION, null).response
  const { length } = request.memberId
  if (length === 0 || length > LONGEST_MEMBER_ID)
    return heartbeatRefused(errorCodes.INVALID_REQUEST, null).response
  return services.shareGroups.heartbeat(request, groupContext(context))
}

export async function handleShareGroupDescribe(
  { groupIds }: Request<'ShareGroupDescribe'>,
  services: ShareGroupServices,
): Promise<Response<'ShareGroupDescribe'>> {
  const groups = isOff(services)
    ? groupIds.map((groupId) => describeShareRefused(groupId, errorCodes.UNSUPPORTED_VERSION, null))
    : await services.shareGroups.describe(groupIds)
  return { throttleTimeMs: 0, groups }
}

export async function handleDescribeShareGroupOffsets(
  { groups }: Request<'DescribeShareGroupOffsets'>,
  services: ShareGroupServices,
): Promise<Response<'DescribeShareGroupOffsets'>> {
  const described = groups.map(async (group) => {
    const { groupId } = group
    const nothing = { groupId, topics: [], errorCode: errorCodes.NONE, errorMessage: null }
    if (isOff(services)) return { ...nothing, errorCode: errorCodes.UNSUPPORTED_VERSION }
    return group.topics?.length === 0 ? nothing : services.shareGroups.describeOffsets(group)
  })
  return { throttleTimeMs: 0, groups: await Promise.all(described) }
}

export async function handleAlterShareGroupOffsets(
  request: Request<'AlterShareGroupOffsets'>,
  services: ShareGroupServices & { directory: PartitionDirectory },
): Promise<Response<'AlterShareGroupOffsets'>> {
  if (isOff(services)) {
    const errorCode = errorCodes.UNSUPPORTED_VERSION
    return { throttleTimeMs: 0, errorCode, errorMessage: errorText(errorCode), responses: [] }
  }
  const { directory, shareGroups } = services
  const known = request.topics.filter(({ topicName }) => directory.topicId(topicName) !== undefined)
  const unknown = request.topics.filter(({ topicName }) => directory.topicId(topicName) === undefined)
  const answer = await shareGroups.alterOffsets({ ...request, topics: known })
  if (answer.errorCode !== errorCodes.NONE) return answer
  const errorCode = errorCodes.UNKNOWN_TOPIC_OR_PARTITION
  const refused = unknown.map(({ topicName, partitions }) => ({
    topicName,
    topicId: ZERO_UUID,
    partitions: partitions.map(({ partitionIndex }) => ({
      partitionIndex,
      errorCode,
      errorMessage: errorText(errorCode),
    })),
  }))
  return { ...answer, responses: [...refused, ...answer.responses] }
}

export async function handleDeleteShareGroupOffsets(
  request: Request<'DeleteShareGroupOffsets'>,
  services: ShareGroupServices,
): Promise<Response<'DeleteShareGroupOffsets'>> {
  if (!isOff(services)) return services.shareGroups.deleteOffsets(request)
  const errorCode = errorCodes.UNSUPPORTED_VERSION
  return { throttleTimeMs: 0, errorCode, errorMessage: errorText(errorCode), responses: [] }
}

/** Before a share group its states are deleted; one whose states cannot be is left as it is. */
export async function handleDeleteGroups(
  request: Request<'DeleteGroups'>,
  { groups, shareGroups }: { groups: GroupCoordinator; shareGroups: ShareGroups },
): Promise<Response<'DeleteGroups'>> {
  const groupIds = [...new Set(request.groupsNames)]
  const outcomes = await Promise.all(
    groupIds.map(async (groupId) => ({ groupId, errorCode: await shareGroups.deleteStatesOf(groupId) })),
  )
  const refused = outcomes.filter(({ errorCode }) => errorCode !== errorCodes.NONE)
  const groupsNames = outcomes
    .filter(({ errorCode }) => errorCode === errorCodes.NONE)
    .map(({ groupId }) => groupId)
  const { throttleTimeMs, results } = await groups.deleteGroups({ ...request, groupsNames })
  return { throttleTimeMs, results: [...refused, ...results] }
}
