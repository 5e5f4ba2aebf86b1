// DescribeGroups, ListGroups and DeleteGroups of one shard.

import { errorCodes } from '../../protocol/errors.ts'
import { type Group, metadataFor, NO_ASSIGNMENT } from './group.ts'
import type { DescribedGroup, ListedGroup } from './messages.ts'

/** The protocol's "not asked for": an Int32.MIN_VALUE bit field. */
const NO_AUTHORIZED_OPERATIONS = -2147483648

/** The versions that take an unknown group for a Dead one are told so by the facade. */
export function describeGroup(groupId: string, group: Group | undefined): DescribedGroup {
  if (group === undefined) {
    return {
      errorCode: errorCodes.GROUP_ID_NOT_FOUND,
      errorMessage: `Group ${groupId} not found.`,
      groupId,
      groupState: 'Dead',
      protocolType: '',
      protocolData: '',
      members: [],
      authorizedOperations: NO_AUTHORIZED_OPERATIONS,
    }
  }
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
  if (types.size > 0 && !types.has('classic')) return listed
  for (const { groupId, protocolType, state } of groups) {
    if (states.size > 0 && !states.has(state.toLowerCase())) continue
    listed.push({ groupId, protocolType: protocolType ?? '', groupState: state, groupType: 'classic' })
  }
  return listed
}

export function refuseDelete(group: Group | undefined): number | undefined {
  if (group === undefined) return errorCodes.GROUP_ID_NOT_FOUND
  return group.state === 'Empty' ? undefined : errorCodes.NON_EMPTY_GROUP
}
