// StreamsGroupDescribe, version 0 (KIP-1071).

import type { Features } from '../coordinator/features.ts'
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts'
import { errorCodes } from '../protocol/errors.ts'
import { describeStreamsRefused } from '../coordinator/group/streams/describe.ts'
import type { Request, Response } from './context.ts'

export interface StreamsGroupDescribeServices {
  groups: Pick<GroupCoordinator, 'streamsGroupDescribe'>
  features: Features
}

export async function handleStreamsGroupDescribe(
  { groupIds }: Request<'StreamsGroupDescribe'>,
  { groups, features }: StreamsGroupDescribeServices,
): Promise<Response<'StreamsGroupDescribe'>> {
  const described =
    features.level('streams.version') < 1
      ? groupIds.map((groupId) => describeStreamsRefused(groupId, errorCodes.UNSUPPORTED_VERSION, null))
      : await groups.streamsGroupDescribe(groupIds)
  return { throttleTimeMs: 0, groups: described }
}
