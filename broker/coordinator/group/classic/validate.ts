// Fencing: who may speak in a group's name. All refusals are the protocol's error codes; undefined is "no
// objection". Kafka: ClassicGroup.validateMember and validateOffsetCommit.

import { errorCodes } from '../../../protocol/errors.ts'
import type { Committer } from '../group-kind.ts'
import type { ClassicGroup } from './group.ts'

/** An instance id must belong to the member id, and the member id to the group. */
export function refuseMember(
  group: ClassicGroup,
  memberId: string,
  groupInstanceId: string | null,
): number | undefined {
  if (groupInstanceId !== null) {
    const current = group.staticMembers.get(groupInstanceId)
    if (current === undefined) return errorCodes.UNKNOWN_MEMBER_ID
    if (current !== memberId) return errorCodes.FENCED_INSTANCE_ID
  }
  return group.members.has(memberId) ? undefined : errorCodes.UNKNOWN_MEMBER_ID
}

export function refuseCommit(
  group: ClassicGroup,
  { memberId, groupInstanceId, generationIdOrMemberEpoch: generationId }: Committer,
  transactional: boolean,
): number | undefined {
  // From an admin client, or a consumer that assigns its partitions itself.
  if (generationId < 0 && group.state === 'Empty') return undefined
  if (generationId >= 0 || memberId !== '' || groupInstanceId !== null) {
    const refusal = refuseMember(group, memberId, groupInstanceId)
    if (refusal !== undefined) return refusal
    if (generationId !== group.generationId) return errorCodes.ILLEGAL_GENERATION
  } else if (!transactional && group.state !== 'Empty') {
    // Old transactional commits carry neither member nor generation: their fence is the producer epoch.
    return errorCodes.UNKNOWN_MEMBER_ID
  }
  // The member knows the new generation but not its partitions: what it commits may be another's by now.
  if (!transactional && group.state === 'CompletingRebalance') return errorCodes.REBALANCE_IN_PROGRESS
  return undefined
}
