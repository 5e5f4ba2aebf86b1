// What a client may do with a group, in the answers that describe groups of any kind: without an authorizer that is
// everything, and it is told to those who ask (KIP-430). A group that is not described tells nothing.

import { errorCodes } from '../protocol/errors.ts'
import { GROUP_OPERATIONS } from './cluster-view.ts'

interface DescribedGroups {
  groups: readonly { errorCode: number; authorizedOperations?: number }[]
}

export function withGroupOperations<R extends DescribedGroups>(
  { includeAuthorizedOperations }: { includeAuthorizedOperations: boolean },
  response: R,
): R {
  if (!includeAuthorizedOperations) return response
  const groups = response.groups.map((group) =>
    group.errorCode === errorCodes.NONE ? { ...group, authorizedOperations: GROUP_OPERATIONS } : group,
  )
  return { ...response, groups }
}
