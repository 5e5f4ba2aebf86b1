// DescribeGroups, ListGroups and DeleteGroups of one shard.

import { errorCodes } from '../../protocol/errors.ts'
import { type ClassicGroup, metadataFor, NO_ASSIGNMENT } from './classic/group.ts'
import type { Group } from './group-kind.ts'
import { kindOf } from './kinds.ts'
import type { DescribedGroup, ListedGroup } from './messages.ts'

/** The protocol's "not asked for": an Int32.MIN_VALUE bit field. */
const NO_AUTHORIZED_OPERATIONS = -2147483648

/** The versions that take an unknown group for a Dead one are told so by the facade. */
export function describeGroup(groupId: string, found: Group | undefined): DescribedGroup {
  if (found?.type !== 'classic') {
    return {
      errorCode: errorCodes.GROUP_ID_NOT_FOUND,
      errorMessage:
        found === undefined ? `Group ${groupId} not found.` : `Group ${groupId} is not a classic group.`,
      groupId,
      groupState: 'Dead',
      protocolType: '',
      protocolData: '',
      members: [],
      authorizedOperations: NO_AUTHORIZED_OPERATIONS,
    }
  }
  const group = found as ClassicGroup
  // During a rebalance the members' metadata is about to change: it is only told of a stable group.
  const protocolName = group.state === 'Stable' ? group.protocolName : null
  return {
    errorCode: errorCodes.NONE,
    errorMessage: null,
    groupId,
    groupState: group.state,
    protocolType: group.protocolType ?? '',
    protocolData: protocolName ?? '',
    members: [...group.members.values()].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: protocolName === null ? NO_ASSIGNMENT : metadataFor(member, protocolName),
      memberAssignment: member.assignment,
    })),
    authorizedOperations: NO_AUTHORIZED_OPERATIONS,
  }
}

/** Filters hold lower-case names; an empty one lets everything pass. */
export function listGroups(
  groups: Iterable<Group>,
  states: ReadonlySet<string>,
  types: ReadonlySet<string>,
): ListedGroup[] {
  const listed: ListedGroup[] = []
  for (const group of groups) {
    const { groupId, type } = group
    if (types.size > 0 && !types.has(type)) continue
    const kind = kindOf(group)
    const groupState = kind.stateName(group)
    if (states.size > 0 && !states.has(groupState.toLowerCase())) continue
    listed.push({ groupId, protocolType: kind.protocolType(group), groupState, groupType: type })
  }
  return listed
}

export function refuseDelete(group: Group | undefined): number | undefined {
  return group === undefined ? errorCodes.GROUP_ID_NOT_FOUND : kindOf(group).refuseDelete(group)
}
