// Who may commit and fetch offsets in a streams group's name. A member that has not yet heard of its newest epoch may
// still commit for the tasks that it has held since an epoch that it knows. Kafka: StreamsGroup.validateOffsetCommit
// and validateOffsetFetch.

import { errorCodes } from '../../../protocol/errors.ts'
import type { Committer, PartitionCheck } from '../group-kind.ts'
import type { StreamsMember } from './member.ts'
import type { StreamsGroup } from './streams-group.ts'
import { readerOf } from './topology.ts'

/** OffsetCommit from then on knows of member epochs. */
const MEMBER_EPOCHS_SINCE = 9
const NO_EPOCH = -1

export function refuseCommit(
  group: StreamsGroup,
  committer: Committer,
  transactional: boolean,
): number | PartitionCheck | undefined {
  const { memberId, groupInstanceId, generationIdOrMemberEpoch: memberEpoch, apiVersion } = committer
  // From an admin client, or a consumer that assigns its partitions itself.
  if (memberEpoch < 0 && group.members.size === 0) return undefined
  // A transaction without a group's member in it: its fence is the producer epoch.
  if (transactional && memberEpoch === NO_EPOCH && memberId === '' && groupInstanceId === null)
    return undefined
  const member = group.members.get(memberId)
  if (member === undefined) return errorCodes.UNKNOWN_MEMBER_ID
  if (!transactional && apiVersion < MEMBER_EPOCHS_SINCE) return errorCodes.UNSUPPORTED_VERSION
  if (memberEpoch === member.memberEpoch) return undefined
  if (memberEpoch > member.memberEpoch) return errorCodes.STALE_MEMBER_EPOCH
  return (_topicId, partition, topic) =>
    holdsSince(group, member, topic, partition) <= memberEpoch ? undefined : errorCodes.STALE_MEMBER_EPOCH
}

/** The epoch at which the member got the task that reads the partition; never, if it does not have it. */
function holdsSince(group: StreamsGroup, member: StreamsMember, topic: string, partition: number): number {
  const subtopology = group.topology === null ? undefined : readerOf(group.topology, topic)
  if (subtopology === undefined) return Number.POSITIVE_INFINITY
  const { subtopologyId } = subtopology
  return (
    member.assigned.active.get(subtopologyId)?.get(partition) ??
    member.pendingRevocation.active.get(subtopologyId)?.get(partition) ??
    Number.POSITIVE_INFINITY
  )
}

export function refuseFetch(
  group: StreamsGroup,
  memberId: string | null,
  memberEpoch: number,
): number | undefined {
  if (memberId === null && memberEpoch < 0) return undefined
  const member = memberId === null ? undefined : group.members.get(memberId)
  if (member === undefined) return errorCodes.UNKNOWN_MEMBER_ID
  return memberEpoch === member.memberEpoch ? undefined : errorCodes.STALE_MEMBER_EPOCH
}
